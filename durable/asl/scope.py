"""What the expressions of a state see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Protocol

from durable.asl import functions
from durable.asl.values import CONTEXT_SECTIONS, MISSING


class Sections(Protocol):
    """Gives the sections of the context object, each when it is asked for."""

    def section(self, name: str) -> Any: ...


class StateScope:
    """Variables and the fields of $states at one moment of one state."""

    __slots__ = ("_bound", "_error_output", "_input", "_now_ms", "_random", "_result", "_sections", "_variables")

    def __init__(
        self,
        variables: Mapping[str, Any],
        input: Any,
        sections: Sections,
        now_ms: int,
        random: Random,
        result: Any = MISSING,
        error_output: Any = MISSING,
        bound: Callable[[Any], Any] = functions.bind_nulls,
    ) -> None:
        self._variables, self._input, self._sections = variables, input, sections
        self._now_ms, self._random = now_ms, random
        self._result, self._error_output, self._bound = result, error_output, bound

    def default_output(self) -> Any:
        """Return what a state without Output puts out: its result if it has one, else its input."""
        # MISSING and not None: a result may be null.
        return self._input if self._result is MISSING else self._result

    def variable(self, name: str) -> Any:
        return self._variables.get(name, MISSING)

    def states_field(self, name: str) -> Any:
        if name == "input":
            return self._input
        if name == "result":
            return self._result
        if name == "errorOutput":
            return self._error_output
        return self._context() if name == "context" else MISSING

    def context_section(self, name: str) -> Any:
        return self._sections.section(name)

    def volatile(self, name: str) -> Any:
        return functions.volatile(name, self._now_ms, self._random)

    def bound(self, value: Any) -> Any:
        """Return a value as the library wants it; what was bound before in the same turn is not walked again."""
        return self._bound(value)

    def _context(self) -> dict[str, Any]:
        sections = {name: self._sections.section(name) for name in CONTEXT_SECTIONS}
        return {name: section for name, section in sections.items() if section is not MISSING}
