"""`await` inside an expression: what it awaits becomes an assignment of its own before the statement.

Everything else of the expression keeps its order: what CPython evaluates before an `await`, and may fail, is assigned
before it too. What is awaited only sometimes becomes an `if`, a comprehension that awaits becomes a loop.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Final

from durable.compiler.names import HOISTED
from durable.compiler.problems import Refused

_SIMPLE: Final = (ast.Constant, ast.Name, ast.Starred)


def hoisted(node: ast.stmt) -> list[ast.stmt]:
    """Return a statement as several, none of which awaits inside of an expression; the same where it does not."""
    before: list[ast.stmt] = []
    match node:
        case ast.While(test, body) if _awaits(test):
            leave = ast.If(ast.UnaryOp(ast.Not(), _lifted(test, before)), [ast.Break()], [])
            whole = ast.While(ast.Constant(True), [*before, leave, *body], node.orelse)
            return [_placed(whole, node, test)]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return() | ast.Expr() | ast.Raise():
            changed = copy.copy(node)
            for name in ("value", "exc"):
                value = getattr(node, name, None)
                if value is not None:
                    setattr(changed, name, _lifted(value, before, direct=not isinstance(node, ast.AugAssign)))
            return [*before, changed] if before else [node]
        case ast.If(test) if _awaits(test):
            return [*_all(before, ast.copy_location(ast.If(_lifted(test, before), node.body, node.orelse), node))]
        case ast.For() if _awaits(node.iter):
            changed_for = copy.copy(node)
            changed_for.iter = _lifted(node.iter, before)
            return [*before, changed_for]
    return [node]


def awaits_in_test(node: ast.stmt) -> bool:
    """Return whether an `if` awaits in its test."""
    return isinstance(node, ast.If) and _awaits(node.test)


def _all(before: list[ast.stmt], last: ast.stmt) -> Iterator[ast.stmt]:
    yield from before
    yield last


def _awaits(node: ast.AST) -> bool:
    """Return whether an expression awaits, nested functions left out."""
    if isinstance(node, ast.Await):
        return True
    if isinstance(node, (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return any(map(_awaits, ast.iter_child_nodes(node)))


def _lifted(node: ast.expr, before: list[ast.stmt], *, direct: bool = False) -> ast.expr:
    """Return an expression that does not await, and add what is to be done before it.

    Args:
        direct: it may itself be an `await`, which is then left where it is.
    """
    if not _awaits(node):
        return node
    match node:
        case ast.Await(value):
            changed = ast.copy_location(ast.Await(_arguments(value, before)), node)
            return changed if direct else _assigned(changed, before)
        case ast.IfExp(test, body, orelse):
            condition = _lifted(test, before)
            arms = [_arm(each, node) for each in (body, orelse)]
            before.append(_placed(ast.If(condition, *arms), node, node))
            return _name(node)
        case ast.BoolOp(op, [first, *rest]):
            _assigned(_lifted(first, before), before, node)
            for value in rest:
                arm = _arm(value, node)
                test = _name(node) if isinstance(op, ast.And) else ast.UnaryOp(ast.Not(), _name(node))
                before.append(_placed(ast.If(test, arm, []), node, node))
                before = arm
            return _name(node)
        case ast.ListComp():
            return _loop(node, before)
        case ast.Compare(comparators=[_, *later]) if any(map(_awaits, later)):
            raise Refused(node, "a chain of comparisons awaits", "write two comparisons with `and`")
        case ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            raise Refused(node, "a comprehension that is no list awaits", "write a list comprehension, or a `for`")
    return _parts(node, before)


def _arguments(node: ast.expr, before: list[ast.stmt]) -> ast.expr:
    """Return what is awaited, with arguments that do not await."""
    return _parts(node, before) if _awaits(node) else node


def _parts(node: ast.expr, before: list[ast.stmt]) -> ast.expr:
    """Return an expression with its parts lifted, and those before an `await` assigned where they may fail."""
    places = list(_places(node))
    last = max((number for number, (_, _, part) in enumerate(places) if _awaits(part)), default=-1)
    changed = copy.copy(node)
    for name in {name for name, _, _ in places}:
        value = getattr(changed, name)
        setattr(changed, name, list(value) if isinstance(value, list) else value)
    for number, (name, index, part) in enumerate(places[: last + 1]):
        new: ast.expr = part
        if _awaits(part):
            new = _lifted(part, before)
        elif number < last and name != "func" and not _is_simple(part):
            new = _assigned(part, before)
        if index is None:
            setattr(changed, name, new)
        else:
            getattr(changed, name)[index] = new
    return changed


def _places(node: ast.AST) -> Iterator[tuple[str, int | None, ast.expr]]:
    """Yield the parts of an expression in the order of their evaluation: field, place in it, part."""
    if isinstance(node, ast.Dict):
        for number, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            if key is not None:
                yield "keys", number, key
            yield "values", number, value
        return
    for name, value in ast.iter_fields(node):
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(each, (ast.expr, ast.keyword)):
                yield name, number if isinstance(value, list) else None, each  # type: ignore[misc]  # a keyword is one part


def _is_simple(node: ast.AST) -> bool:
    while isinstance(node, (ast.Attribute, ast.Starred)):
        node = node.value
    return isinstance(node, _SIMPLE)


def _arm(value: ast.expr, whole: ast.expr) -> list[ast.stmt]:
    arm: list[ast.stmt] = []
    _assigned(_lifted(value, arm, direct=True), arm, whole)
    return arm


def _loop(node: ast.ListComp, before: list[ast.stmt]) -> ast.expr:
    """Return the list that a comprehension makes, by a loop before it."""
    if len(node.generators) != 1 or node.generators[0].is_async:
        raise Refused(node, "a comprehension that awaits has more than one `for`", "write the loops out")
    of = node.generators[0]
    items = _lifted(of.iter, before)
    mark = f"{HOISTED}{node.lineno}:{node.col_offset}"
    own = {each.id: each.id + mark for each in ast.walk(of.target) if isinstance(each, ast.Name)}
    target, element, *tests = [_Renamed(own).visit(copy.deepcopy(each)) for each in (of.target, node.elt, *of.ifs)]
    _assigned(ast.copy_location(ast.List([], ast.Load()), node), before, node)
    body: list[ast.stmt] = []
    more = ast.List([ast.Starred(_name(node), ast.Load()), _lifted(element, body)], ast.Load())
    body.append(_placed(ast.Assign([_name(node, ast.Store())], more), node, node))
    for test in reversed(tests):
        inner, body = body, []
        condition = _lifted(test, body)
        body.append(_placed(ast.If(condition, inner, []), node, test))
    before.append(_placed(ast.For(target, items, body, []), node, node))
    return _name(node)


class _Renamed(ast.NodeTransformer):
    """Gives the names of a comprehension, which nothing outside of it sees, names of their own."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:  # the name that ast asks for
        return ast.copy_location(ast.Name(self._names.get(node.id, node.id), node.ctx), node)


def _assigned(value: ast.expr, before: list[ast.stmt], whole: ast.expr | None = None) -> ast.expr:
    """Assign a value to a name of its own, and return that."""
    node = whole or value
    before.append(_placed(ast.Assign([_name(node, ast.Store())], value), node, value))
    return _name(node)


def _name(node: ast.expr, context: ast.expr_context | None = None) -> ast.Name:
    place = f"{node.lineno}:{node.col_offset}-{node.end_lineno}:{node.end_col_offset}"
    return ast.copy_location(ast.Name(f"awaited{HOISTED}{place}", context or ast.Load()), node)


def _placed(node: ast.stmt, at: ast.AST, label: ast.AST) -> ast.stmt:
    """Return a statement with its place in the source, and so its parts that have none."""
    ast.copy_location(node, at)
    for each in ast.walk(node):
        if isinstance(each, (ast.expr, ast.stmt)) and not hasattr(each, "lineno"):
            ast.copy_location(each, label)
    return node
