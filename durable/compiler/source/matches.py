"""`match`: written as `if` and `elif`, whose tests say the same as its patterns."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Container, Iterator
from typing import Final, TypeVar

from durable.compiler.source.names import HOISTED, made_up
from durable.compiler.source.problems import Refused

Placed = TypeVar("Placed", bound=ast.AST)

_TRUE: Final = ast.Constant(True)
_SELF: Final = frozenset({"bool", "bytes", "dict", "float", "int", "list", "str", "tuple"})
"""The classes whose only positional pattern stands for the value itself."""


def decided(
    node: ast.Match, bound: Container[str], match_args: Callable[[ast.expr], tuple[str, ...]]
) -> list[ast.stmt]:
    """Return a `match` as an `if`, after an assignment of what is matched, where that is no plain path.

    Args:
        bound: the names that have a value before it.
        match_args: returns the fields that the positional patterns of a class stand for.
    """
    for each in ast.walk(node):
        if isinstance(each, ast.MatchClass):
            _name_fields(each, match_args)
    subject, before = node.subject, list[ast.stmt]()
    captured = {name for case in node.cases for name, _ in _names(case.pattern, subject)}
    # Evaluated once, as in CPython. A plain path is read again by each test, so that what these find narrows its kind.
    if _root(subject) is None or _root(subject) in captured:
        name = made_up("matched", node)
        before.append(_placed(ast.Assign([ast.Name(name, ast.Store())], subject), subject))
        subject = ast.copy_location(ast.Name(name, ast.Load()), node.subject)
    # From the last case on: each is the `if` whose `else` is all that come after it.
    rest: list[ast.stmt] = []
    for case in reversed(node.cases):
        tests, names = _tests(case.pattern, subject), dict(_names(case.pattern, subject))
        if case.guard is not None:
            # A pattern that fits binds its names, also where its guard then fails.
            rest = [*(_bound(name, value, tests, case) for name, value in names.items() if name in bound), *rest]
            tests = [*tests, _Captured(names).visit(copy.deepcopy(case.guard))]
        body = case.body
        for name, value in reversed(names.items()):
            body = [_placed(ast.Assign([ast.Name(name, ast.Store())], value), case.pattern), *body]
        if not tests:
            rest = body
            continue
        test = tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)
        rest = [_placed(ast.If(test, body, rest), case.pattern)]
    return [*before, *(rest or [_placed(ast.Pass(), node)])]


def _name_fields(pattern: ast.MatchClass, match_args: Callable[[ast.expr], tuple[str, ...]]) -> None:
    """Give positional patterns the names of their fields: `case Point(0, y)` is `case Point(x=0, y=y)`."""
    if isinstance(pattern.cls, ast.Name) and pattern.cls.id in _SELF:
        return
    names = match_args(pattern.cls)
    if len(pattern.patterns) > len(names):
        raise Refused(pattern, "a pattern names no fields", "write them, as in `case Dog(name=name)`")
    pattern.kwd_attrs = [*names[: len(pattern.patterns)], *pattern.kwd_attrs]
    pattern.kwd_patterns = [*pattern.patterns, *pattern.kwd_patterns]
    pattern.patterns = []


def _root(node: ast.expr) -> str | None:
    """Return the name at the beginning of a plain path, as `order` of `order.address.street`."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _bound(name: str, value: ast.expr, tests: list[ast.expr], case: ast.match_case) -> ast.stmt:
    """Return the assignment of a captured name that had another value, where the tests of its pattern hold."""
    if tests:
        value = ast.IfExp(_all(copy.deepcopy(tests)), value, ast.Name(name, ast.Load()))
    return _placed(ast.Assign([ast.Name(name, ast.Store())], value), case.pattern)


def _tests(pattern: ast.pattern, subject: ast.expr) -> list[ast.expr]:
    """Return what has to hold for a pattern, one test after the other."""
    match pattern:
        case ast.MatchValue(value):
            return [_placed(ast.Compare(subject, [ast.Eq()], [value]), pattern)]
        case ast.MatchSingleton(value):
            # `case True` matches by identity, and `== True` is the same for a bool; `case None` has no other form than
            # `is`.
            equals = ast.Is() if value is None else ast.Eq()
            return [_placed(ast.Compare(subject, [equals], [ast.Constant(value)]), pattern)]
        case ast.MatchAs(None):
            return []
        case ast.MatchAs(inner) if inner is not None:
            return _tests(inner, subject)
        case ast.MatchOr(patterns):
            if any(True for each in patterns for _ in _names(each, subject)):
                raise Refused(pattern, "a `|` of patterns binds names", "write a `case` for each")
            sides = [_all(_tests(each, subject)) for each in patterns]
            return [_placed(ast.BoolOp(ast.Or(), sides), pattern)]
        case ast.MatchClass(cls):
            parts = [test for part, of in _parts(pattern, subject) for test in _tests(part, of)]
            return [_is_one(pattern, subject, cls), *parts]
        case ast.MatchSequence(patterns):
            count = ast.Call(ast.Name("len", ast.Load()), [subject], [])
            starred = any(isinstance(each, ast.MatchStar) for each in patterns)
            least = ast.Constant(len(patterns) - starred)
            size = _placed(ast.Compare(count, [ast.GtE() if starred else ast.Eq()], [least]), pattern)
            is_list = _is_one(pattern, subject, ast.Tuple([_named("list"), _named("tuple")], ast.Load()))
            return [is_list, size, *(test for part, of in _parts(pattern, subject) for test in _tests(part, of))]
        case ast.MatchStar():
            return []
        case ast.MatchMapping(keys):
            known = [_placed(ast.Compare(key, [ast.In()], [subject]), pattern) for key in keys]
            return [
                _is_one(pattern, subject, _named("dict")),
                *known,
                *(test for part, of in _parts(pattern, subject) for test in _tests(part, of)),
            ]
    raise AssertionError(f"{pattern} is no pattern")


def _named(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _is_one(pattern: ast.pattern, subject: ast.expr, cls: ast.expr) -> ast.expr:
    return _placed(ast.Call(_named("isinstance"), [subject, cls], []), pattern)


def _all(tests: list[ast.expr]) -> ast.expr:
    return _TRUE if not tests else tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def _parts(pattern: ast.pattern, subject: ast.expr) -> list[tuple[ast.pattern, ast.expr]]:
    """Return the patterns in a pattern, each with what it is matched with."""
    match pattern:
        case ast.MatchClass(cls, positional, names, patterns):
            if positional and not (isinstance(cls, ast.Name) and cls.id in _SELF and len(positional) == 1):
                raise Refused(pattern, "a pattern names no fields", "write them, as in `case Dog(name=name)`")
            read = [_placed(ast.Attribute(subject, name, ast.Load()), pattern) for name in names]
            return [*((each, subject) for each in positional), *zip(patterns, read, strict=True)]
        case ast.MatchSequence(patterns):
            keys: list[ast.expr] = list(_indices(patterns))
        case ast.MatchMapping(keys, patterns):
            pass
        case _:
            return []
    items = [_placed(ast.Subscript(subject, key, ast.Load()), pattern) for key in keys]
    return list(zip(patterns, items, strict=True))


def _indices(patterns: list[ast.pattern]) -> Iterator[ast.expr]:
    """Yield where in a list each pattern looks; from the end behind a starred one, which takes a slice."""
    star = next((place for place, each in enumerate(patterns) if isinstance(each, ast.MatchStar)), len(patterns))
    for place in range(len(patterns)):
        after = place - len(patterns)
        if place == star:
            end = ast.UnaryOp(ast.USub(), ast.Constant(-after - 1)) if after < -1 else None
            yield ast.Slice(ast.Constant(place), end)
        else:
            yield ast.Constant(place) if place < star else ast.UnaryOp(ast.USub(), ast.Constant(-after))


def _rest(pattern: ast.MatchMapping, subject: ast.expr) -> ast.expr:
    """Return the dict of what a pattern of a dict leaves: `**rest`."""
    key, value = (f"{each}{HOISTED}rest" for each in ("key", "value"))
    pair = ast.Tuple([ast.Name(key, ast.Store()), ast.Name(value, ast.Store())], ast.Store())
    items = ast.Call(ast.Attribute(subject, "items", ast.Load()), [], [])
    others = [ast.Compare(_named(key), [ast.NotEq()], [each]) for each in pattern.keys]
    loop = ast.comprehension(pair, items, list[ast.expr](others), 0)
    return _placed(ast.DictComp(_named(key), _named(value), [loop]), pattern)


def _names(pattern: ast.pattern, subject: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a pattern binds, each with its value."""
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            yield from _names(pattern.pattern, subject)
        if pattern.name is not None:
            yield pattern.name, subject
    elif isinstance(pattern, ast.MatchStar):
        # CPython makes a list of what is left, also of a tuple.
        if pattern.name is not None:
            yield pattern.name, _placed(ast.Call(_named("list"), [subject], []), pattern)
    elif isinstance(pattern, ast.MatchOr):
        for each in pattern.patterns:
            yield from _names(each, subject)
    else:
        for part, of in _parts(pattern, subject):
            yield from _names(part, of)
        if isinstance(pattern, ast.MatchMapping) and pattern.rest is not None:
            yield pattern.rest, _rest(pattern, subject)


class _Captured(ast.NodeTransformer):
    """Puts what was matched in the place of the names that stand for it: a guard is a part of the test."""

    def __init__(self, names: dict[str, ast.expr]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:  # the name that ast asks for
        value = self._names.get(node.id)
        return node if value is None else ast.copy_location(copy.deepcopy(value), node)


def _placed(node: Placed, at: ast.AST) -> Placed:
    """Return a node with the place of another one, and so its parts that have none."""
    ast.copy_location(node, at)
    return ast.fix_missing_locations(node)
