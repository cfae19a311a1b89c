"""What all states have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from durable.asl.decisions import Decision, Exit
from durable.asl.retry import Catcher, Retrier
from durable.asl.scope import StateScope
from durable.asl.template import Template, all_repeatable
from durable.asl.transition import leave


# Without slots: `cached_property` keeps what it computed in `__dict__`.
@dataclass(frozen=True, kw_only=True)
class State:
    """A state of a loaded machine; `next` is None where it ends its program."""

    type: ClassVar[str]
    name: str
    next: str | None = None
    assign: Template | None = None
    output: Template | None = None
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()

    @property
    def retryable(self) -> bool:
        """Whether the state can have Retry and Catch, and the context object its RetryCount."""
        return False

    @property
    def volatile(self) -> bool:
        """True if re-entering the state could decide differently; the snapshot must then store the decision."""
        return False

    @cached_property
    def repeatable(self) -> bool:
        """True if entering and leaving the state again, with the same data, comes to the same values."""
        leaving = (each for catcher in self.catchers for each in (catcher.assign, catcher.output))
        return all_repeatable(self.assign, self.output, *leaving)

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        """Decide what entering the state (or retrying it) does; raises StateError."""
        raise NotImplementedError

    def leave(self, scope: StateScope) -> Exit:
        """Evaluate Assign and Output once the state's work is done; raises StateError."""
        return leave(self.next, self.assign, self.output, scope, scope.default_output())


@dataclass(frozen=True, slots=True)
class Program:
    """States and where they start: the machine's own, a branch's, a processor's."""

    start_at: str
    states: Mapping[str, State] = field(default_factory=dict)
