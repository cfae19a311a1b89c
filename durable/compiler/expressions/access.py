"""Reading a part of a value: `value.field`, `value["key"]`, `value[0]`."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import enum
from collections.abc import Iterable
from datetime import datetime

from durable.compiler.expressions import calendars, spans
from durable.compiler.expressions.advice import of_elements
from durable.compiler.expressions.refusals import require_known
from durable.compiler.program.outcomes import error_message
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import RecordField, names_of, record_fields
from durable.compiler.types.keys import as_text, looked_up, written_as
from durable.compiler.types.kinds import (
    Anything,
    Caught,
    DictOf,
    Event,
    Fixed,
    Integer,
    Kind,
    ListOf,
    Member,
    Never,
    OneOf,
    Opaque,
    Record,
    Text,
    TupleOf,
    Unknown,
    acts_as,
    describe,
    is_error,
    is_unknown,
    join,
    members,
    of_one_shape,
)
from durable.compiler.types.terms import (
    TEXT,
    Constant,
    DictDisplay,
    Entry,
    Expression,
    Field,
    Formula,
    Item,
    RawExpression,
    element,
)
from durable.errors import DurableError

INPUT = "$states.context.Execution.Input"
_CREATED = (
    f'$contains({INPUT}.run.createdAt, ".000Z") ? $replace({INPUT}.run.createdAt, ".000Z", "Z")'
    f' : $replace({INPUT}.run.createdAt, "Z", "000Z")'
)
"""The time of creation as pydantic writes a datetime: without a fraction, or with microseconds."""
_EVENT = {
    "timestamp": (_CREATED, Opaque(datetime)),
    "instance_id": (f"{INPUT}.run.instance", TEXT),
    "workflow_name": (f"{INPUT}.run.workflow", TEXT),
}


# `$substring` takes an index from the end too, but of one that is outside it makes an empty text, and no error.
_CHARACTER = (
    '($_n := $length($a); $_i := $b < 0 ? $_n + $b : $b; $assert($_i >= 0 and $_i < $_n, "IndexError");'
    " $substring($a, $_i, 1))"
)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return what an author may have meant, as the remedy of an error."""
    known = list(names)
    close = difflib.get_close_matches(name, known, 1)
    listed = ", ".join(known[:12]) or "none"
    return f"did you mean {close[0]}?" if close else f"there are: {listed}"


def attribute(node: ast.Attribute, of: Expression, source: str) -> Expression:
    """Return `of.attribute`."""
    if is_unknown(of.kind):
        return of
    require_known(node, of, f"`{source}`")
    if isinstance(of.kind, Event):
        return _of_event(node, of.kind)
    if spans.is_span(of.kind) and node.attr != "total_seconds":
        return spans.attribute(node, of, node.attr, f"{source}.{node.attr}")
    if calendars.is_moment(of):
        return calendars.part(node, of, node.attr, source)
    if isinstance(of.kind, Member) and node.attr == "value":
        return dataclasses.replace(of, kind=of.kind.value)
    if isinstance(of.kind, Member) and node.attr == "name" and (named := _member_name(of, of.kind)) is not None:
        return named
    # Models and tuples are read below: an error's attributes are not in the JSON that a run holds of it.
    if is_error(of.kind):
        return _of_error(node, of, source)
    if isinstance(of.kind, TupleOf) and of.kind.python is not None:
        names = names_of(of.kind.python)
        if node.attr not in names:
            raise Refused(node, f"{describe(of.kind)} has no element `{node.attr}`", nearest(node.attr, names))
        place = names.index(node.attr)
        return element(of, place, of.kind.elements[place])
    fields = [_field(node, each, source) for each in members(of.kind)]
    # Only the run knows which of the types the value has, and a path has one name.
    if len({each.alias for each in fields}) > 1:
        raise Refused(
            node, f"`{source}.{node.attr}` has another name in JSON for each type", "give both models one alias"
        )
    return Field(of, fields[0].alias, join(*(each.kind for each in fields)))


def _member_name(of: Expression, kind: Member) -> Expression | None:
    """Return the name of a member of an Enum, looked up by its value; None where that does not tell it."""
    cls: type[enum.Enum] = kind.python
    owner = next(each for each in cls.__mro__ if "name" in vars(each))
    if owner is not enum.Enum or issubclass(cls, enum.Flag) or written_as(kind) is None:
        return None
    # A member travels as its value, so that the run looks the name up: JSON's keys are texts.
    names = {str(each.value): each.name for each in cls}
    if isinstance(of, Constant):
        return Constant(names[str(of.value)], Text((names[str(of.value)],)))
    known = DictDisplay(tuple((value, Constant(name, TEXT)) for value, name in names.items()), DictOf(TEXT, TEXT))
    return Entry(known, as_text(of), TEXT, certain=True)


def _of_error(node: ast.Attribute, of: Expression, source: str) -> Expression:
    classes = [each for kind in members(of.kind) if isinstance(kind, Caught) for _, each in kind.errors]
    if node.attr == "message" and all(getattr(each, "message", None) is DurableError.message for each in classes):
        return error_message(of)
    remedy = f"`str({source})` is what it says, `type({source}).__name__` the name of its class"
    raise Refused(node, f"`{source}.{node.attr}` reads an exception", remedy)


def _of_event(node: ast.Attribute, event: Event) -> Expression:
    if node.attr == "payload":
        return RawExpression(f"{INPUT}.payload", event.payload)
    if node.attr in _EVENT:
        return RawExpression(*_EVENT[node.attr])
    raise Refused(node, f"the event has no `{node.attr}`", nearest(node.attr, ["payload", *_EVENT]))


def _field(node: ast.Attribute, kind: Kind, source: str) -> RecordField:
    if isinstance(kind, Record) and not kind.by_key:
        fields = record_fields(kind)
        if node.attr in fields and fields[node.attr].rewritten:
            found = f"`{source}.{node.attr}` has a serializer of its own, and `run` would read what that writes"
            raise Refused(node, found, "pass the whole model to a step")
        if node.attr in fields:
            return fields[node.attr]
        raise Refused(node, f"{describe(kind)} has no field `{node.attr}`", _remedy(node.attr, kind, fields))
    if isinstance(kind, (Record, Fixed, DictOf)):
        raise Refused(node, f"`{source}` is a dict and has no `.{node.attr}`", f'write `{source}["{node.attr}"]`')
    of_member = "compare it with members, as in Color.RED; `.value` is its value, `.name` its name"
    remedy = of_member if isinstance(kind, Member) else "read fields of models only; let a step do the rest"
    raise Refused(node, f"`.{node.attr}` of {describe(kind)} is not data", remedy)


def _remedy(name: str, kind: Record, fields: dict[str, RecordField]) -> str:
    if hasattr(kind.python, name):
        return "a property or method is not part of its JSON: do it in a step, or make it a computed_field"
    return nearest(name, fields)


def subscript(node: ast.Subscript, of: Expression, key: Expression, source: str) -> Expression:
    """Return `of[key]`."""
    if is_unknown(of.kind):
        return of
    if is_unknown(key.kind):
        return Constant(None, key.kind)
    require_known(node, of, f"`{source}`")
    match of_one_shape(acts_as(of.kind)):
        case ListOf(Never()):
            raise Refused(node, f"`{source}` is an empty list here", "put something into it first")
        case ListOf(kind) if isinstance(acts_as(key.kind), Integer):
            return Item(of, key, kind)
        case Text() if isinstance(acts_as(key.kind), Integer):
            # `$length` and `$substring` count code points, as CPython does, and not UTF-16 units.
            says = '"string index out of range"'
            return Formula(_CHARACTER, (of, key), TEXT, fails=True, says=says)
        case TupleOf(elements) if isinstance(key, Constant) and isinstance(key.kind, Integer):
            return _of_tuple(node, of, key, elements)
        case TupleOf(elements) if isinstance(key.kind, Integer):
            return Item(of, key, join(*elements))
        case (DictOf() | Fixed(())) as kind if (found := looked_up(kind, key.kind)) is not None:
            return Entry(of, as_text(key), found.value)
        case Fixed(entries) if not isinstance(key, Constant) and isinstance(acts_as(key.kind), Text):
            return Entry(of, key, join(*(each for _, each in entries)))
        case (Fixed() | Record(by_key=True)) as kind if isinstance(key, Constant) and isinstance(key.value, str):
            return _of_keys(node, of, key, kind)
        case Record() as kind if isinstance(key, Constant) and isinstance(key.value, str):
            raise Refused(node, f"`{source}` is no dict but {describe(kind)}", by_attribute(kind, key.value, source))
    kinds = members(of.kind)
    if isinstance(key, Constant) and isinstance(key.value, str) and all(map(_is_keyed, kinds)):
        # Of each of these dicts, as the members of a union of TypedDicts, the key is known.
        parts = [_of_keys(node, of, key, each) for each in kinds]
        is_certain = all(isinstance(each, Field) for each in parts)
        kind = join(*(each.kind for each in parts))
        return Field(of, key.value, kind) if is_certain else Entry(of, key, kind)
    raise Refused(
        node,
        f"`{source}[…]` reads {describe(key.kind)} of {describe(of.kind)}",
        "lists, tuples and strings take a whole number, dicts a key of the type that theirs have",
    )


def _is_keyed(kind: Kind) -> bool:
    return isinstance(kind, Fixed) or (isinstance(kind, Record) and kind.by_key)


def _of_tuple(node: ast.AST, of: Expression, key: Constant, elements: tuple[Kind, ...]) -> Expression:
    index = key.value
    if not isinstance(index, int) or not -len(elements) <= index < len(elements):
        raise Refused(node, f"the tuple has {len(elements)} elements and no [{index}]", "write an index that it has")
    return Item(of, key, elements[index], certain=True)


def by_attribute(kind: Record, key: str, source: str) -> str:
    """Return how to read a field of a model whose name, or name in JSON, an author looks up as a key."""
    fields = record_fields(kind)
    known = {each: each for each in fields} | {each.alias: name for name, each in fields.items()}
    return f"write `{source}.{known[key]}`" if key in known else nearest(key, fields)


def keys_of(kind: Fixed | Record) -> dict[str, RecordField]:
    """Return the keys of a dict whose keys are known."""
    if isinstance(kind, Record):
        return record_fields(kind)
    return {name: RecordField(name, each, True) for name, each in kind.entries}


def _of_keys(node: ast.AST, of: Expression, key: Constant, kind: Kind) -> Expression:
    assert isinstance(kind, (Fixed, Record))
    keys = keys_of(kind)
    name = str(key.value)
    if name not in keys:
        raise Refused(node, f'the dict has no key "{name}"', nearest(name, keys))
    found = keys[name]
    # A key that its TypedDict requires was checked when the value arrived; any other may be missing, as in CPython.
    return Field(of, name, found.kind) if found.present else Entry(of, key, found.kind)


def element_kind(node: ast.AST, kind: Kind, source: str) -> Kind:
    """Return the kind of what a loop, map or comprehension takes out of a list."""
    match kind:
        case ListOf(kind_of_element):
            return kind_of_element
        case TupleOf(elements):
            return join(*elements)
        case OneOf() if all(isinstance(each, ListOf | TupleOf) for each in members(kind)):
            return join(*(element_kind(node, each, source) for each in members(kind)))
        case Unknown() | Never():
            return kind
        case Anything():
            raise Refused(node, f"the type of `{source}` is not known (Any)", "give the step it comes from a type")
    raise Refused(node, f"`{source}` is {describe(kind)}", of_elements(kind, source))
