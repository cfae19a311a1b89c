"""Succeed: ends its program with an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from durable.local.asl.decisions import Decision
from durable.local.asl.scope import StateScope
from durable.local.asl.states.base import State


@dataclass(frozen=True, kw_only=True)
class Succeed(State):
    type: ClassVar[str] = "Succeed"

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        return self.leave(scope)
