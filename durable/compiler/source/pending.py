"""Calls that are made in one line and awaited in the next: `a = step.do(…)`, `b = step.do(…)`, `gather(a, b)`.

A coroutine begins when it is awaited. So a name that stands for one, and is read once, in the statement that follows,
is the call itself; and tasks that are awaited one after the other are a gather, for they were all begun before.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from durable.compiler.source.places import placed

_TASKS: Final = ("create_task", "ensure_future")
_COMPREHENSIONS: Final = (ast.ListComp, ast.GeneratorExp)


def brought_together(nodes: list[ast.stmt], function: ast.AST, is_call: Callable[[ast.expr], bool]) -> list[ast.stmt]:
    """Return the statements of a block, with such calls in the places where they are awaited.

    Args:
        function: what the block stands in.
        is_call: whether an expression is a call that can be awaited.
    """
    if not any(_value(node, is_call) for node in nodes):
        return nodes
    names = [each for each in ast.walk(function) if isinstance(each, ast.Name)]
    uses = Counter(each.id for each in names)
    found: list[ast.stmt] = []
    place = 0
    while place < len(nodes):
        held = _held(itertools.islice(nodes, place, None), uses, is_call)
        following = nodes[place + len(held) :] if held else []
        together = _gathered(following, held) or _awaited(following, held)
        statements, count = together or ([nodes[place]], 1 - len(held))
        found += statements
        place += len(held) + count
    return found


def _value(node: ast.stmt, is_call: Callable[[ast.expr], bool]) -> ast.expr | None:
    """Return what a statement assigns to a name, where that is a call that is not awaited, or a list of such calls."""
    match node:
        case ast.Assign([ast.Name()], value):
            inner = value.elt if isinstance(value, _COMPREHENSIONS) else value
            return value if is_call(_call_of(inner)) else None
    return None


def _call_of(node: ast.expr) -> ast.expr:
    """Return the call that a task is made of; anything else is returned as it is."""
    match node:
        case ast.Call(ast.Attribute(_, name) | ast.Name(name), [call], []) if name in _TASKS:
            return call
    return node


def _held(nodes: Iterable[ast.stmt], uses: Counter[str], is_call: Callable[[ast.expr], bool]) -> dict[str, ast.expr]:
    """Return the calls that the first statements give names to, each of which is read once."""
    held: dict[str, ast.expr] = {}
    for node in nodes:
        value = _value(node, is_call)
        if value is None or not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            break
        name = node.targets[0].id
        # Two: where it is assigned, and where it is read. A coroutine that is read twice is awaited twice, which
        # CPython refuses.
        if uses[name] != 2 or any(isinstance(each, ast.Name) and each.id in held for each in ast.walk(value)):
            break
        held[name] = value
    return held


def _gathered(nodes: list[ast.stmt], held: dict[str, ast.expr]) -> tuple[list[ast.stmt], int] | None:
    """Return a statement that gathers all of the calls with them in their places."""
    if not nodes or len(list(_awaits(nodes[0]))) != 1:
        return None
    node = copy.deepcopy(nodes[0])
    (awaited,) = _awaits(node)
    match awaited.value:
        case ast.Call(ast.Attribute(_, "gather") | ast.Name("gather")) as call:
            given = [each for argument in call.args if (each := _name(argument)) in held]
            if len(given) != len(held):
                return None
            call.args = [_placed(each, held) for each in call.args]
            return [node], 1
    return None


def _awaited(nodes: list[ast.stmt], held: dict[str, ast.expr]) -> tuple[list[ast.stmt], int] | None:
    """Return the gather of tasks, and the statements after it that await them one after the other."""
    makers = [each.func for each in held.values() if isinstance(each, ast.Call) and _call_of(each) is not each]
    waited: list[str] = []
    for count, node in enumerate(nodes, 1):
        names = [_name(each.value) for each in _awaits(node)]
        if not names or not all(name in held for name in names):
            return None
        waited += names
        if len(waited) == len(held) == len(makers) and isinstance(makers[0], ast.Attribute):
            # `create_task` begins at once, so all of them run while the first is awaited: that is what a gather does.
            gather = ast.Attribute(makers[0].value, "gather", ast.Load())
            call = ast.Call(gather, [_call_of(each) for each in held.values()], [])
            stored: list[ast.expr] = [ast.Name(each, ast.Store()) for each in held]
            target: ast.expr = ast.Tuple(stored, ast.Store())
            whole = ast.Assign([target], ast.Await(call))
            rest = [each for each in nodes[:count] if not _only_awaits(each)]
            return [placed(whole, node), *(_Results(held).visit(copy.deepcopy(each)) for each in rest)], count
    return None


class _Results(ast.NodeTransformer):
    """Reads the result of a task where it was awaited."""

    def __init__(self, held: dict[str, ast.expr]) -> None:
        self._held = held

    def visit_Await(self, node: ast.Await) -> ast.expr:
        return node.value if _name(node.value) in self._held else node


def _awaits(node: ast.stmt) -> Iterator[ast.Await]:
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr):
        yield from (each for each in ast.walk(node) if isinstance(each, ast.Await))


def _only_awaits(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Await)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(name) | ast.Starred(ast.Name(name)):
            return name
    return ""


def _placed(argument: ast.expr, held: dict[str, ast.expr]) -> ast.expr:
    value = held.get(_name(argument))
    if value is None:
        return argument
    if isinstance(value, _COMPREHENSIONS):
        made = copy.copy(value)
        made.elt = _call_of(value.elt)
        return ast.copy_location(ast.Starred(made, ast.Load()), argument)
    return _call_of(value)
