"""Parallel: runs branches side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from durable.asl.decisions import Decision, RunBranches
from durable.asl.scope import StateScope
from durable.asl.states.base import Program, State
from durable.asl.template import Template, all_repeatable, any_volatile


@dataclass(frozen=True, kw_only=True)
class Parallel(State):
    type: ClassVar[str] = "Parallel"
    branches: tuple[Program, ...] = ()
    arguments: Template | None = None

    @property
    def retryable(self) -> bool:
        return True

    @cached_property
    def volatile(self) -> bool:
        return any_volatile(self.arguments)

    @cached_property
    def repeatable(self) -> bool:
        return super().repeatable and all_repeatable(self.arguments)

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        # All branches begin with the same input: the Arguments are evaluated once, and not for each.
        return RunBranches(self.arguments.render(scope) if self.arguments is not None else scope.default_output())
