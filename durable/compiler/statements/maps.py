"""What is written of a map: how many items are under way at once, and its body where it is a generator of calls."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.expressions import options
from durable.compiler.program.tree import MOST_OF_A_MAP
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.reading import Reading
from durable.compiler.types.kinds import describe, is_unknown, is_whole
from durable.compiler.types.terms import INTEGER, Expression, Formula

_NONE: Final = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
_MOST_AT_ONCE: Final = MOST_OF_A_MAP**2
"""Those of a Map of Maps."""
_LIMIT: Final = f"$max([1, $min([{MOST_OF_A_MAP}, $a])])"


def concurrency(reading: Reading, node: ast.expr | None) -> tuple[int, Expression | None]:
    """Return how many items are under way at once, and what works that out where only the run knows it."""
    if node is not None and not options.is_written(node, reading.steps.resolve):
        value = reading.value(node)
        if not is_unknown(value.kind) and not is_whole(value.kind):
            found = f"`{reading.source(node)}` ({describe(value.kind)}) is no number of items"
            raise Refused(node, found, "give it a whole number")
        return MOST_OF_A_MAP, Formula(_LIMIT, (value,), INTEGER)
    # Step Functions takes 40 at once for one inline Map. 10 keep a burst of Lambdas small where nothing is said.
    written = 10 if node is None else options.constant(node, reading.steps.resolve)
    is_number = isinstance(written, int) and not isinstance(written, bool)
    if node is not None and (not is_number or not 1 <= written <= _MOST_AT_ONCE):
        raise Refused(node, f"concurrency is {written!r}", f"write a whole number from 1 to {_MOST_AT_ONCE:,}")
    assert isinstance(written, int)
    return written, None


class Tasks(ast.GeneratorExp):
    """The calls of tasks that a group creates in a loop or comprehension, as one branch."""


def awaiting(call: ast.expr, name: str, arguments: ast.arguments = _NONE) -> ast.AsyncFunctionDef:
    """Return an `async def` that awaits a call and returns what that returns."""
    return placed(ast.AsyncFunctionDef(name, arguments, [ast.Return(ast.Await(call))], []), call)


def body_of(calls: ast.GeneratorExp | ast.ListComp, name: str) -> tuple[ast.AsyncFunctionDef, ast.expr]:
    """Return the body of the map that a generator of calls stands for, and what the map goes through."""
    match calls.generators:
        case [ast.comprehension(target, items, [])]:
            pass
        case _:
            names = [each for one in calls.generators for each in ast.walk(one.target) if isinstance(each, ast.Name)]
            read: list[ast.expr] = [ast.Name(each.id, ast.Load()) for each in names]
            bound: list[ast.expr] = [ast.Name(each.id, ast.Store()) for each in names]
            element = read[0] if len(read) == 1 else ast.Tuple(read, ast.Load())
            items = placed(ast.ListComp(element, calls.generators), calls)
            target = bound[0] if len(bound) == 1 else ast.Tuple(bound, ast.Store())
    body: list[ast.stmt] = [ast.Return(ast.Await(calls.elt))]
    item = "item"
    if isinstance(target, ast.Name):
        item = target.id
    else:
        taken = {each.id for each in ast.walk(calls) if isinstance(each, ast.Name)}
        while item in taken:
            item = f"{item}_"
        body.insert(0, ast.Assign([target], ast.Name(item, ast.Load())))
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg(item)], kwonlyargs=[], kw_defaults=[], defaults=[])
    return placed(ast.AsyncFunctionDef(name, arguments, body, []), calls), items
