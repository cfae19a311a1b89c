"""Methods that change a list or dict in place, as the assignment of a new one to the same name."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.source.places import placed

GROWING: Final = frozenset({"append", "extend"})
"""The methods of a list that add to its end."""
CHANGING: Final = frozenset(
    {
        *("append", "extend", "insert", "pop", "remove", "reverse", "setdefault", "sort", "update"),
        *("add", "clear", "discard", "difference_update", "intersection_update"),
    }
)
"""The methods of a list or dict that `run` knows as statements."""


def changed(node: ast.Call, name: ast.Name, method: str, *, is_list: bool) -> ast.expr | None:
    """Return what a name stands for after `name.method(…)`; None where that is no change that `run` may say."""
    match method, node.args:
        case "append", [value] if is_list and not node.keywords:
            return grown(node, name, placed(ast.List([value], ast.Load()), value))
        case "extend", [more] if is_list and not node.keywords:
            return grown(node, name, more)
        case "sort", [] if is_list:
            # `sorted` and `list.sort` are both stable, and take the same arguments.
            return placed(ast.Call(ast.Name("sorted", ast.Load()), [name], node.keywords), node)
        case "reverse", [] if is_list and not node.keywords:
            return placed(
                ast.Subscript(name, ast.Slice(step=ast.UnaryOp(ast.USub(), ast.Constant(1))), ast.Load()), node
            )
        case "insert", [place, value] if is_list and not node.keywords:
            before = ast.Starred(ast.Subscript(name, ast.Slice(upper=place), ast.Load()), ast.Load())
            # Slices take any index, as `insert` does: beyond the ends they are cut.
            after = ast.Starred(ast.Subscript(name, ast.Slice(lower=place), ast.Load()), ast.Load())
            return placed(ast.List([before, value, after], ast.Load()), node)
        case "remove", [value] if is_list and not node.keywords:
            place = ast.Call(ast.Attribute(name, "index", ast.Load()), [value], [])
            return with_others(node, name, placed(place, node), ())
        case "clear", [] if is_list and not node.keywords:
            return placed(ast.Subscript(name, ast.Slice(upper=ast.Constant(0)), ast.Load()), node)
        case "update", [] | [_] if not is_list and all(each.arg for each in node.keywords):
            keys: list[ast.expr | None] = [None, *(None for _ in node.args)]
            values: list[ast.expr] = [name, *map(_as_dict, node.args)]
            keys += [ast.Constant(each.arg) for each in node.keywords]
            return placed(ast.Dict(keys, [*values, *(each.value for each in node.keywords)]), node)
    return None


def _as_dict(node: ast.expr) -> ast.expr:
    """Return what `d.update(…)` is given as a dict, where it is pairs."""
    match node:
        case ast.ListComp() | ast.GeneratorExp() | ast.Call(ast.Name("zip" | "enumerate" | "map")):
            return placed(ast.Call(ast.Name("dict", ast.Load()), [node], []), node)
    return node


def with_default(node: ast.Call, name: ast.Name, *, is_new: bool) -> ast.expr:
    """Return a dict after `name.setdefault(key, value)`; `is_new` says that it has no such key for certain."""
    got = node.args[1] if is_new else ast.Call(ast.Attribute(name, "get", ast.Load()), node.args, [])
    return placed(ast.Dict([None, node.args[0]], [name, got]), node)


def with_grown(node: ast.AST, name: ast.Name, key: ast.expr, items: ast.expr, more: ast.expr) -> ast.expr:
    """Return a dict in which the list of a key has more at its end."""
    parts: list[ast.expr] = [placed(ast.Starred(each, ast.Load()), node) for each in (items, more)]
    return placed(ast.Dict([None, key], [name, ast.List(parts, ast.Load())]), node)


def set_changed(node: ast.Call, name: ast.Name, method: str) -> ast.expr | None:
    """Return what a name of a set stands for after `name.method(…)`; None where `run` may not say that."""
    changes: dict[str, ast.operator] = {
        "add": ast.BitOr(),
        "update": ast.BitOr(),
        "discard": ast.Sub(),
        "difference_update": ast.Sub(),
        "intersection_update": ast.BitAnd(),
    }
    match method, node.args:
        case (("add" | "discard"), [value]):
            other: ast.expr = ast.Set([value])
        case (("update" | "difference_update" | "intersection_update"), [more]):
            other = ast.Call(ast.Name("set", ast.Load()), [more], [])
        case "clear", []:
            return placed(ast.Call(ast.Name("set", ast.Load()), [], []), node)
        case _:
            return None
    return placed(ast.BinOp(name, changes[method], other), node)


def grown(node: ast.AST, name: ast.Name, more: ast.expr) -> ast.expr:
    """Return a list with more at its end: `[*name, *more]`."""
    parts: list[ast.expr] = [placed(ast.Starred(each, ast.Load()), each) for each in (name, more)]
    return placed(ast.List(parts, ast.Load()), node)


def with_others(node: ast.AST, name: ast.Name, place: ast.expr, items: tuple[ast.expr, ...]) -> ast.expr:
    """Return a list with other items, or none, in the place of one."""
    after = ast.BinOp(place, ast.Add(), ast.Constant(1))
    ends = (ast.Slice(upper=place), ast.Slice(lower=after))
    first, last = (ast.Starred(ast.Subscript(name, each, ast.Load()), ast.Load()) for each in ends)
    return placed(ast.List([first, *items, last], ast.Load()), node)


def end_of(place: ast.expr | None) -> int | None:
    """Return which end of a list is meant, 0 or -1; None where it is neither."""
    match place:
        case None | ast.UnaryOp(ast.USub(), ast.Constant(1)):
            return -1
        case ast.Constant(0):
            return 0
    return None


def item(node: ast.AST, name: ast.Name, key: ast.expr) -> ast.expr:
    """Return `name[key]`."""
    return placed(ast.Subscript(name, key, ast.Load()), node)


def popped(node: ast.AST, name: ast.Name, arguments: list[ast.expr]) -> ast.expr:
    """Return what `name.pop(key)` or `name.pop(key, default)` of a dict returns."""
    if len(arguments) == 1:
        return item(node, name, arguments[0])
    return placed(ast.Call(ast.Attribute(name, "get", ast.Load()), arguments, []), node)


def without_end(node: ast.AST, name: ast.Name, end: int) -> ast.expr:
    """Return a list without its first or last item."""
    last = ast.UnaryOp(ast.USub(), ast.Constant(1))
    cut = ast.Slice(lower=ast.Constant(1)) if end == 0 else ast.Slice(upper=last)
    return placed(ast.Subscript(name, cut, ast.Load()), node)


def without_key(node: ast.AST, name: ast.Name, key: ast.expr) -> ast.expr:
    """Return a dict without a key: `{k: v for k, v in name.items() if k != key}`."""
    pair = [ast.Name(each, ast.Store()) for each in ("_key", "_value")]
    items = ast.Call(ast.Attribute(name, "items", ast.Load()), [], [])
    differs = ast.Compare(ast.Name("_key", ast.Load()), [ast.NotEq()], [key])
    loop = ast.comprehension(ast.Tuple(list(pair), ast.Store()), items, [differs], 0)
    return placed(ast.DictComp(ast.Name("_key", ast.Load()), ast.Name("_value", ast.Load()), [loop]), node)


def path_of(node: ast.AST) -> str | None:
    """Return a name, or a name and its field, as text; None of anything else."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(ast.Name(name), part):
            return f"{name}.{part}"
    return None


def changed_in_place(node: ast.AST) -> str | None:
    """Return what stands before `.append` or the like, or before a key or field that is assigned or deleted."""
    match node:
        case ast.Attribute(of, method) if method in CHANGING:
            return path_of(of)
        case ast.Subscript(of, ctx=ast.Store() | ast.Del()):
            return path_of(of)
        case ast.Attribute(ast.Name(name), ctx=ast.Store()):
            return name
    return None


def grown_entry(node: ast.AST) -> tuple[ast.Name, ast.expr, ast.expr, ast.expr] | None:
    """Return dict, key, list and what is added, of `d.setdefault(key, []).append(x)` and `d[key].append(x)`."""
    match node:
        case ast.Call(ast.Attribute(of, method), [value], []) if method in GROWING:
            more = value if method == "extend" else ast.copy_location(ast.List([value], ast.Load()), value)
        case _:
            return None
    match of:
        case ast.Subscript(ast.Name() as name, key) if not isinstance(key, ast.Slice):
            return name, key, of, more
        case ast.Call(ast.Attribute(ast.Name() as name, "setdefault"), [key, ast.List() as first], []):
            got = ast.Call(ast.Attribute(name, "get", ast.Load()), [key, first], [])
            return name, key, placed(got, of), more
    return None
