"""The keys of dicts: in JSON they are text, in Python also whole numbers and members of an Enum."""

from __future__ import annotations

from typing import Final, Literal

from durable.compiler.types.kinds import (
    DictOf,
    Fixed,
    Integer,
    Kind,
    Member,
    Never,
    Text,
    Unknown,
    acts_as,
    join,
    members,
)
from durable.compiler.types.terms import INTEGER, TEXT, Constant, Expression, Spelled

KEYS: Final = "a dict's keys are strings, whole numbers, or members of one Enum: write str(…)"


def written_as(kind: Kind) -> Literal["text", "number"] | None:
    """Return how keys of a kind are written in JSON; None where they cannot be told from other keys there."""
    found = members(kind)
    if len(found) > 1 and any(isinstance(each, Member) and each.behaves is None for each in found):
        return None
    leaves = [leaf for each in found for leaf in members(each.value if isinstance(each, Member) else each)]
    if all(isinstance(each, (Text, Never, Unknown)) for each in leaves):
        return "text"
    return "number" if all(isinstance(each, Integer) for each in leaves) else None


def kind_of_keys(kind: Kind) -> Kind:
    """Return the kind of a dict's keys, of which one is of this kind."""
    if isinstance(kind, Text):
        return TEXT
    return INTEGER if isinstance(kind, Integer) else kind


def as_text(key: Expression) -> Expression:
    """Return a key as it is written in JSON."""
    if written_as(key.kind) != "number":
        return key
    return Constant(str(key.value), TEXT) if isinstance(key, Constant) else Spelled(key)


def as_key(text: str, kind: Kind) -> str:
    """Return JSONata that reads a key of this kind from its text."""
    return f"$number({text})" if written_as(kind) == "number" else text


def looked_up(kind: Kind, key: Kind) -> DictOf | None:
    """Return a dict's kind where a key of this kind may be looked up in it; None where CPython finds none, ever."""
    if isinstance(kind, Fixed):
        kind = DictOf(join(*(each for _, each in kind.entries)), TEXT if kind.entries else Never())
    if not isinstance(kind, DictOf) or written_as(key) is None:
        return None
    if isinstance(kind.key, Never):
        return kind
    is_alike = written_as(key) == written_as(kind.key) and _plain(key) == _plain(kind.key)
    return kind if is_alike else None


def _plain(kind: Kind) -> set[object]:
    """Return the Enums among a kind whose members equal nothing else."""
    return {each.python for each in members(acts_as(kind)) if isinstance(each, Member)}
