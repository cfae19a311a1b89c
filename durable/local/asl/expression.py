"""JSONata expressions: parsed once, evaluated against a scope; plain paths without the library.

AWS implements jsonata 2.0.6: `??` and `?:` are syntax errors there, and `$eval` is not defined.
"""

from __future__ import annotations

import functools
import json
import math
import re
import threading
from collections.abc import Collection, Iterator
from typing import Any, Final, Protocol

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.regex_engine import default_regex_engine
from jsonata.utils import Utils

from durable.local.asl import functions


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What an expression gives when it returns nothing (undefined)."""


class Scope(Protocol):
    """What an expression can see: variables, the fields of $states, the time and the randomness."""

    def variable(self, name: str) -> Any: ...
    def states_field(self, name: str) -> Any: ...
    def context_section(self, name: str) -> Any: ...
    def volatile(self, name: str) -> Any: ...


class SyntaxProblem(Exception):
    """An expression cannot be parsed, or uses what AWS has not."""


class EvaluationFailed(Exception):
    """An expression raised an error; the text is code and message, as AWS reports them."""


class UnsupportedResult(Exception):
    """An expression returned a function, which JSON has not."""


class Expression:
    """A parsed expression, evaluated by the library. Safe to share across threads."""

    __slots__ = ("_ast", "source", "volatile")

    def __init__(self, source: str, ast: Any) -> None:
        self.source = source
        self._ast = ast
        self.volatile = _names_any(source, ast, functions.VOLATILE)

    def evaluate(self, scope: Scope) -> Any:
        """Return the JSON value, or MISSING; raises EvaluationFailed and UnsupportedResult."""
        try:
            return _to_json(_evaluator().eval(self._ast, None, _Frame(scope)))
        except UnsupportedResult:
            raise
        except JException as error:
            raise EvaluationFailed(_message(error)) from error
        except (ZeroDivisionError, OverflowError) as error:
            raise EvaluationFailed("D1001: Number out of range: Infinity") from error
        except RecursionError as error:
            raise EvaluationFailed(_template("D1011")) from error
        except Exception as error:
            raise EvaluationFailed(f"{type(error).__name__}: {error}") from error


class Constant(Expression):
    """A literal."""

    __slots__ = ("_value",)

    def __init__(self, source: str, ast: Any) -> None:
        super().__init__(source, ast)
        self._value = ast.value

    def evaluate(self, scope: Scope) -> Any:
        return self._value


class VariablePath(Expression):
    """`$name` or `$name.a.b`: looked up key by key; a list or a missing value is left to the library."""

    __slots__ = ("_keys", "_name")

    def __init__(self, source: str, ast: Any, keys: list[str]) -> None:
        super().__init__(source, ast)
        self._name, *self._keys = keys

    def evaluate(self, scope: Scope) -> Any:
        value = scope.variable(self._name)
        for key in self._keys:
            if type(value) is not dict:
                return super().evaluate(scope)
            value = value.get(key, MISSING)
        return value if value is not MISSING else super().evaluate(scope)


class StatesPath(Expression):
    """`$states.input.a` and its like, without building $states."""

    __slots__ = ("_field", "_keys")

    def __init__(self, source: str, ast: Any, keys: list[str]) -> None:
        super().__init__(source, ast)
        _, self._field, *self._keys = keys

    def evaluate(self, scope: Scope) -> Any:
        value = scope.states_field(self._field)
        for key in self._keys:
            if type(value) is not dict:
                return super().evaluate(scope)
            value = value.get(key, MISSING)
        return value if value is not MISSING else super().evaluate(scope)


class ContextPath(Expression):
    """`$states.context.Execution.Id` and its like, without building the context object."""

    __slots__ = ("_keys", "_section")

    def __init__(self, source: str, ast: Any, keys: list[str]) -> None:
        super().__init__(source, ast)
        _, _, self._section, *self._keys = keys

    def evaluate(self, scope: Scope) -> Any:
        value = scope.context_section(self._section)
        for key in self._keys:
            if type(value) is not dict:
                return super().evaluate(scope)
            value = value.get(key, MISSING)
        return value if value is not MISSING else super().evaluate(scope)


@functools.lru_cache(maxsize=4096)
def parse(source: str) -> Expression:
    """Parse an expression, which the same text shares; raises SyntaxProblem."""
    ast = _parse(source)
    if _names_any(source, ast, {"eval"}):
        raise SyntaxProblem("$eval is not available in Step Functions; use $parse")
    keys = _plain_path(ast)
    if keys is None:
        return Constant(source, ast) if _is_literal(ast) else Expression(source, ast)
    if keys[0] != "states" or len(keys) == 1:
        return VariablePath(source, ast, keys)
    return ContextPath(source, ast, keys) if keys[1] == "context" and len(keys) > 2 else StatesPath(source, ast, keys)


def parse_with_library(source: str) -> Expression:
    """Parse an expression and always evaluate it with the library: the reference for the direct look-ups."""
    return Expression(source, _parse(source))


_PARSER: Final = Parser()
_PARSER_LOCK: Final = threading.Lock()
for _operator in ("??", "?:"):
    del _PARSER.symbol_table[_operator]


def _parse(source: str) -> Any:
    try:
        with _PARSER_LOCK:
            return _PARSER.parse(source, default_regex_engine)
    except JException as error:
        raise SyntaxProblem(_message(error)) from error
    except Exception as error:
        raise SyntaxProblem(f"the expression cannot be parsed ({type(error).__name__})") from error


_EVALUATORS: Final = threading.local()


def _evaluator() -> Jsonata:
    """Return this thread's evaluator: the library keeps the state of an evaluation in one instance a thread."""
    evaluator: Jsonata | None = getattr(_EVALUATORS, "evaluator", None)
    if evaluator is None:
        evaluator = _EVALUATORS.evaluator = Jsonata("null")
    return evaluator


class _Frame(Jsonata.Frame):  # type: ignore[misc]  # jsonata-python has no types
    """The outermost frame of an evaluation: looks names up in the scope, when they are asked for."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(None)
        self._scope = scope
        self.bindings.update(_UNBOUND)

    def lookup(self, name: str) -> Any:
        value = self.bindings.get(name, MISSING)
        if value is MISSING:
            value = self.bindings[name] = self._find(name)
        return value

    def _find(self, name: str) -> Any:
        value = self._states() if name == "states" else self._scope.variable(name)
        if value is not MISSING:
            return functions.bind_nulls(value)
        if name in functions.VOLATILE:
            return self._scope.volatile(name)
        return functions.FIXED.get(name) or functions.builtin(name)

    def _states(self) -> dict[str, Any]:
        fields = {name: self._scope.states_field(name) for name in ("input", "result", "errorOutput", "context")}
        return {name: value for name, value in fields.items() if value is not MISSING}


_UNBOUND: Final = {"__evaluate_entry": None, "__evaluate_exit": None, "$": None}


def _to_json(value: Any) -> Any:
    """Return the library's value as plain JSON, the same object where it is plain already."""
    if value is None:
        return MISSING
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EvaluationFailed(f"D1001: Number out of range: {'NaN' if math.isnan(value) else 'Infinity'}")
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


_PLAIN: Final = frozenset({"id", "value", "bp", "type", "lbp", "position", "level", "steps"})


def _is_plain(node: Any) -> bool:
    return all(not value or name in _PLAIN or name.startswith("_outer") for name, value in vars(node).items())


def _is_literal(ast: Any) -> bool:
    return ast.type in ("string", "number", "value") and _is_plain(ast)


def _plain_path(ast: Any) -> list[str] | None:
    """Return the names of a path that consists of a variable and object keys alone, or None."""
    nodes = ast.steps if ast.type == "path" else [ast]
    if not all(map(_is_plain, [ast, *nodes])) or nodes[0].type != "variable" or not nodes[0].value:
        return None
    if any(node.type != "name" for node in nodes[1:]):
        return None
    return [str(node.value) for node in nodes]


def _names_any(source: str, ast: Any, names: Collection[str]) -> bool:
    """Whether an expression names one of these variables; the text tells most that do not, without a walk."""
    if not any(name in source for name in names):
        return False
    return any(getattr(node, "type", None) == "variable" and node.value in names for node in _nodes(ast))


def _nodes(root: Any) -> Iterator[Any]:
    """Yield every node of a syntax tree."""
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if isinstance(node, list | tuple):
            stack.extend(node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(value for value in vars(node).values() if isinstance(value, list | tuple | Parser.Symbol))


_PLACEHOLDER: Final = re.compile(r"\{\{\{?(\w+)\}?\}\}")


def _template(code: str) -> str:
    """Return code and message as jsonata words them: the library calls every function an Object."""
    text = JException.error_codes.get(code, "")
    return f"{code}: {text.replace('1e6', '1e7').replace('Object', 'function')}"


def _message(error: JException) -> str:
    values = [error.current, error.expected, error.extra]
    inserts = iter(values[1:] if error.error == "D1002" else values)
    if error.error in ("D3137", "D3141"):
        return f"{error.error}: {error.current}"
    if error.error not in JException.error_codes:
        return str(error)
    return _PLACEHOLDER.sub(lambda _: _insert(next(inserts, None)), _template(error.error))


def _insert(value: Any) -> str:
    try:
        return json.dumps(_member(value), ensure_ascii=False, separators=(",", ":"))
    except (TypeError, UnsupportedResult, EvaluationFailed):
        return str(value)
