"""JSONata expressions: parsed once, evaluated against a scope; the most usual ones without the library.

AWS implements jsonata 2.0.6: `??` and `?:` are syntax errors there, and `$eval` is no function.
"""

from __future__ import annotations

import functools
import math
import re
import threading
from collections.abc import Iterator
from typing import Any, Final, Protocol

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from durable.asl import functions
from durable.asl.bounds import OutOfBounds
from durable.asl.direct import Compiled, Unsure, compile_direct
from durable.asl.evaluator import MAX_DEPTH, STACK_OVERFLOW, Evaluator
from durable.asl.messages import message_of
from durable.asl.syntax import (
    SyntaxProblem,
    context_references,
    depth,
    is_plain,
    names_any,
    nodes,
    parse_tree,
)
from durable.asl.values import CONTEXT_SECTIONS, MISSING


class Scope(Protocol):
    """What an expression can see: variables, the fields of $states, the time and the randomness."""

    def variable(self, name: str) -> Any: ...
    def states_field(self, name: str) -> Any: ...
    def context_section(self, name: str) -> Any: ...
    def volatile(self, name: str) -> Any: ...
    def bound(self, value: Any) -> Any: ...


_REPEATABLE: Final = re.compile(
    r"\$states\.(?:input|result|errorOutput|context\.(?:Execution|StateMachine|Map|State\.(?:Name|RetryCount)))\b"
)
"""What of $states is the same when a state is entered again after a restart; the rest tells times and tokens."""


class EvaluationFailed(Exception):
    """An expression raised an error; the text is code and message, as AWS reports them."""


class BoundExceeded(EvaluationFailed):
    """An expression used more time, memory or depth than it may."""


class UnsupportedResult(Exception):
    """An expression returned a function, which JSON has not."""


class Expression:
    """A parsed expression, evaluated by the library. Safe to share across threads."""

    __slots__ = ("_ast", "repeatable", "source", "states_fields", "volatile")

    def __init__(self, source: str, ast: Any) -> None:
        self.source = source
        self.states_fields = frozenset(_states_fields(ast) if "$states" in source else ())
        self._ast = ast
        self.volatile = names_any(source, ast, functions.VOLATILE)
        self.repeatable = not self.volatile and "$states" not in _REPEATABLE.sub("", source)

    def evaluate(self, scope: Scope) -> Any:
        """Return the JSON value, or MISSING; raises EvaluationFailed and UnsupportedResult."""
        try:
            return _to_json(_evaluator().run(self._ast, _Outermost(scope)))
        # The library lets bare errors of Python out too. Each must fail the state, so that its Catch can take it.
        except (UnsupportedResult, EvaluationFailed):
            raise
        except OutOfBounds as error:
            raise BoundExceeded(str(error)) from error
        except JException as error:
            raise EvaluationFailed(message_of(error)) from error
        except (ZeroDivisionError, OverflowError) as error:
            raise EvaluationFailed(_OUT_OF_RANGE) from error
        except RecursionError as error:
            raise BoundExceeded(STACK_OVERFLOW) from error
        except Exception as error:
            raise EvaluationFailed(f"{type(error).__name__}: {error}") from error


class Constant(Expression):
    """A literal."""

    __slots__ = ("_value",)

    def __init__(self, source: str, ast: Any) -> None:
        super().__init__(source, ast)
        self._value = _member(ast.value)

    def evaluate(self, scope: Scope) -> Any:
        return self._value


class Computed(Expression):
    """What is computed without the library, which decides where that is not sure."""

    __slots__ = ("_compiled",)

    def __init__(self, source: str, ast: Any, compiled: Compiled) -> None:
        super().__init__(source, ast)
        self._compiled = compiled

    def evaluate(self, scope: Scope) -> Any:
        try:
            return self._compiled(scope)
        except Unsure:
            return super().evaluate(scope)


@functools.lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """Parse an expression, which the same text shares; raises SyntaxProblem."""
    ast = parse_tree(source)
    references = context_references(ast)
    if references:
        raise SyntaxProblem(
            f"reference to '{references[0]}' at the top level is not supported; write $states.input or a variable"
        )
    # What is read directly is not counted by the evaluator: deep trees go to the library, which keeps the limit.
    if depth(ast) > MAX_DEPTH:
        return Expression(source, ast)
    if ast.type in ("string", "number", "value") and is_plain(ast):
        return Constant(source, ast)
    compiled = compile_direct(ast)
    return Expression(source, ast) if compiled is None else Computed(source, ast, compiled)


_EVALUATORS: Final = threading.local()


def _evaluator() -> Evaluator:
    """Return this thread's evaluator: it keeps the state of one evaluation."""
    evaluator: Evaluator | None = getattr(_EVALUATORS, "evaluator", None)
    if evaluator is None:
        evaluator = _EVALUATORS.evaluator = Evaluator()
    return evaluator


class _Outermost(Jsonata.Frame):  # type: ignore[misc]  # jsonata-python has no types
    """The outermost frame of an evaluation: looks names up in the scope, when they are asked for."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(None)
        self._scope = scope

    def lookup(self, name: str) -> Any:
        value = self.bindings.get(name, MISSING)
        if value is MISSING:
            value = self.bindings[name] = self._find(name)
        return value

    def _find(self, name: str) -> Any:
        if name == "states":
            return self._states()
        # Variables first: one may have the name of a function, and hides it then.
        value = self._scope.variable(name)
        if value is not MISSING:
            return self._scope.bound(value)
        return self._scope.volatile(name) if name in functions.VOLATILE else functions.FIXED.get(name)

    def _states(self) -> dict[str, Any]:
        scope = self._scope
        fields = {name: scope.states_field(name) for name in ("input", "result", "errorOutput")}
        sections = {name: scope.context_section(name) for name in CONTEXT_SECTIONS}
        return {**_bound(fields, scope), "context": _bound(sections, scope)}


def _bound(members: dict[str, Any], scope: Scope) -> dict[str, Any]:
    return {name: scope.bound(value) for name, value in members.items() if value is not MISSING}


_LONGEST_INTEGER: Final = 10**21
"""From here on JavaScript writes a number with an exponent."""
_OUT_OF_RANGE: Final = "D1001: Number out of range: null"


def _to_json(value: Any) -> Any:
    """Return the library's value as plain JSON, the same object where it is plain already."""
    # In the library None is "undefined", and JSON's null is an object of its own.
    if value is None:
        return MISSING
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        # Numbers are doubles on AWS: from this size on one is written with an exponent.
        return value if -_LONGEST_INTEGER < value < _LONGEST_INTEGER else float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EvaluationFailed(_OUT_OF_RANGE)
        return value
    if isinstance(value, dict):
        items = {key: _member(item) for key, item in value.items()}
        return value if all(items[key] is item for key, item in value.items()) else items
    if isinstance(value, list):
        elements = [_member(item) for item in value]
        plain = type(value) is list and all(new is old for new, old in zip(elements, value, strict=True))
        return value if plain else elements
    raise UnsupportedResult


def _member(value: Any) -> Any:
    return None if value is None else _to_json(value)


def _states_fields(ast: Any) -> Iterator[str]:
    """Yield the fields of $states that an expression names."""
    for node in nodes(ast):
        steps = node.steps if node.type == "path" else []
        if len(steps) > 1 and (steps[0].type, steps[0].value, steps[1].type) == ("variable", "states", "name"):
            yield str(steps[1].value)
