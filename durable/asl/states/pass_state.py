"""Pass: does nothing but assign and put out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from durable.asl.decisions import Decision
from durable.asl.scope import StateScope
from durable.asl.states.base import State


@dataclass(frozen=True, kw_only=True)
class Pass(State):
    type: ClassVar[str] = "Pass"

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        return self.leave(scope)
