"""Choice: goes where the first true condition points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from durable.asl.decisions import Decision, Exit
from durable.asl.errors import runtime_error
from durable.asl.scope import StateScope
from durable.asl.states.base import State
from durable.asl.template import Evaluated, Literal, Template, all_repeatable
from durable.asl.transition import leave


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """One member of Choices; its condition must give a boolean."""

    condition: Evaluated | Literal
    next: str
    assign: Template | None = None
    output: Template | None = None

    def holds(self, scope: StateScope) -> bool:
        if isinstance(self.condition, Literal):
            return bool(self.condition.value)
        return bool(self.condition.expect(scope, "boolean"))

    def leave(self, scope: StateScope) -> Exit:
        return leave(self.next, self.assign, self.output, scope, scope.default_output())


@dataclass(frozen=True, kw_only=True)
class Choice(State):
    """Its `next` is the Default; its own Assign and Output go with that."""

    type: ClassVar[str] = "Choice"
    rules: tuple[ChoiceRule, ...] = ()

    @cached_property
    def repeatable(self) -> bool:
        rules = all(all_repeatable(each.condition, each.assign, each.output) for each in self.rules)
        return rules and super().repeatable

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        # In their order, and none after the first that holds: a later condition may fail where an earlier one guards
        # it.
        for rule in self.rules:
            if rule.holds(scope):
                return rule.leave(scope)
        if self.next is None:
            raise runtime_error("Failed to transition out of the state. The state does not point to a next state.")
        return self.leave(scope)
