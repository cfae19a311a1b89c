"""Dicts that a call makes: `dict(pairs)`, `dict(d, key=x)`, `dict.fromkeys(xs, 0)`."""

from __future__ import annotations

import ast

from durable.compiler.expressions.iterables import LAZY, comprehension, is_view, merged_dicts
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.names import HOISTED
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import is_dict
from durable.compiler.types.terms import Expression, Let, Variable


def made(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `dict(…)`: of another dict or of pairs, and of what is named."""
    starred = any(isinstance(each, ast.Starred) for each in node.args) or any(
        each.arg is None for each in node.keywords
    )
    if starred or len(node.args) > 1:
        found = f"`{reader.source.of(node)}` has other arguments than the language knows"
        raise Refused(node, found, 'write `{**d, "key": value}`')
    keys: list[ast.expr | None] = [ast.Constant(each.arg) for each in node.keywords]
    named = placed(ast.Dict(keys, [each.value for each in node.keywords]), node)
    if not node.args:
        return reader.value(named, scope)
    given = reader.value(node.args[0], scope) if not _is_lazy(reader, node.args[0], scope) else None
    if given is None or not is_dict(given.kind):
        pair = [placed(ast.Name(each, ast.Load()), node) for each in ("key", "value")]
        target = placed(ast.Tuple([ast.Name(each, ast.Store()) for each in ("key", "value")], ast.Store()), node)
        loop = ast.comprehension(target, node.args[0], [], 0)
        given = comprehension(reader, pair[1], [loop], scope, key=pair[0])
    return given if not node.keywords else merged_dicts([given, reader.value(named, scope)])


def from_keys(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    """Return `dict.fromkeys(keys, value)`."""
    if node.keywords or not 1 <= len(node.args) <= 2:
        found = f"`{reader.source.of(node)}` has other arguments than the language knows"
        raise Refused(node, found, "write {key: value for key in keys}")
    value = node.args[1] if len(node.args) == 2 else placed(ast.Constant(None), node)
    loop = ast.comprehension(placed(ast.Name("key", ast.Store()), node), node.args[0], [], 0)
    if isinstance(value, ast.Constant):
        return comprehension(reader, value, [loop], scope, key=placed(ast.Name("key", ast.Load()), node))
    name = placed(ast.Name(f"value{HOISTED}", ast.Load()), node)
    kept = reader.element(value, scope)  # worked out once, and before the keys are gone through
    within = scope.bind(name.id, Variable("_d", kept.kind))
    filled = comprehension(reader, name, [loop], within, key=placed(ast.Name("key", ast.Load()), node))
    return Let((("_d", kept),), filled, filled.kind)


def _is_lazy(reader: Reader, node: ast.expr, scope: Scope) -> bool:
    """Whether an expression is no value by itself, but can be gone through."""
    if isinstance(node, ast.GeneratorExp) or is_view(node):
        return True
    return isinstance(node, ast.Call) and reader.static(node.func, scope)[1] in LAZY
