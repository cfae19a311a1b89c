"""The terms of the program tree: expressions, each with its kind, from which the form of its JSONata follows.

Names of variables are unique over the whole program.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from durable.compiler.types.kinds import NULL, Boolean, Float, Integer, Kind, ListOf, Text

BOOLEAN = Boolean()
INTEGER = Integer()
FLOAT = Float()
TEXT = Text()
_PATH: Final = re.compile(r"\$\w+(\.\w+)*")


@dataclass(frozen=True, slots=True)
class Constant:
    """None, a bool, a number or a string."""

    value: bool | int | float | str | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class Variable:
    """A local variable of `run`."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class RawExpression:
    """JSONata that is written as it stands: a path into what Step Functions provides, or a call."""

    text: str
    kind: Kind

    @property
    def is_path(self) -> bool:
        """Whether it is a variable or a path, which may be written as often as it is used."""
        return _PATH.fullmatch(self.text) is not None


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object, by its alias; one that may be None may also be missing."""

    of: Expression
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Item:
    """An element of a list; one that is not there is an error: `where` names it, and the place in the source.

    `certain` says that it is always there; `says` is what CPython's error says, where that is not what reading an item
    says: it is taken out of the list, as by `pop`.
    """

    of: Expression
    index: Expression
    kind: Kind
    certain: bool = False
    where: str = field(default="", compare=False)
    says: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of a key in a dict; one that is not there is an error, or the default where there is one.

    `where` and `certain` as in an Item.
    """

    of: Expression
    key: Expression
    kind: Kind
    default: Expression | None = None
    certain: bool = False
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic on numbers: + - * / // %."""

    operator: Literal["+", "-", "*", "/", "//", "%"]
    left: Expression
    right: Expression
    kind: Kind


@dataclass(frozen=True, slots=True)
class Negation:
    """A number with its sign changed."""

    of: Expression
    kind: Kind


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of JSONata, applied to values that are all there."""

    function: str
    arguments: tuple[Expression, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Formula:
    """JSONata in which the arguments are `$a`, `$b` and so on, each evaluated once.

    Attributes:
        fails: for some values of its arguments it ends the run.
        where: the place in the source, which stands behind the name of an error that it asserts.
        says: JSONata of the same arguments: what CPython's error says; empty where that is not known.
    """

    text: str
    arguments: tuple[Expression, ...]
    kind: Kind
    fails: bool = False
    where: str = field(default="", compare=False)
    says: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """Strings put one after the other."""

    parts: tuple[Expression, ...]
    kind: Kind = TEXT


@dataclass(frozen=True, slots=True)
class Spelled:
    """A number or a bool as Python writes it in a string."""

    of: Expression
    kind: Kind = TEXT


@dataclass(frozen=True, slots=True)
class Concatenation:
    """Two lists, one after the other."""

    left: Expression
    right: Expression
    kind: Kind


@dataclass(frozen=True, slots=True)
class ListDisplay:
    """A list or tuple, element by element."""

    elements: tuple[Expression, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class DictDisplay:
    """A dict, key by key."""

    entries: tuple[tuple[str, Expression], ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[element for variable in items if condition]`, or something else that is made of the elements.

    Attributes:
        into: `flat`: the elements are lists, put one after the other. `dict`: they are dicts, merged. `any`, `all`:
            they are bools. `ascending`, `descending`: they are lists of sort keys, and the items themselves are sorted.
    """

    element: Expression
    variable: str
    items: Expression
    condition: Expression | None
    kind: Kind
    into: Literal["list", "flat", "dict", "any", "all", "ascending", "descending"] = "list"


@dataclass(frozen=True, slots=True)
class Conditional:
    """`body if test else otherwise`; the test is a bool."""

    test: Expression
    body: Expression
    otherwise: Expression
    kind: Kind


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a value counts as true."""

    of: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class IsNone:
    """Whether a value is None."""

    of: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a bool."""

    of: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Both:
    """`left and right` of two bools; the right one is looked at only where the left is true."""

    left: Expression
    right: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Either:
    """`left or right` of two bools; the right one is looked at only where the left is false."""

    left: Expression
    right: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared: `=`, `!=` of scalars and lists of them, the others of numbers or of strings."""

    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Contains:
    """Whether a list, a string or the keys of a dict hold a value."""

    container: Expression
    item: Expression
    kind: Kind = BOOLEAN


@dataclass(frozen=True, slots=True)
class Let:
    """Values that are computed once, in their order, each under a name that the later ones and the body read."""

    bindings: tuple[tuple[str, Expression], ...]
    body: Expression
    kind: Kind


Expression = (
    Constant
    | Variable
    | RawExpression
    | Field
    | Item
    | Entry
    | Operation
    | Negation
    | Apply
    | Formula
    | Joined
    | Spelled
    | Concatenation
    | ListDisplay
    | DictDisplay
    | Comprehension
    | Conditional
    | Truth
    | IsNone
    | Not
    | Both
    | Either
    | Comparison
    | Contains
    | Let
)

Value = (
    Operation
    | Negation
    | Apply
    | Formula
    | Joined
    | Spelled
    | Concatenation
    | ListDisplay
    | DictDisplay
    | Comprehension
)
"""The expressions that are no tests and read no part of a value."""

NONE = Constant(None, NULL)
TRUE = Constant(True, BOOLEAN)
FALSE = Constant(False, BOOLEAN)
ZERO = Constant(0, Integer((0,)))
ONE = Constant(1, INTEGER)


def element(of: Expression, place: int, kind: Kind) -> Item:
    """Return the element at a place that the list or tuple is known to have."""
    return Item(of, Constant(place, Integer((place,))), kind, certain=True)


def is_one_of(value: Expression, known: Iterable[bool | int | float | str | None]) -> Expression:
    """Return the test whether a value is one of those known, of which there is at least one."""
    constants = tuple(Constant(each, TEXT) for each in dict.fromkeys(known))
    if len(constants) == 1:
        return Comparison("=", value, constants[0])
    return Contains(ListDisplay(constants, ListOf(TEXT)), value)
