"""A loaded state machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from durable.asl.errors import DefinitionError
from durable.asl.loader import load_machine
from durable.asl.states.base import Program


@dataclass(frozen=True, slots=True)
class Machine:
    """A definition, checked and parsed; immutable, and safe to share across threads.

    `timeout_seconds` is the machine's own TimeoutSeconds; `bounded` is whether its executions have a history, which
    holds 25,000 events: those of an Express machine have none.
    """

    program: Program
    timeout_seconds: int | None = None
    bounded: bool = True

    @classmethod
    def load(cls, definition: Mapping[str, Any], *, bounded: bool = True) -> Machine:
        """Load a definition in the Amazon States Language with JSONata.

        Raises DefinitionError with every problem in it: whatever this interpreter does not run, or Step Functions
        would not create, is refused here and never skipped.
        """
        loaded = load_machine(definition)
        if loaded.problems:
            raise DefinitionError(loaded.problems)
        return cls(loaded.program, loaded.timeout_seconds, bounded)
