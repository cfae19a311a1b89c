"""What can be gone through: lists, and what Python makes of them only to be gone through, as `zip(xs, ys)`."""

from __future__ import annotations

import ast
import dataclasses
import enum
from collections.abc import Callable, Hashable
from typing import Any, Final

from durable.compiler.expressions.access import element_kind, keys_of
from durable.compiler.expressions.generators import as_generator
from durable.compiler.expressions.literals import list_display, literal
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import require_known
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.names import HOISTED
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import as_set
from durable.compiler.types.keys import KEYS, as_key, as_text, kind_of_keys, written_as
from durable.compiler.types.kinds import (
    UNKNOWN,
    Anything,
    DictOf,
    Fixed,
    Integer,
    Kind,
    ListOf,
    Never,
    Record,
    SetOf,
    Text,
    TupleOf,
    Unknown,
    acts_as,
    describe,
    is_unknown,
    join,
    members,
    of_one_shape,
)
from durable.compiler.types.terms import (
    BOOLEAN,
    INTEGER,
    TEXT,
    ZERO,
    Apply,
    Both,
    Comprehension,
    Constant,
    Expression,
    Formula,
    ListDisplay,
    Variable,
    element,
)

VIEWS: Final = ("items", "keys", "values")


def is_view(node: ast.expr) -> bool:
    """Whether an expression may be the items, keys or values of a dict."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in VIEWS


def iterable(reader: Reader, node: ast.expr, scope: Scope, *, unordered: bool = False) -> Expression:
    """Return what is gone through, as a list.

    Args:
        unordered: whoever goes through it does not see the order: so it may be a set.

    Raises:
        Refused: it is nothing that can be gone through.
    """
    generator = as_generator(reader, node, scope)
    if generator is not None:
        return comprehension(reader, generator.elt, generator.generators, scope, unordered=unordered)
    match node:
        case ast.Call(ast.Attribute(of, view), [], []) if view in VIEWS:
            return _view(reader, node, of, view, scope)
        case ast.Call(func):
            found, function = reader.static(func, scope)
            if found and isinstance(function, Hashable) and function in _MAKERS:
                return _MAKERS[function](reader, node, scope)
    found, cls = reader.static(node, scope)
    if found and isinstance(cls, type) and issubclass(cls, enum.Enum):
        return list_display(tuple(literal(node, each, reader.source.of(node)) for each in cls), is_tuple=False)
    value = reader.value(node, scope)
    kind = as_set(of_one_shape(acts_as(value.kind)))
    if isinstance(kind, (DictOf, Fixed)):
        return _view(reader, node, node, "keys", scope)
    if isinstance(kind, SetOf):
        if unordered:
            return dataclasses.replace(value, kind=ListOf(kind.element))
        text = reader.source.of(node)
        what = f"`{text}` is a set, which CPython goes through in an order of its own"
        raise Refused(node, what, f"write sorted({text})")
    element_kind(node, kind, reader.source.of(node))
    return value


def elements(reader: Reader, node: ast.expr, scope: Scope, *, unordered: bool = False) -> tuple[Expression, Kind]:
    """Return what is gone through, as a list, and the kind of its elements; `unordered` as of `iterable`."""
    value = iterable(reader, node, scope, unordered=unordered)
    return value, element_kind(node, value.kind, reader.source.of(node))


def _arguments(
    reader: Reader, node: ast.Call, least: int, most: int, form: str, named: str | None = None
) -> list[ast.expr]:
    given = [*node.args, *(each.value for each in node.keywords if named is not None and each.arg == named)]
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    if starred or len(given) != len(node.args) + len(node.keywords) or not least <= len(given) <= most:
        raise Refused(node, f"`{reader.source.of(node)}` has other arguments than the language knows", f"write {form}")
    return given


def _range(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    given = [reader.value(each, scope) for each in _arguments(reader, node, 1, 3, "range(n) or range(a, b, step)")]
    for each in given:
        if not is_unknown(each.kind) and not isinstance(acts_as(each.kind), Integer):
            what = f"`{reader.source.of(node)}` has bounds that are not int"
            raise Refused(node, what, "write range(n) or range(a, b, step), with whole numbers")
    start, end = (ZERO, given[0]) if len(given) == 1 else given[:2]
    if len(given) < 3:
        return Formula("[$a..$b - 1]", (start, end), ListOf(INTEGER))
    if not isinstance(given[2], Constant):
        text = (
            '($assert($c != 0, "ValueError"); [$map([0..$ceil(($b - $a) / $c) - 1], function($_i) { $a + $_i * $c })])'
        )
        where = reader.source.at(node)
        says = '"range() arg 3 must not be zero"'
        return Formula(text, (start, end, given[2]), ListOf(INTEGER), fails=True, where=where, says=says)
    step = written_step(node, given[2], reader.source.of(node))
    text = f"[$map([0..$ceil(($b - $a) / {step}) - 1], function($_i) {{ $a + $_i * {step} }})]"
    return Formula(text, (start, end), ListOf(INTEGER))


def written_step(node: ast.AST, step: Expression, source: str) -> int:
    """Return the step of a range, which must be a written number."""
    if isinstance(step, Constant) and isinstance(step.value, int) and step.value and not isinstance(step.value, bool):
        return step.value
    raise Refused(node, f"the step of `{source}` is no written number other than 0", "write the step out")


def _enumerate(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    given = _arguments(reader, node, 1, 2, "enumerate(items) or enumerate(items, 1)", "start")
    items, kind = elements(reader, given[0], scope)
    start = reader.value(given[1], scope) if len(given) == 2 else ZERO
    if not isinstance(acts_as(start.kind), (Integer, Never)):
        raise Refused(node, f"`{reader.source.of(node)}` does not start at an int", "write enumerate(items, 1)")
    return Formula("$zip([$b..$b + $count($a) - 1], $a)", (items, start), ListOf(TupleOf((INTEGER, kind))))


def _zip(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    match node.keywords:
        case [] | [ast.keyword("strict", ast.Constant(bool()))]:
            pass
        case _:
            remedy = "write zip(xs, ys), or zip(xs, ys, strict=False), which end with the shorter"
            raise Refused(node, f"`{reader.source.of(node)}` has options", remedy)
    if not node.args:
        raise Refused(node, "`zip` is given nothing", "write zip(xs, ys)")
    given = [
        elements(reader, each, scope)
        for each in _arguments(reader, node, 1, 26 + len(node.keywords), "zip(xs, ys)", "strict")[: len(node.args)]
    ]
    kind = ListOf(TupleOf(tuple(kind for _, kind in given)))
    lists = tuple(value for value, _ in given)
    if not _is_strict(node):
        return Apply("$zip", lists, kind)  # which ends with the shortest list, as `zip` does
    names = [f"${chr(ord('a') + number)}" for number in range(len(lists))]
    alike = " and ".join(f"$count($a) = $count({name})" for name in names)
    text = f'($assert({alike}, "ValueError"); $zip({", ".join(names)}))'
    longer = '$count($b) > $count($a) ? "zip() argument 2 is longer than argument 1"'
    says = f'{longer} : "zip() argument 2 is shorter than argument 1"' if len(lists) == 2 else ""
    return Formula(text, lists, kind, fails=True, where=reader.source.at(node), says=says)


def refuse_strict(reader: Reader, node: ast.expr, scope: Scope) -> None:
    """Refuse to go through `zip(…, strict=True)` where CPython does something before it finds a list shorter."""
    for each in [of.iter for of in node.generators] if isinstance(node, ast.GeneratorExp) else [node]:
        called = strict_zip(reader, each, scope)
        if called is not None:
            found = f"`{reader.source.of(called)}` fails only after what is done with the elements before"
            raise Refused(called, found, "write list(zip(…, strict=True)), which fails at once, or leave `strict` out")


def strict_zip(reader: Reader, node: ast.expr, scope: Scope) -> ast.Call | None:
    """Return the `zip(…, strict=True)` that is gone through, also in an `enumerate`."""
    while isinstance(node, ast.Call) and node.args and reader.static(node.func, scope) == (True, enumerate):
        node = node.args[0]
    is_zip = isinstance(node, ast.Call) and reader.static(node.func, scope) == (True, zip)
    return node if is_zip and isinstance(node, ast.Call) and _is_strict(node) else None


def _is_strict(node: ast.Call) -> bool:
    return any(isinstance(each.value, ast.Constant) and each.value.value is True for each in node.keywords)


def _reversed(reader: Reader, node: ast.Call, scope: Scope) -> Expression:
    items, kind = elements(reader, _arguments(reader, node, 1, 1, "reversed(items)")[0], scope)
    return Apply("$reverse", (items,), ListOf(kind))


_MAKERS: Final[dict[object, Callable[[Reader, ast.Call, Scope], Expression]]] = {
    range: _range,
    enumerate: _enumerate,
    zip: _zip,
    reversed: _reversed,
}
LAZY: Final = frozenset({*_MAKERS, map, filter})
"""The functions whose result can only be gone through: a list, where `list(…)` is written around it."""


def _view(reader: Reader, node: ast.expr, of: ast.expr, view: str, scope: Scope) -> Expression:
    value, source = reader.value(of, scope), reader.source.of(node)
    key: Kind = TEXT
    if is_unknown(value.kind):
        return value
    require_known(node, value, f"`{reader.source.of(of)}`")
    match of_one_shape(acts_as(value.kind)):
        case DictOf(kind, key):
            if written_as(key) is None:
                raise Refused(node, f"the keys of `{source}` are {describe(key)}", KEYS)
        case Fixed(entries):
            kind = join(*(each for _, each in entries))
        case Record(by_key=True) as record:
            kind = join(*(each.kind for each in keys_of(record).values()))
        case other:
            raise Refused(node, f"`{source}` goes through {describe(other)}", "only dicts have items, keys and values")
    # Brackets: of a dict with one key `$keys` gives the bare text, and of an empty one nothing.
    # The keys of a dict are texts in JSON: a number, or the member of an Enum, is read back from its text.
    name = as_key("$_k", key)
    if view == "keys":
        text = "[$keys($a)]" if name == "$_k" else f"[$map([$keys($a)], function($_k) {{ {name} }})]"
        return Formula(text, (value,), ListOf(key))
    got = "$lookup($a, $_k)" if view == "values" else f"[{name}, {_as_element('$lookup($a, $_k)', kind)}]"
    pairs = ListOf(TupleOf((key, kind)))
    made = pairs if view == "items" else ListOf(kind)
    added = f"[{got}]" if view == "items" else f"[{_as_element(got, kind)}]"
    return Formula(f"$reduce([$keys($a)], function($_l, $_k) {{ $append($_l, {added}) }}, [])", (value,), made)


def _as_element(text: str, kind: Kind) -> str:
    """Return a value as an element of an array constructor, which takes lists apart that it did not construct."""
    lists = [isinstance(each, (ListOf, TupleOf)) for each in members(kind)]
    if any(isinstance(each, Anything) for each in members(kind)) or (any(lists) and not all(lists)):
        return f'$type({text}) = "array" ? [[{text}]] : ({text})'
    return f"[{text}]" if any(lists) else text


def comprehension(
    reader: Reader,
    item: ast.expr,
    generators: list[ast.comprehension],
    scope: Scope,
    into: Any = "list",
    *,
    key: ast.expr | None = None,
    unordered: bool = False,
) -> Comprehension:
    """Return a comprehension, or a dict or bool that is made of its elements; `unordered` as of `iterable`."""
    of, *inner = generators
    if of.is_async:
        raise Refused(of.target, "a comprehension has `async for`", "write `for`")
    items, kind = elements(reader, of.iter, scope, unordered=unordered)
    place = ("[]", reader.source.file, str(of.target.lineno), str(of.target.col_offset))
    stem = of.target.id if isinstance(of.target, ast.Name) else "item"
    variable = reader.names.variable(stem, place)
    scope = bind_target(scope, of.target, Variable(variable, kind), kind)
    test: Expression | None = None
    for each in of.ifs:
        condition = reader.condition(each, scope)
        test = condition.test if test is None else Both(test, condition.test)
        scope = condition.true
    if inner:
        rest = comprehension(reader, item, inner, scope, into, key=key, unordered=unordered)
        # The inner comprehension makes a list for each item; the outer one puts these one after the other. Dicts are
        # merged and bools combined by the same words on both levels.
        merged = {"list": "flat"}.get(into, into)
        return Comprehension(rest, variable, items, test, rest.kind, merged)
    return _made(reader, item, key, scope, into, (variable, items, test))


def _made(
    reader: Reader,
    item: ast.expr,
    key: ast.expr | None,
    scope: Scope,
    into: Any,
    parts: tuple[str, Expression, Expression | None],
) -> Comprehension:
    variable, items, test = parts
    if into in ("any", "all"):
        value = reader.condition(item, scope).test
        kind = value.kind if isinstance(value.kind, Unknown) else BOOLEAN
        return Comprehension(value, variable, items, test, kind, into)
    value = reader.element(item, scope)
    if key is not None:
        entry = dict_entry(key, reader.value(key, scope), value, reader.source.of(key))
        return Comprehension(entry, variable, items, test, entry.kind, "dict")
    return Comprehension(value, variable, items, test, ListOf(value.kind))


def dict_entry(node: ast.AST, key: Expression, value: Expression, source: str) -> Expression:
    """Return a dict of one key that is computed."""
    require_known(node, key, f"the key `{source}`")
    if written_as(key.kind) is None:
        raise Refused(node, f"the key `{source}` is {describe(key.kind)}", KEYS)
    return Formula("{$a: $b}", (as_text(key), value), DictOf(value.kind, kind_of_keys(key.kind)))


def is_repeatable(items: Expression, times: Expression) -> bool:
    """Whether `items * times` repeats a list or a text."""
    return isinstance(acts_as(items.kind), (ListOf, Text)) and isinstance(acts_as(times.kind), Integer)


def repeated(reader: Reader, node: ast.BinOp, items: Expression, times: ast.expr, scope: Scope) -> Expression:
    """Return `items * times`: a list or a text so many times over, none where that is below 1."""
    if isinstance(acts_as(items.kind), Text):
        text = '$b > 0 ? $join([1..$b].$a) : ""'
        return Formula(text, (items, reader.value(times, scope)), TEXT)
    # `[each for times in range(n) for each in xs]`, under names that no author can write.
    once, each = f"{HOISTED}times", f"{HOISTED}each"
    rounds = ast.Call(ast.Name("range", ast.Load()), [times], [])
    generators = [
        ast.comprehension(ast.Name(name, ast.Store()), of, [], 0) for name, of in ((once, rounds), (each, node.left))
    ]
    for part in (rounds, *generators):
        ast.fix_missing_locations(ast.copy_location(part, node))
    return comprehension(reader, ast.copy_location(ast.Name(each, ast.Load()), node), generators, scope)


def merged_dicts(parts: list[Expression]) -> Expression:
    """Return dicts merged into one; later values replace earlier ones of the same key."""
    kind: Kind
    if any(isinstance(each.kind, Unknown) for each in parts):
        return Constant(None, UNKNOWN)
    if all(isinstance(each.kind, Fixed) for each in parts):
        entries = {name: of for each in parts if isinstance(each.kind, Fixed) for name, of in each.kind.entries}
        kind = Fixed(tuple(entries.items()))
    else:
        kind = join(*(of_one_shape(join(each.kind, DictOf(Never(), Never()))) for each in parts))
    return Apply("$merge", (ListDisplay(tuple(parts), ListOf(kind)),), kind)


def bind_target(scope: Scope, target: ast.expr, item: Expression, kind: Kind) -> Scope:
    """Return the scope in which the names of a target are an item, or its parts."""
    for name, value in targets(target, item, kind):
        scope = scope.bind(name, value)
    return scope


def targets(node: ast.expr, item: Expression, kind: Kind) -> list[tuple[str, Expression]]:
    """Return the names that a loop or comprehension assigns to, each with its part of the item."""
    if isinstance(node, ast.Name):
        return [(node.id, item)]
    if not isinstance(node, (ast.Tuple, ast.List)):
        raise Refused(
            node, f"`{ast.unparse(node)}` is assigned to, which is no name", "take a name, or a tuple of names"
        )
    if is_unknown(kind):
        plain = [each.value if isinstance(each, ast.Starred) else each for each in node.elts]
        return [part for each in plain for part in targets(each, item, kind)]
    if isinstance(kind, TupleOf) and any(isinstance(each, ast.Starred) for each in node.elts):
        return _starred(node.elts, item, kind)
    if not isinstance(kind, TupleOf) or len(kind.elements) != len(node.elts):
        found = f"{len(node.elts)} names are to take {describe(kind)} apart"
        both = "; of a dict, `d.items()` gives keys and values" if isinstance(acts_as(kind), Text) else ""
        raise Refused(node, found, f"take one name, or a tuple of as many{both}")
    return [
        part
        for index, (each, of) in enumerate(zip(node.elts, kind.elements, strict=True))
        for part in targets(each, element(item, index, of), of)
    ]


def _starred(nodes: list[ast.expr], item: Expression, kind: TupleOf) -> list[tuple[str, Expression]]:
    """Return the names of targets of which one, `*rest`, takes a list of all that the others leave of a tuple."""
    parts = [element(item, index, each) for index, each in enumerate(kind.elements)]
    place = next(index for index, each in enumerate(nodes) if isinstance(each, ast.Starred))
    star, after = nodes[place], len(nodes) - place - 1
    if len(parts) < len(nodes) - 1:
        found = f"{len(nodes) - 1} names and a starred one are to take {describe(kind)} apart"
        raise Refused(star, found, "take no more names than it has elements")
    assert isinstance(star, ast.Starred)
    kept = tuple(parts[place : len(parts) - after])
    rest = ListDisplay(kept, ListOf(join(*(each.kind for each in kept)) if kept else Never()))
    pairs: list[tuple[ast.expr, Expression]] = [
        *zip(nodes[:place], parts[:place], strict=True),
        (star.value, rest),
        *zip(nodes[place + 1 :], parts[len(parts) - after :], strict=True),
    ]
    return [found for node, part in pairs for found in targets(node, part, part.kind)]
