"""Lists, tuples and dicts that are written out, with what is spread into them."""

from __future__ import annotations

import ast
import dataclasses

from durable.compiler.expressions.iterables import dict_entry, elements, merged_dicts
from durable.compiler.expressions.literals import dict_display, list_display
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.refusals import refuse_none
from durable.compiler.expressions.scope import Scope
from durable.compiler.program.walk import may_fail
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import record_fields
from durable.compiler.types.assignability import assignable
from durable.compiler.types.kinds import (
    Fixed,
    ListOf,
    Never,
    Record,
    TupleOf,
    describe,
    is_dict,
    is_error,
    is_unknown,
    join,
)
from durable.compiler.types.terms import Apply, Concatenation, Expression, ListDisplay


def list_of(reader: Reader, nodes: list[ast.expr], is_tuple: bool, scope: Scope) -> Expression:
    """Return `[…]` or `(…)`."""
    whole: Expression | None = None
    plain: list[Expression] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            spread, element = elements(reader, node.value, scope)
            # What stands before it, element by element, is a list of its own: the parts are put one after the other.
            before = list_display(tuple(plain), is_tuple)
            whole = appended(whole, before) if plain else whole
            whole = appended(whole, dataclasses.replace(spread, kind=ListOf(element)))
            plain = []
        else:
            # A list may keep errors that were caught: it is refused where it would leave `run`.
            error = reader.value(node, scope) if isinstance(node, ast.Name | ast.Subscript) and not is_tuple else None
            is_kept = error is not None and is_error(error.kind) and not is_unknown(error.kind)
            plain.append(error if error is not None and is_kept else reader.element(node, scope))
    rest = list_display(tuple(plain), is_tuple)
    return rest if whole is None else appended(whole, rest) if plain else whole


def dict_of(reader: Reader, node: ast.Dict, scope: Scope) -> Expression:
    """Return `{…}`. Of a key that is written twice, the first value counts only where it fails."""
    entries: dict[str, Expression] = {}
    parts: list[Expression] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            if key.value in entries and may_fail(entries[key.value]):
                parts.append(dict_display(entries))  # which fails though the key is written again
                entries = {}
            entries[key.value] = reader.element(value, scope)
            continue
        part = _part_of_dict(reader, key, value, scope)
        if entries:
            parts.append(dict_display(entries))
            entries = {}
        if not isinstance(part.kind, Never):
            parts.append(part)
    if entries or not parts:
        parts.append(dict_display(entries))
    record = next((each.kind for each in parts if isinstance(each.kind, Record)), None)
    if record is not None:
        return _typed_dict(node, parts, record)
    return parts[0] if len(parts) == 1 else merged_dicts(parts)


def _typed_dict(node: ast.Dict, parts: list[Expression], record: Record) -> Expression:
    """Return a TypedDict, of whose keys some may be missing, with other values of its own keys."""
    fields = record_fields(record)
    for each in parts:
        entries = each.kind.entries if isinstance(each.kind, Fixed) else None
        if each.kind == record:
            continue
        if entries is None or not all(name in fields and assignable(of, fields[name].kind) for name, of in entries):
            found = f"{describe(record)}, whose keys may be missing, is merged with {describe(each.kind)}"
            raise Refused(node, found, f"give it values of the keys of {describe(record)} only, or write all keys out")
    return Apply("$merge", (ListDisplay(tuple(parts), ListOf(record)),), record)


def _part_of_dict(reader: Reader, key: ast.expr | None, value: ast.expr, scope: Scope) -> Expression:
    """Return `key: value` or `**value` as a dict."""
    if key is not None:
        return dict_entry(key, reader.value(key, scope), reader.element(value, scope), reader.source.of(key))
    spread = reader.value(value, scope)
    refuse_none(value, spread, f"`**{reader.source.of(value)}`")
    if is_unknown(spread.kind) or is_dict(spread.kind):
        return spread
    if isinstance(spread.kind, Record) and spread.kind.by_key:
        keys = record_fields(spread.kind)
        if not all(each.present for each in keys.values()):
            return spread
        kind = Fixed(tuple((each.alias, each.kind) for each in keys.values()))
        return dataclasses.replace(spread, kind=kind)
    found = f"`**{reader.source.of(value)}` is {describe(spread.kind)}"
    raise Refused(value, found, "write its keys out, or do it in a step")


def appended(whole: Expression | None, more: Expression) -> Expression:
    """Return a list and more of its elements, as one list."""
    if isinstance(more.kind, TupleOf):
        more = dataclasses.replace(more, kind=ListOf(join(*more.kind.elements)))
    if whole is None:
        return more
    assert isinstance(whole.kind, ListOf)
    assert isinstance(more.kind, ListOf)
    return Concatenation(whole, more, ListOf(join(whole.kind.element, more.kind.element)))
