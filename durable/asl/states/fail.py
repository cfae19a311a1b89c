"""Fail: ends its program with an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from durable.asl.decisions import Decision, Stop
from durable.asl.scope import StateScope
from durable.asl.states.base import State
from durable.asl.template import Evaluated, Template


@dataclass(frozen=True, kw_only=True)
class Fail(State):
    type: ClassVar[str] = "Fail"
    error: Template | None = None
    cause: Template | None = None

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        return Stop(_text(self.error, scope), _text(self.cause, scope))


def _text(template: Template | None, scope: StateScope) -> str | None:
    if template is None:
        return None
    value = template.expect(scope, "string") if isinstance(template, Evaluated) else template.render(scope)
    return str(value)
