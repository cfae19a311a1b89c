"""Reads the fields of a definition one by one and notes every problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable.asl.errors import Problem
from durable.asl.syntax import SyntaxProblem
from durable.asl.template import (
    Evaluated,
    Literal,
    Template,
    compile_template,
    is_expression,
)
from durable.asl.values import MISSING, is_integer, type_name

_JSONPATH: Final = frozenset(
    (
        *("InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath", "SecondsPath"),
        *("TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath", "ErrorPath", "CausePath"),
        *("MaxConcurrencyPath", "ToleratedFailureCountPath", "ToleratedFailurePercentagePath"),
        *("Result", "Variable", "And", "Or", "Not"),
    )
)
_DISTRIBUTED: Final = frozenset(("ItemReader", "ItemBatcher", "ResultWriter", "Label"))


class Fields:
    """The fields of one object of a definition: of a state, or of a member of it (`path` leads to it)."""

    def __init__(self, raw: Any, problems: list[Problem], state: str = "", path: str = "") -> None:
        self.problems, self.state, self._path = problems, state, path
        self._raw: dict[str, Any] = {}
        if isinstance(raw, Mapping):
            self._raw = dict(raw)
        else:
            self.problem("", f"an object is wanted, not {type_name(raw)}")

    def problem(self, field: str, why: str) -> None:
        """Note what is wrong with a field."""
        self.problems.append(Problem(self.state, self.path(field), why))

    def path(self, field: str) -> str:
        """Return where a field is, as Step Functions writes it."""
        return f"{self._path}/{field}" if self._path and field else self._path or field

    def take(self, field: str) -> Any:
        """Return a field's value, or MISSING; it is then known."""
        # What is left in the end is what nobody asked for: see `close`.
        return self._raw.pop(field, MISSING)

    def members(self, field: str, *, required: bool = False) -> list[Fields]:
        """Return the objects of a list field."""
        value = self.take(field)
        if value is MISSING and not required:
            return []
        if not isinstance(value, list) or (required and not value):
            self.problem(field, "a list of one member at least is wanted" if required else "a list is wanted")
            return []
        return [
            Fields(member, self.problems, self.state, self.path(f"{field}[{index}]"))
            for index, member in enumerate(value)
        ]

    def text(self, field: str, *, required: bool = False) -> str | None:
        """Return a field that holds a string."""
        value = self.take(field)
        if value is MISSING:
            if required:
                self.problem(field, "it is missing")
            return None
        if not isinstance(value, str) or (required and not value):
            self.problem(field, f"a string is wanted, not {type_name(value) if value != '' else 'an empty one'}")
            return None
        return value

    def number(self, field: str, *, least: float, most: float | None = None, whole: bool = True) -> float | None:
        """Return a field that holds a number in a range."""
        value = self.take(field)
        return None if value is MISSING or not self._in_range(field, value, least, most, whole) else value

    def number_template(
        self, field: str, *, least: float, most: float | None = None, whole: bool = True
    ) -> Template | None:
        """Return a field that holds a number or an expression."""
        value = self.take(field)
        if value is MISSING:
            return None
        if is_expression(value):
            return self.compiled(field, value)
        return Literal(value) if self._in_range(field, value, least, most, whole) else None

    def template(self, field: str, *, sees: str = "") -> Template | None:
        """Return a field that holds any JSON with expressions in it; they may see this guarded field of $states."""
        value = self.take(field)
        return None if value is MISSING else self.compiled(field, value, sees)

    def text_template(self, field: str) -> Template | None:
        """Return a field that holds a string or an expression."""
        value = self.take(field)
        if value is MISSING:
            return None
        if isinstance(value, str):
            return self.compiled(field, value)
        self.problem(field, f"a string is wanted, not {type_name(value)}")
        return None

    def condition(self, field: str) -> Evaluated | Literal:
        """Return a field that holds an expression, or a boolean."""
        value = self.take(field)
        if isinstance(value, bool):
            return Literal(value)
        if not is_expression(value):
            self.problem(field, "a JSONata expression is wanted" if value is not MISSING else "it is missing")
            return Literal(False)
        compiled = self.compiled(field, value)
        return compiled if isinstance(compiled, Evaluated) else Literal(False)

    def compiled(self, field: str, value: Any, sees: str = "") -> Template:
        """Compile a value of a field; a syntax error is noted."""
        try:
            return compile_template(value, self.path(field), sees)
        except SyntaxProblem as problem:
            self.problem(field, str(problem))
            return Literal(None)  # reading goes on, so that all problems are reported at once

    def close(self) -> None:
        """Report every field that was not read: it is unknown or not supported."""
        for field in self._raw:
            self.problem(field, _why_unknown(field))

    def _in_range(self, field: str, value: Any, least: float, most: float | None, whole: bool) -> bool:
        # `true` is an int in Python, and no number in JSON.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and (is_integer(value) or not whole) and value >= least and (most is None or value <= most):
            return True
        kind = "a whole number" if whole else "a number"
        limit = f"from {least} to {most}" if most is not None else f"of {least} at least"
        self.problem(field, f"{kind} {limit} is wanted, not {value!r}")
        return False


def _why_unknown(field: str) -> str:
    if field in _JSONPATH:
        return "it belongs to JSONPath, which is not supported; use Arguments, Output, Assign and expressions"
    if field in _DISTRIBUTED:
        return "it belongs to a distributed Map, which is not supported"
    return "it is not a field that is known or supported here"
