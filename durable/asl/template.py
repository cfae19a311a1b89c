"""JSON templates: fixed JSON in which strings of the form {% … %} are expressions."""

from __future__ import annotations

from typing import Any, Final, Protocol

from durable.asl.errors import query_error
from durable.asl.expression import (
    BoundExceeded,
    EvaluationFailed,
    Expression,
    Scope,
    UnsupportedResult,
    parse,
)
from durable.asl.syntax import SyntaxProblem
from durable.asl.values import MISSING, json_text, type_name

_OPEN: Final = "{%"
_CLOSE: Final = "%}"


class Template(Protocol):
    """Renders to a JSON value.

    Attributes:
        volatile: whether it may give another value the next time.
        repeatable: whether it gives the same value when its state is entered again, with the same data, after a
            restart. What is volatile is not repeatable, nor what reads the time at which the state was entered.
    """

    volatile: bool
    repeatable: bool

    def render(self, scope: Scope) -> Any: ...


class Literal:
    """JSON without an expression in it."""

    __slots__ = ("value",)
    volatile = False
    repeatable = True

    def __init__(self, value: Any) -> None:
        self.value = value

    def render(self, scope: Scope) -> Any:
        return self.value


class Evaluated:
    """One expression, and the field it stands in, as the causes of its errors name them."""

    __slots__ = ("_expression", "field", "repeatable", "volatile")

    def __init__(self, expression: Expression, field: str) -> None:
        self._expression, self.field = expression, field
        self.volatile, self.repeatable = expression.volatile, expression.repeatable

    def render(self, scope: Scope) -> Any:
        """Return the value; raises StateError with AWS's cause."""
        try:
            value = self._expression.evaluate(scope)
        except BoundExceeded as error:
            raise query_error(f"{self._subject()} threw an error during evaluation: {error}", self.field) from error
        except EvaluationFailed as error:
            raise query_error(f"{self._subject()} threw an error during evaluation. {error}", self.field) from error
        except UnsupportedResult as error:
            raise query_error(f"{self._subject()} returned an unsupported result type.", self.field) from error
        if value is MISSING:
            raise query_error(f"{self._subject()} returned nothing (undefined).", self.field)
        return value

    def expect(self, scope: Scope, expected: str) -> Any:
        """Return the value, which must be of a JSON type; raises StateError with AWS's cause."""
        value = self.render(scope)
        got = type_name(value)
        if got == expected:
            return value
        raise query_error(
            f"{self._subject()} returned an unexpected result type. "
            f"Expected '{expected}', but was '{got}' for value: {json_text(value)}",
            self.field,
        )

    def _subject(self) -> str:
        return f"The JSONata expression '{self._expression.source}' specified for the field '{self.field}'"


class ObjectTemplate:
    """An object with an expression somewhere in it."""

    __slots__ = ("_evaluated", "_fixed", "repeatable", "volatile")

    def __init__(self, members: dict[str, Template]) -> None:
        # Most members are fixed; those that are not have their places among them, in the order of the definition.
        self._fixed = {name: each.value if isinstance(each, Literal) else None for name, each in members.items()}
        self._evaluated = tuple((name, each) for name, each in members.items() if not isinstance(each, Literal))
        self.volatile = any_volatile(*members.values())
        self.repeatable = all_repeatable(*members.values())

    def render(self, scope: Scope) -> dict[str, Any]:
        rendered = dict(self._fixed)
        for name, member in self._evaluated:
            rendered[name] = member.render(scope)
        return rendered


class ListTemplate:
    """A list with an expression somewhere in it."""

    __slots__ = ("_items", "repeatable", "volatile")

    def __init__(self, items: list[Template]) -> None:
        self._items = tuple(items)
        self.volatile, self.repeatable = any_volatile(*items), all_repeatable(*items)

    def render(self, scope: Scope) -> list[Any]:
        return [item.render(scope) for item in self._items]


def any_volatile(*templates: Template | None) -> bool:
    """Tell whether one of the templates may give another value the next time."""
    return any(template is not None and template.volatile for template in templates)


def all_repeatable(*templates: Template | None) -> bool:
    """Tell whether all of the templates give the same value when their state is entered again after a restart."""
    return all(template is None or template.repeatable for template in templates)


def is_expression(value: Any) -> bool:
    """Tell whether a JSON value is a string that holds an expression."""
    return isinstance(value, str) and value.startswith(_OPEN) and value.endswith(_CLOSE) and len(value) >= 4


_GUARDED: Final = frozenset({"result", "errorOutput"})
"""The fields of $states that are there in some places only."""
_FIELDS: Final = _GUARDED | {"input", "context"}


def compile_expression(value: str, field: str, sees: str) -> Evaluated:
    """Compile a string of the form {% … %} in which one of the guarded fields of $states may be seen.

    Raises SyntaxProblem with the expression in its text.
    """
    source = value[len(_OPEN) : -len(_CLOSE)].strip()
    try:
        expression = parse(source)
    except SyntaxProblem as problem:
        raise SyntaxProblem(f"the expression '{source}' in '{field}' is not valid: {problem}") from problem
    unknown = sorted(expression.states_fields - _FIELDS)
    if unknown:
        raise SyntaxProblem(f"the expression '{source}' in '{field}' names $states.{unknown[0]}, which there is not")
    hidden = sorted(expression.states_fields & _GUARDED - {sees})
    if hidden:
        raise SyntaxProblem(f"the expression '{source}' in '{field}' sees no $states.{hidden[0]}: {_WHERE[hidden[0]]}")
    return Evaluated(expression, field)


_WHERE: Final = {
    "result": "it is there in Assign and Output of a Task, Parallel or Map",
    "errorOutput": "it is there in Assign and Output of a Catch",
}


def compile_template(value: Any, field: str, sees: str) -> Template:
    """Compile any JSON value; raises SyntaxProblem."""
    if isinstance(value, str):
        return _compile_text(value, field, sees)
    if isinstance(value, dict):
        members = {name: compile_template(member, f"{field}/{name}", sees) for name, member in value.items()}
        return Literal(value) if _all_literal(list(members.values())) else ObjectTemplate(members)
    if isinstance(value, list):
        items = [compile_template(item, f"{field}[{index}]", sees) for index, item in enumerate(value)]
        return Literal(value) if _all_literal(items) else ListTemplate(items)
    return Literal(value)


def _compile_text(value: str, field: str, sees: str) -> Template:
    if is_expression(value):
        return compile_expression(value, field, sees)
    if value.startswith(_OPEN) or value.endswith(_CLOSE):
        raise SyntaxProblem(f"{value!r} in '{field}' is half an expression: it starts with {{% and ends with %}}")
    return Literal(value)


def _all_literal(parts: list[Template]) -> bool:
    return all(isinstance(part, Literal) for part in parts)
