"""Generators, which CPython evaluates item by item: `(f(x) for x in xs)`, `map(f, xs)`, `filter(f, xs)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.names import made_up
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused

_FORMS: Final[dict[object, str]] = {map: "[f(x) for x in xs]", filter: "[x for x in xs if f(x)]"}
_PASSES_ON: Final = (enumerate, zip)


def as_generator(reader: Reader, node: ast.expr, scope: Scope) -> ast.GeneratorExp | None:
    """Return a generator, or `map(f, xs)` and `filter(f, xs)` as the generator that they stand for; else None."""
    if isinstance(node, ast.GeneratorExp):
        return node
    if not isinstance(node, ast.Call):
        return None
    found, function = reader.static(node.func, scope)
    if not found or function not in (map, filter):
        return None
    if node.keywords or len(node.args) != 2 or isinstance(node.args[1], ast.Starred):
        what = f"`{reader.source.of(node)}` has other arguments than a function and a list"
        is_of_several = function is map and len(node.args) > 2
        form = "[f(x, y) for x, y in zip(xs, ys)]" if is_of_several else _FORMS[function]
        raise Refused(node, what, f"write `{form}`")
    called, items = node.args
    name = made_up("item", node)
    if isinstance(called, ast.Lambda) and len(called.args.args) == 1:
        name = called.args.args[0].arg  # so that messages say what the author wrote
    item = ast.Name(name, ast.Load())
    result = _called(reader, called, item, scope)
    tests = [result] if function is filter else []
    loop = ast.comprehension(ast.Name(name, ast.Store()), items, tests, 0)
    return placed(ast.GeneratorExp(item if function is filter else result, [loop]), node)


def _called(reader: Reader, function: ast.expr, item: ast.Name, scope: Scope) -> ast.expr:
    """Return what `map` and `filter` make of an item: `filter(None, xs)` looks at the item itself."""
    match function:
        case ast.Constant(None):
            return item
        case ast.Lambda(ast.arguments([], [_], None, [], [], None, []), body):
            return body
        case ast.Attribute(of, method) if reader.static(of, scope) == (True, str):
            return ast.Call(ast.Attribute(item, method, ast.Load()), [], [])
        case ast.Name() | ast.Attribute():
            return ast.Call(function, [item], [])
    raise Refused(function, f"`{reader.source.of(function)}` is no function of one item", "write `[f(x) for x in xs]`")


def lazy_parts(reader: Reader, node: ast.expr, scope: Scope) -> Iterator[ast.GeneratorExp]:
    """Yield the generators in what is gone through, whose items CPython works out between the rounds of a loop."""
    generator = as_generator(reader, node, scope)
    if generator is not None:
        yield generator
        yield from lazy_parts(reader, generator.generators[0].iter, scope)
    elif isinstance(node, ast.Call) and reader.static(node.func, scope)[1] in _PASSES_ON:
        for each in node.args:
            yield from lazy_parts(reader, each, scope)
