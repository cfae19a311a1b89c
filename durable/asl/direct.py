"""The most frequent expressions, compiled to Python functions: look-ups, sums, comparisons, texts, items of lists.

A function raises Unsure where the result depends on a rule of JSONata that it does not implement (a missing value, a
list in a path, operands of two types). The library then evaluates the whole expression from the start, which is safe
because an expression has no effects.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from durable.asl.numerals import rounded_text
from durable.asl.syntax import is_plain, plain_path
from durable.asl.values import MISSING


class Unsure(Exception):
    """The library must evaluate this expression."""


class Lookups(Protocol):
    """What an expression can read."""

    def variable(self, name: str) -> Any: ...
    def states_field(self, name: str) -> Any: ...
    def context_section(self, name: str) -> Any: ...


Compiled = Callable[[Lookups], Any]
"""Gives a JSON value, or raises Unsure."""

_EXACT: Final = 2**53  # from here on a double, which is JSONata's number, leaves out integers


def compile_direct(node: Any) -> Compiled | None:
    """Return a syntax tree as a function, or None where it holds something else."""
    if node.predicate:
        return _item(node) if node.type in ("variable", "block") else None
    keys = plain_path(node)
    if keys is not None:
        return _path(keys)
    if node.type == "path":
        return _member(node)
    if node.type in ("string", "number", "value"):
        return _literal(node)
    build, *parts = _BUILDERS.get(node.type, (None,))
    return build(node) if build is not None and is_plain(node, *parts) else None


def _literal(node: Any) -> Compiled | None:
    value = node.value
    if not is_plain(node) or (_is_number(value) and not -_EXACT < value < _EXACT):
        return None
    return lambda scope: value


def _path(keys: list[str]) -> Compiled | None:
    name, *rest = keys
    if name != "states":
        return (lambda scope: _follow(scope.variable(name), rest)) if rest else _variable(name)
    if not rest:
        return None
    field, *rest = rest
    if field != "context" or not rest:
        return lambda scope: _follow(scope.states_field(field), rest)
    section, *rest = rest
    return lambda scope: _follow(scope.context_section(section), rest)


def _variable(name: str) -> Compiled:
    def variable(scope: Lookups) -> Any:
        value = scope.variable(name)
        if value is MISSING:
            raise Unsure
        return value

    return variable


def _member(node: Any) -> Compiled | None:
    """Return object keys of what a block or an index gives."""
    first, *rest = node.steps
    names = [str(each.value) for each in rest if each.type == "name" and is_plain(each)]
    base = compile_direct(first) if first.type in ("block", "variable") else None
    if base is None or len(names) < len(rest) or not is_plain(node):
        return None
    return lambda scope: _follow(base(scope), names)


def _follow(value: Any, keys: list[str]) -> Any:
    for key in keys:
        # A list in a path is mapped over in JSONata, and a missing key is no error but "nothing": both for the library.
        if type(value) is not dict or key not in value:
            raise Unsure
        value = value[key]
    if value is MISSING:
        raise Unsure
    return value


def _block(node: Any) -> Compiled | None:
    if len(node.expressions) == 1:
        return compile_direct(node.expressions[0])
    *before, last = node.expressions or [None]
    statements = [_statement(each) for each in before]
    result = compile_direct(last) if last is not None else None
    if result is None:
        return None
    run = [each for each in statements if each is not None]
    if len(run) < len(statements):
        return None

    def block(scope: Lookups) -> Any:
        inner = _Block(scope)
        for each in run:
            each(inner)
        return result(inner)

    return block


class _Block:
    """What a block sees: the variables that it has bound so far, and those around it."""

    __slots__ = ("_outer", "bound", "context_section", "states_field")

    def __init__(self, outer: Lookups) -> None:
        self._outer = outer
        self.bound: dict[str, Any] = {}
        self.states_field, self.context_section = outer.states_field, outer.context_section

    def variable(self, name: str) -> Any:
        value = self.bound.get(name, MISSING)
        return self._outer.variable(name) if value is MISSING else value


def _statement(node: Any) -> Callable[[_Block], None] | None:
    """Return a binding or an assertion, whose own value the block does not use."""
    if node.predicate or node.group is not None:
        return None
    if node.type == "bind" and is_plain(node, "lhs", "rhs"):
        name, value = node.lhs.value, compile_direct(node.rhs)
        return None if value is None else lambda block: block.bound.__setitem__(name, value(block))
    if node.type == "function" and is_plain(node, "procedure", "arguments") and node.procedure.value == "assert":
        return _assert(node)
    return None


def _assert(node: Any) -> Callable[[_Block], None] | None:
    condition = compile_direct(node.arguments[0]) if len(node.arguments) == 2 else None
    if condition is None:
        return None

    def check(block: _Block) -> None:
        # A variable of the block may hide the function.
        if block.variable("assert") is not MISSING or condition(block) is not True:
            raise Unsure

    return check


def _item(node: Any) -> Compiled | None:
    """Return an index into a list: the library would try the predicate on every element."""
    if len(node.predicate) != 1 or not is_plain(node, "predicate", "expressions"):
        return None
    index = compile_direct(node.predicate[0].expr)
    base = _block(node) if node.type == "block" else _path([node.value]) if node.value else None
    if index is None or base is None:
        return None

    def item(scope: Lookups) -> Any:
        items, position = base(scope), index(scope)
        if type(items) is not list or type(position) is not int or not -len(items) <= position < len(items):
            raise Unsure
        return items[position]

    return item


def _condition(node: Any) -> Compiled | None:
    test, then = compile_direct(node.condition), compile_direct(node.then)
    otherwise = compile_direct(node._else) if node._else is not None else None
    if test is None or then is None or otherwise is None:
        return None
    return lambda scope: then(scope) if _truth(test(scope)) else otherwise(scope)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise Unsure
    return value


def _binary(node: Any) -> Compiled | None:
    left, right = compile_direct(node.lhs), compile_direct(node.rhs)
    if left is None or right is None:
        return None
    if node.value == "and":
        return lambda scope: _truth(left(scope)) and _truth(right(scope))
    if node.value == "or":
        return lambda scope: _truth(left(scope)) or _truth(right(scope))
    apply = _OPERATORS.get(node.value)
    return None if apply is None else lambda scope: apply(left(scope), right(scope))


def _number(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        # Whole numbers only, up to where doubles are exact: their results are the same in Python and in JSONata.
        # `type(…) is` and not isinstance: a bool is an int in Python, and none in JSONata.
        if type(left) is not int or type(right) is not int:
            raise Unsure
        result = operate(left, right)
        if not -_EXACT < result < _EXACT:
            raise Unsure
        return result

    return apply


def _order(operate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if (_is_number(left) and _is_number(right)) or (type(left) is str and type(right) is str):
            return operate(left, right)
        raise Unsure

    return apply


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _equal(left: Any, right: Any) -> bool:
    # JSONata compares lists and dicts in depth, and `1 = true` is false there; in Python 1 == True.
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        raise Unsure
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _among(left: Any, right: Any) -> bool:
    if type(right) is not list:
        raise Unsure
    return any(_equal(left, item) for item in right)


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if not _is_number(value):
        raise Unsure
    return rounded_text(value)


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": _number(operator.add),
    "-": _number(operator.sub),
    "*": _number(operator.mul),
    "<": _order(operator.lt),
    "<=": _order(operator.le),
    ">": _order(operator.gt),
    ">=": _order(operator.ge),
    "=": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "in": _among,
    "&": lambda left, right: _text(left) + _text(right),
}


def _list(node: Any) -> Compiled | None:
    """Return a constructed list; JSONata flattens an item that is a list itself."""
    items = [compile_direct(each) for each in node.expressions] if node.value == "[" else [None]
    made = [each for each in items if each is not None]
    return (lambda scope: [_item_of_list(each(scope)) for each in made]) if len(made) == len(items) else None


def _item_of_list(value: Any) -> Any:
    if isinstance(value, list):
        raise Unsure
    return value


def _function(node: Any) -> Compiled | None:
    name = node.procedure.value if node.procedure.type == "variable" and is_plain(node.procedure) else None
    arity, apply = _FUNCTIONS.get(name, (0, None)) if name is not None else (0, None)
    if apply is None or name is None or len(node.arguments) != arity:
        return None
    arguments = [each for each in map(compile_direct, node.arguments) if each is not None]
    if len(arguments) < arity:
        return None

    def call(scope: Lookups) -> Any:
        if scope.variable(name) is not MISSING:  # a variable `$count` hides the function of that name
            raise Unsure
        return apply(*[argument(scope) for argument in arguments])

    return call


def _count(value: Any) -> int:
    if type(value) is not list:
        raise Unsure
    return len(value)


def _length(value: Any) -> int:
    if type(value) is not str:
        raise Unsure
    return len(value)


def _append(left: Any, right: Any) -> list[Any]:
    if type(left) is not list or type(right) is not list:
        raise Unsure
    return left + right


def _in_base_ten(value: Any) -> str:
    if type(value) is not int:
        raise Unsure
    return str(value)


_FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., Any]]]] = {
    "append": (2, _append),
    "count": (1, _count),
    "exists": (1, lambda value: True),
    "formatBase": (1, _in_base_ten),
    "length": (1, _length),
    "not": (1, lambda value: not _truth(value)),
}
"""By name: how many arguments they take, and what they do. A missing argument has raised Unsure before."""
_BUILDERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "block": (_block, "expressions"),
    "condition": (_condition, "condition", "then", "_else"),
    "binary": (_binary, "lhs", "rhs"),
    "unary": (_list, "expressions", "consarray"),
    "function": (_function, "procedure", "arguments"),
}
"""What compiles each type of node, and the parts that it may have."""
