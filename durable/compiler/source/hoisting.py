"""`await` and `:=` inside an expression: each becomes an assignment of its own before the statement.

Everything else of the expression keeps its order: what CPython evaluates before an `await`, and may fail, is assigned
before it too. What is awaited only sometimes becomes an `if`, a comprehension that awaits becomes a loop.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Final

from durable.compiler.source.names import HOISTED
from durable.compiler.source.problems import Refused

_SIMPLE: Final = (ast.Constant, ast.Name, ast.Starred)
_LEAVING: Final = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class Exhausted(ast.Break):
    """A `break` that stands for the test of a loop, after which the `else` of the loop is done."""


def hoisted(node: ast.stmt, stands_alone: Callable[[ast.AST], bool]) -> list[ast.stmt]:
    """Return a statement as several, none of which awaits or binds inside of an expression; else the same.

    Args:
        stands_alone: whether a call becomes statements, and so is treated as if it were awaited.
    """
    node = _with_awaits(node, stands_alone)
    before: list[ast.stmt] = []
    match node:
        case ast.While(test, body) if _acts(test):
            # The test has to be evaluated in each round, so its statements go into the body: `while True`, left by an
            # `if not …: break`.
            whole = ast.While(ast.Constant(True), [*leaving(test), *body], node.orelse)
            return [_placed(whole, node, test)]
        case ast.Expr(ast.Await(ast.IfExp(test, body, orelse))):
            one, other = (ast.Expr(ast.copy_location(ast.Await(each), each)) for each in (body, orelse))
            return [_placed(ast.If(test, [one], [other]), node, node)]
        case ast.AugAssign(ast.Name(name) as target, operator, value) if name in _bound(value):
            # `x += (x := 2)` adds to the x from before: CPython reads the target first.
            read = ast.copy_location(ast.Name(name, ast.Load()), target)
            changed_op = _placed(ast.Assign([target], ast.BinOp(read, operator, value)), node, node)
            return hoisted(changed_op, stands_alone)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Return() | ast.Expr() | ast.Raise():
            changed = copy.copy(node)
            for part in ("value", "exc"):
                own = getattr(node, part, None)
                if own is not None:
                    setattr(changed, part, _lifted(own, before, direct=not isinstance(node, ast.AugAssign)))
            return [*before, changed] if before else [node]
        case ast.If(test) if _acts(test):
            return _decided(node)  # an assigned test would be a bool, which no longer narrows the kinds of variables
        case ast.For() if _acts(node.iter):
            changed_for = copy.copy(node)
            changed_for.iter = _lifted(node.iter, before)
            return [*before, changed_for]
        case ast.Match() if _acts(node.subject):
            changed_match = copy.copy(node)
            changed_match.subject = _lifted(node.subject, before)
            return [*before, changed_match]
    return [node]


def acts_in_test(node: ast.If, stands_alone: Callable[[ast.AST], bool]) -> bool:
    """Return whether an `if` awaits or binds in its test."""
    return _acts(node.test) or _stands_alone(node.test, stands_alone)


def _with_awaits(node: ast.stmt, stands_alone: Callable[[ast.AST], bool]) -> ast.stmt:
    """Return a statement with an `await` around each call that becomes statements, its blocks left out."""
    names = [
        name for name in ("value", "exc", "test", "iter", "subject") if isinstance(getattr(node, name, None), ast.expr)
    ]
    if not any(_stands_alone(getattr(node, name), stands_alone) for name in names):
        return node
    changed = copy.copy(node)
    for name in names:
        setattr(changed, name, _Awaited(stands_alone).visit(copy.deepcopy(getattr(node, name))))
    return changed


def _stands_alone(node: ast.AST, stands_alone: Callable[[ast.AST], bool]) -> bool:
    """Return whether a call in an expression becomes statements, and is not awaited."""
    if isinstance(node, ast.Lambda):
        return False
    if isinstance(node, ast.Await):
        return any(_stands_alone(each, stands_alone) for each in ast.iter_child_nodes(node.value))
    return stands_alone(node) or any(_stands_alone(each, stands_alone) for each in ast.iter_child_nodes(node))


class _Awaited(ast.NodeTransformer):
    """Puts an `await` around calls that become statements."""

    def __init__(self, stands_alone: Callable[[ast.AST], bool]) -> None:
        self._stands_alone = stands_alone

    def visit_Call(self, node: ast.Call) -> ast.expr:  # the name that ast asks for
        alone = self._stands_alone(node)
        self.generic_visit(node)
        return ast.copy_location(ast.Await(node), node) if alone else node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:  # the name that ast asks for
        return node

    def visit_Await(self, node: ast.Await) -> ast.Await:  # the name that ast asks for
        self.generic_visit(node.value)
        return node


def leaving(test: ast.expr) -> list[ast.stmt]:
    """Return statements that leave a loop where its test does not hold: one for each part of an `and`."""
    found: list[ast.stmt] = []
    for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
        condition = _lifted(part, found)
        found.append(_placed(ast.If(ast.UnaryOp(ast.Not(), condition), [Exhausted()], []), part, part))
    return found


def _decided(node: ast.If) -> list[ast.stmt]:
    """Return an `if` whose test awaits or binds. What one part of the test has shown is known in the next."""
    before: list[ast.stmt] = []
    body: list[ast.stmt]
    otherwise: list[ast.stmt]
    match node.test:
        # One `if` within the other. An `else` would have to stand twice, so there the test is assigned as a whole.
        case ast.BoolOp(ast.And(), [first, *rest]) if not node.orelse:
            inner = ast.copy_location(ast.If(_rest(ast.And(), rest), node.body, []), node)
            body, otherwise = [inner], []
        case ast.BoolOp(ast.Or(), [first, *rest]) if len(node.body) == 1 and _only_leaves(node.body[0]):
            inner = ast.copy_location(ast.If(_rest(ast.Or(), rest), node.body, node.orelse), node)
            body, otherwise = node.body, [inner]
        case first:
            body, otherwise = node.body, node.orelse
    decided = ast.If(_lifted(first, before), body, otherwise)
    return [*before, ast.copy_location(decided, node)]


def _only_leaves(node: ast.stmt) -> bool:
    return isinstance(node, _LEAVING) and not _acts(node)


def _rest(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.copy_location(ast.BoolOp(operator, values), values[0])


def _acts(node: ast.AST) -> bool:
    """Return whether an expression awaits or binds a name, nested functions left out."""
    if isinstance(node, (ast.Await, ast.NamedExpr)):
        return True
    if isinstance(node, (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return any(map(_acts, ast.iter_child_nodes(node)))


def _bound(*nodes: ast.AST) -> set[str]:
    """Return the names that expressions bind by `:=`."""
    return {each.target.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.NamedExpr)}


def _lifted(node: ast.expr, before: list[ast.stmt], *, direct: bool = False) -> ast.expr:
    """Return an expression that does not await, and add what is to be done before it.

    Args:
        direct: it may itself be an `await`, which is then left where it is.
    """
    if not _acts(node):
        return node
    match node:
        case ast.Await(ast.IfExp(test, body, orelse) as choice):
            one, other = (ast.copy_location(ast.Await(each), each) for each in (body, orelse))
            return _lifted(ast.copy_location(ast.IfExp(test, one, other), choice), before)
        case ast.Await(value):
            changed = ast.copy_location(ast.Await(_arguments(value, before)), node)
            return changed if direct else _assigned(changed, before)
        case ast.NamedExpr(target, value):
            before.append(_placed(ast.Assign([target], _lifted(value, before, direct=True)), node, node))
            return ast.copy_location(ast.Name(target.id, ast.Load()), node)
        case ast.IfExp(test, body, orelse):
            condition = _lifted(test, before)
            arms = [_arm(each, node) for each in (body, orelse)]
            before.append(_placed(ast.If(condition, *arms), node, node))
            return _name(node)
        # Only the first part is evaluated in any case; where a later one awaits, it may do so only if its turn comes.
        case ast.BoolOp(op, [first, *rest]) if not any(map(_acts, rest)):
            return ast.copy_location(ast.BoolOp(op, [_lifted(first, before), *rest]), node)
        case ast.BoolOp(op, [first, *rest]):
            _assigned(_lifted(first, before), before, node)
            for value in rest:
                arm = _arm(value, node)
                test = _name(node) if isinstance(op, ast.And) else ast.UnaryOp(ast.Not(), _name(node))
                before.append(_placed(ast.If(test, arm, []), node, node))
                before = arm
            return _name(node)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() if _acts_first_only(node):
            changed_comp = copy.copy(node)
            source = copy.copy(node.generators[0])
            source.iter = _lifted(source.iter, before)
            changed_comp.generators = [source, *node.generators[1:]]
            return changed_comp
        case ast.ListComp() | ast.DictComp():
            return _loop(node, before)
        case ast.Compare(comparators=[_, *later]) if any(map(_acts, later)):
            raise Refused(node, "a chain of comparisons awaits or binds", "write two comparisons with `and`")
        case ast.SetComp() | ast.GeneratorExp():
            found = "a generator awaits or binds" if isinstance(node, ast.GeneratorExp) else "a set awaits or binds"
            raise Refused(node, found, "write a list, as in `any([await … for x in xs])`, or a `for`")
    return _parts(node, before)


def _acts_first_only(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> bool:
    """Return whether only what a comprehension goes through awaits or binds, which is evaluated once, before it."""
    first, *others = node.generators
    own = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return not any(map(_acts, [*own, first.target, *first.ifs, *others]))


def _arguments(node: ast.expr, before: list[ast.stmt]) -> ast.expr:
    """Return what is awaited, with arguments that do not await."""
    return _parts(node, before) if _acts(node) else node


def _parts(node: ast.expr, before: list[ast.stmt]) -> ast.expr:
    """Return an expression with its parts lifted, and those before an `await` assigned where they may fail."""
    places = list(_places(node))
    # What stands behind the last `await` stays: nothing is moved before it that CPython evaluates after it.
    last = max((number for number, (_, _, part) in enumerate(places) if _acts(part)), default=-1)
    changed = copy.copy(node)
    for name in {name for name, _, _ in places}:
        value = getattr(changed, name)
        setattr(changed, name, list(value) if isinstance(value, list) else value)
    for number, (name, index, part) in enumerate(places[: last + 1]):
        new: ast.expr = part
        if _acts(part):
            new = _lifted(part, before)
            if isinstance(part, ast.NamedExpr) and _is_changed(part.target, places[number + 1 :]):
                new = _assigned(new, before, part)
        elif number < last and (_is_changed(part, places[number + 1 :]) or (name != "func" and not _is_simple(part))):
            new = _kept(part, before)
        elif number < last and isinstance(part, ast.Attribute) and not _is_simple(part):
            # Of a method that is called, CPython works out the object before the arguments.
            new = ast.copy_location(ast.Attribute(_assigned(part.value, before), part.attr, part.ctx), part)
        if index is None:
            setattr(changed, name, new)
        else:
            getattr(changed, name)[index] = new
    return changed


def _kept(part: ast.expr, before: list[ast.stmt]) -> ast.expr:
    """Return a part of an expression with its value assigned before."""
    if not isinstance(part, (ast.FormattedValue, ast.keyword)):
        return _assigned(part, before)
    changed = copy.copy(part)
    changed.value = _assigned(part.value, before)
    return changed


def _is_changed(part: ast.expr, later: list[tuple[str, int | None, ast.expr]]) -> bool:
    """Return whether a part reads a name that a later one binds."""
    bound = _bound(*(each for _, _, each in later))
    return any(isinstance(each, ast.Name) and each.id in bound for each in ast.walk(part))


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
    while isinstance(node, (ast.Attribute, ast.Starred, ast.FormattedValue, ast.keyword)):
        node = node.value
    return isinstance(node, _SIMPLE)


def _arm(value: ast.expr, whole: ast.expr) -> list[ast.stmt]:
    arm: list[ast.stmt] = []
    _assigned(_lifted(value, arm, direct=True), arm, whole)
    return arm


def _loop(node: ast.ListComp | ast.DictComp, before: list[ast.stmt]) -> ast.expr:
    """Return the list or dict that a comprehension makes, by loops before it."""
    mark = f"{HOISTED}{node.lineno}:{node.col_offset}"
    targets = (each for of in node.generators for each in ast.walk(of.target))
    rename = _Renamed({each.id: each.id + mark for each in targets if isinstance(each, ast.Name)})
    first, *inner = node.generators
    # CPython evaluates what the first `for` goes through outside of the comprehension, where its names are the others.
    items = _lifted(first.iter, before)
    empty: ast.expr = ast.List([], ast.Load()) if isinstance(node, ast.ListComp) else ast.Dict([], [])
    _assigned(ast.copy_location(empty, node), before, node)
    loops = [(first, items), *((each, rename.visit(copy.deepcopy(each.iter))) for each in inner)]
    for of, through in loops:
        if of.is_async:
            raise Refused(node, "a comprehension has `async for`", "write `for`")
        body: list[ast.stmt] = []
        loop = ast.For(rename.visit(copy.deepcopy(of.target)), _lifted(through, before), body, [])
        before.append(_placed(loop, of.target, node))
        before = body
        for test in of.ifs:
            body = []
            condition = _lifted(rename.visit(copy.deepcopy(test)), before)
            before.append(_placed(ast.If(condition, body, []), node, test))
            before = body
    parts = [node.elt] if isinstance(node, ast.ListComp) else [node.key, node.value]
    element = ast.Tuple([rename.visit(copy.deepcopy(each)) for each in parts], ast.Load())
    lifted = _lifted(ast.copy_location(element, node), before)
    assert isinstance(lifted, ast.Tuple)
    more: ast.expr = ast.List([ast.Starred(_name(node), ast.Load()), *lifted.elts], ast.Load())
    if isinstance(node, ast.DictComp):
        key, value = lifted.elts
        more = ast.Dict([None, key], [_name(node), value])
    before.append(_placed(ast.Assign([_name(node, ast.Store())], more), node, node))
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
