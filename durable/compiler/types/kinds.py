"""What the compiler knows about a value: its kind, from which the form of its JSONata follows.

A kind describes the value as it travels, as JSON: an Enum's member is its value, a model is an object whose keys are
its aliases. `Opaque` is a value whose JSON does not behave as the value does (a Decimal, a datetime): it is passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeGuard


@dataclass(frozen=True, slots=True)
class Kind:
    """The base of all kinds."""


@dataclass(frozen=True, slots=True)
class Unknown(Kind):
    """The kind of what was refused: nothing more is reported about it."""


@dataclass(frozen=True, slots=True)
class Never(Kind):
    """The kind of the elements of an empty list, and of what a branch returns that never does: it fits everything."""


@dataclass(frozen=True, slots=True)
class Anything(Kind):
    """A value of which no type is declared."""


@dataclass(frozen=True, slots=True)
class Null(Kind):
    """None."""


@dataclass(frozen=True, slots=True)
class Boolean(Kind):
    """A bool."""


@dataclass(frozen=True, slots=True)
class Integer(Kind):
    """An int; with values, one of those."""

    values: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Float(Kind):
    """A float, or what looks like one in JSON: `may_be_int` says that CPython may have an int there."""

    may_be_int: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """A str; with values, one of those."""

    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Member(Kind):
    """A member of an Enum. `behaves` is the kind it acts as, None for a plain Enum, which only compares with itself."""

    python: Any
    value: Kind
    behaves: Kind | None


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """The alias generator of a class, which names also the fields of dataclasses and TypedDicts in it.

    pydantic applies a config to all below it, except to classes that have a config of their own.
    """

    generator: Any

    def __str__(self) -> str:
        return getattr(self.generator, "__name__", None) or type(self.generator).__name__


@dataclass(frozen=True, slots=True)
class Opaque(Kind):
    """A value that is passed on and tested for None, and nothing else."""

    python: Any
    naming: Naming | None = None


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """A list, or a tuple of any length. A parameter that is a Sequence takes both."""

    element: Kind
    is_tuple: bool = False
    takes_tuples: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class SetOf(Kind):
    """A set: a list in which each item stands once, and whose order nothing sees."""

    element: Kind


@dataclass(frozen=True, slots=True)
class TupleOf(Kind):
    """A tuple whose elements have a kind each; of a NamedTuple, `python` is its class."""

    elements: tuple[Kind, ...]
    python: Any = None


@dataclass(frozen=True, slots=True)
class DictOf(Kind):
    """A dict whose keys are strings, whole numbers or members of an Enum; `keys.py` says how JSON has them."""

    value: Kind
    key: Kind = field(default=Text())


@dataclass(frozen=True, slots=True)
class Fixed(Kind):
    """A dict that was written in `run`, key by key."""

    entries: tuple[tuple[str, Kind], ...]


@dataclass(frozen=True, slots=True)
class Record(Kind):
    """A pydantic model or dataclass, read by attribute, or a TypedDict, read by key.

    `naming` is set where a class that holds it gives its fields other names in JSON than they have elsewhere.
    """

    python: Any
    by_key: bool = False
    naming: Naming | None = None


@dataclass(frozen=True, slots=True)
class Caught(Kind):
    """The exception of an `except … as error`, one of these; its value is its name and its cause."""

    errors: tuple[tuple[str, type[Exception]], ...] = ()


@dataclass(frozen=True, slots=True)
class Done(Kind):
    """A task of a TaskGroup that has ended; only `result()` of it is data."""

    result: Kind


@dataclass(frozen=True, slots=True)
class Span(Kind):
    """A timedelta that is made in `run`: a whole number of microseconds. As data it is ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Event(Kind):
    """The event that a run was started with; only its attributes are data."""

    payload: Kind


@dataclass(frozen=True, slots=True)
class Function(Kind):
    """A nested `async def`, by its syntax tree."""

    python: Any


@dataclass(frozen=True, slots=True)
class OneOf(Kind):
    """A value of one of several kinds, none of which is itself a OneOf."""

    members: tuple[Kind, ...]


NULL = Null()
UNKNOWN = Unknown()


def members(kind: Kind) -> tuple[Kind, ...]:
    """Return the kinds that a value of this kind can have."""
    return kind.members if isinstance(kind, OneOf) else (kind,)


def join(*kinds: Kind) -> Kind:
    """Return the kind of a value that is of one of these kinds; of none, it never is there."""
    found: list[Kind] = []
    for each in (each for kind in kinds for each in members(kind) if not isinstance(each, Never)):
        _include(found, each)
    # One unknown part makes the whole unknown: what was refused once is not refused again under another name.
    if any(isinstance(each, Unknown) for each in found):
        return UNKNOWN
    if not found:
        return Never()
    return found[0] if len(found) == 1 else OneOf(tuple(found))


def _include(found: list[Kind], kind: Kind) -> None:
    for position, other in enumerate(found):
        merged = _merged(other, kind)
        if merged is not None:
            found[position] = merged
            return
    found.append(kind)


def _merged(one: Kind, other: Kind) -> Kind | None:
    """Return the single kind that covers both, where there is one of the same shape."""
    match one, other:
        # JSON has one kind of number: once the value has travelled, an int and a float of the same value look alike.
        case (Float(), Integer()) | (Integer(), Float()):
            return Float(may_be_int=True)
        case Float(a_whole), Float(b_whole):
            return Float(a_whole or b_whole)
        case _ if one == other or isinstance(other, Never):
            return one
        case Never(), _:
            return other
        case (Text(a), Text(b)):
            return Text() if a is None or b is None else Text((*a, *(each for each in b if each not in a)))
        case (Integer(a_int), Integer(b_int)):
            if a_int is None or b_int is None:
                return Integer()
            return Integer((*a_int, *(each for each in b_int if each not in a_int)))
        # A list and a tuple stay two kinds, though their JSON is alike: in CPython they are never equal.
        case (ListOf(a_kind, a_tuple), ListOf(b_kind, b_tuple)) if a_tuple == b_tuple:
            return ListOf(join(a_kind, b_kind), a_tuple)
        case (SetOf(a_kind), SetOf(b_kind)):
            return SetOf(join(a_kind, b_kind))
        case (TupleOf(ones, one_class), TupleOf(others, other_class)) if len(ones) == len(others):
            return TupleOf(tuple(map(join, ones, others)), one_class if one_class is other_class else None)
        case (DictOf(a_kind, a_key), DictOf(b_kind, b_key)):
            return DictOf(join(a_kind, b_kind), join(a_key, b_key))
        # The order counts too: it is that of `items()`, and dicts keep it.
        case (Fixed(a_items), Fixed(b_items)) if [k for k, _ in a_items] == [k for k, _ in b_items]:
            return Fixed(tuple((k, join(x, y)) for (k, x), (_, y) in zip(a_items, b_items, strict=True)))
        case (Fixed(items), DictOf(value, key)) | (DictOf(value, key), Fixed(items)):
            return DictOf(join(value, *(each for _, each in items)), join(key, Text()) if items else key)
    return None


def acts_as(kind: Kind) -> Kind:
    """Return the kind that operators see: of a StrEnum's member, a str."""
    if isinstance(kind, OneOf):
        return join(*map(acts_as, kind.members))
    return kind.behaves if isinstance(kind, Member) and kind.behaves is not None else kind


def is_whole(kind: Kind) -> bool:
    """Whether a value is an int in any case."""
    return all(isinstance(acts_as(each), Integer) for each in members(kind))


def is_number(kind: Kind) -> bool:
    """Whether a value is an int or float in any case."""
    return all(isinstance(acts_as(each), (Integer, Float)) for each in members(kind))


def plain(kind: Kind) -> Kind:
    """Return the kind of a number that is worked out of numbers: not of a Literal, nor of an Enum."""
    return Integer() if is_whole(kind) else Float()


def is_text(kind: Kind) -> bool:
    """Whether a value is a str in any case."""
    return all(isinstance(acts_as(each), Text) for each in members(kind))


def is_dict(kind: Kind) -> bool:
    """Whether a value is a dict in any case, and no TypedDict, whose keys are those of its class."""
    return all(isinstance(each, DictOf | Fixed) for each in members(kind))


def is_list(kind: Kind | None) -> TypeGuard[ListOf]:
    """Whether a value is a list, and no tuple of any length."""
    return isinstance(kind, ListOf) and not kind.is_tuple


def of_one_shape(kind: Kind) -> Kind:
    """Return the kind of dicts with different keys as that of a dict with any keys."""
    dicts = [each for each in members(kind) if isinstance(each, (Fixed, DictOf))]
    if len(dicts) < 2 or len(dicts) < len(members(kind)):
        return kind
    values = [each.value if isinstance(each, DictOf) else join(*(value for _, value in each.entries)) for each in dicts]
    keys = [each.key if isinstance(each, DictOf) else Text() if each.entries else Never() for each in dicts]
    return DictOf(join(*values), join(*keys))


def may_be_none(kind: Kind) -> bool:
    """Whether None is one of the values."""
    return any(isinstance(each, Null) for each in members(kind))


def without(kind: Kind, *kinds: type[Kind]) -> Kind:
    """Return the kind without the members of those classes; of nothing else, `Never`."""
    return join(*(each for each in members(kind) if not isinstance(each, kinds)))


def present(kind: Kind) -> Kind:
    """Return the kind of the value once it is known not to be None."""
    return without(kind, Null)


def unreported(*kinds: Kind) -> Kind | None:
    """Return the kind of what comes of these, where one is unknown or, in code that is not reached, never there."""
    if any(isinstance(each, Unknown) for each in kinds):
        return UNKNOWN
    return Never() if any(isinstance(each, Never) for each in kinds) else None


def is_error(kind: Kind) -> bool:
    """Whether it is certain to be a caught exception."""
    return all(isinstance(each, Caught) for each in members(kind))


def is_unknown(kind: Kind) -> bool:
    """Whether an error was reported already about what this value comes from."""
    return isinstance(kind, (Unknown, Never))


def describe(kind: Kind) -> str:
    """Return the kind as an author would write it."""
    match kind:
        case OneOf(of):
            ordered = sorted(of, key=lambda each: isinstance(each, Null))
            return " | ".join(dict.fromkeys(map(describe, ordered)))
        case Text(values) | Integer(values) if values is not None and len(values) > 1:
            return f"Literal[{', '.join(repr(each) for each in values)}]"
        case ListOf(element, is_tuple):
            return f"tuple[{describe(element)}, ...]" if is_tuple else f"list[{describe(element)}]"
        case SetOf(element):
            return f"set[{describe(element)}]"
        case TupleOf(_, python) if python is not None:
            return str(python.__name__)
        case TupleOf(elements):
            return f"tuple[{', '.join(describe(each) for each in elements)}]"
        case DictOf(value, key):
            return f"dict[{'str' if isinstance(key, Never) else describe(key)}, {describe(value)}]"
        case Fixed(entries):
            return "{" + ", ".join(f'"{key}": {describe(each)}' for key, each in entries) + "}"
        case Done(result):
            return f"Task[{describe(result)}]"
        case Record(python, naming=naming) | Opaque(python, naming) if naming is not None:
            return f"{_name(python)} with the names of {naming}"
        case Record(python) | Member(python) | Opaque(python):
            return _name(python)
    return _PLAIN[type(kind)]


def _name(python: Any) -> str:
    return getattr(python, "__name__", None) or str(python).replace("typing.", "")


_PLAIN: dict[type[Kind], str] = {
    Unknown: "something unknown",
    Never: "nothing",
    Anything: "Any",
    Null: "None",
    Boolean: "bool",
    Integer: "int",
    Float: "float",
    Text: "str",
    Span: "timedelta",
    Caught: "an exception",
    Event: "WorkflowEvent",
    Function: "a nested def",
}
