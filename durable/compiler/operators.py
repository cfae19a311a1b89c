"""Operators of Python on values of known kinds, where JSONata can give the same answer."""

from __future__ import annotations

import ast
import enum
from typing import Final, Literal

from durable.compiler.advice import of_text_operator
from durable.compiler.assignability import overlap
from durable.compiler.kinds import (
    Anything,
    Boolean,
    Caught,
    DictOf,
    Done,
    Event,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Null,
    OneOf,
    Opaque,
    Record,
    Text,
    TupleOf,
    acts_as,
    describe,
    is_error,
    is_unknown,
    join,
    may_be_none,
    members,
    of_one_shape,
    present,
    unreported,
)
from durable.compiler.outcomes import error_message
from durable.compiler.problems import Refused
from durable.compiler.terms import (
    Comparison,
    Concatenation,
    Constant,
    Contains,
    Expression,
    Formula,
    IsNone,
    Joined,
    Negation,
    Not,
    Operation,
    Spelled,
    Truth,
)

_ARITHMETIC: Final[dict[type[ast.operator], Literal["+", "-", "*", "/", "//", "%"]]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_DIVISIONS: Final[dict[str, str]] = {
    "/": "$a / $b",
    "//": "$floor($a / $b)",
    "%": "($_r := $a % $b; ($_r > 0 and $b < 0) or ($_r < 0 and $b > 0) ? $_r + $b : $_r + 0)",
}
"""Divisions of `$a` by `$b`: the remainder of JSONata has the sign of the dividend, Python's that of the divisor."""
_COMPARISONS: Final[dict[type[ast.cmpop], Literal["=", "!=", "<", "<=", ">", ">="]]] = {
    ast.Eq: "=",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_IN_A_STEP: Final = "do it in a step and use what the step returns"
_NUMBERS: Final = (Integer, Float)


def refuse_none(node: ast.AST, value: Expression, what: str) -> None:
    """Refuse a value that may be None where something is done with it."""
    if isinstance(value.kind, Null):
        remedy = (
            "a wait has a value with `payload=Model`, a step with a return annotation, a variable when it is assigned"
        )
        raise Refused(node, f"{what} is always None here", remedy)
    if not is_unknown(value.kind) and may_be_none(value.kind):
        raise Refused(
            node, f"{what} may be None here ({describe(value.kind)})", "test it first, as in `if x is not None:`"
        )


def refuse_any(node: ast.AST, value: Expression, what: str) -> None:
    """Refuse a value of no declared type where its type matters."""
    if any(isinstance(each, Anything) for each in members(value.kind)):
        raise Refused(
            node, f"the type of {what} is not known (Any)", "give the step or the payload it comes from a type"
        )


def refuse_caught(node: ast.AST, value: Expression, source: str) -> None:
    """Refuse a caught error where data is wanted, and a task that has a result."""
    if isinstance(value.kind, Done):
        raise Refused(node, f"`{source}` is a task, which is no data", "write what it returned: `.result()` of it")
    if _holds_error(value.kind):
        raise Refused(
            node,
            f"`{source}` {'is' if is_error(value.kind) else 'may hold'} an error, which is no data",
            "write `str(error)` for what it says, `type(error).__name__` for its name, or raise it",
        )


def _holds_error(kind: Kind) -> bool:
    """Whether a value may be an error, or hold one."""
    match kind:
        case Caught():
            return True
        case OneOf(of) | TupleOf(of):
            return any(map(_holds_error, of))
        case ListOf(element) | DictOf(element):
            return _holds_error(element)
        case Fixed(entries):
            return any(_holds_error(each) for _, each in entries)
    return False


def _numeric(kind: Kind) -> bool:
    return all(isinstance(acts_as(each), _NUMBERS) for each in members(kind))


def _is(kind: Kind, *kinds: type[Kind]) -> bool:
    return all(isinstance(acts_as(each), kinds) for each in members(kind))


def arithmetic(node: ast.BinOp | ast.AugAssign, left: Expression, right: Expression, source: str) -> Expression:
    """Return `left op right`."""
    unknown = unreported(left.kind, right.kind)
    if unknown is not None:
        return Constant(None, unknown)
    if isinstance(node.op, ast.Pow):
        return _power(node, left, right, source)
    operator = _ARITHMETIC.get(type(node.op))
    if operator is None:
        raise Refused(node, f"`{source}` uses an operator that has no counterpart in a state machine", _IN_A_STEP)
    for value in (left, right):
        refuse_none(node, value, f"a side of `{source}`")
        refuse_any(node, value, f"a side of `{source}`")
    if _numeric(left.kind) and _numeric(right.kind):
        return _numbers(node, operator, left, right, source)
    if operator == "+":
        joined = _joined(left, right)
        if joined is not None:
            return joined
    bools = " (a bool is no number here: write `1 if x else 0`)" if _has_bool(left, right) else ""
    raise Refused(
        node,
        f"`{source}` combines {describe(left.kind)} and {describe(right.kind)}{bools}",
        of_text_operator(left.kind, node.op)
        or "arithmetic takes numbers, and `+` also two strings or two lists; do anything else in a step",
    )


def _has_bool(*values: Expression) -> bool:
    return any(isinstance(each, Boolean) for value in values for each in members(value.kind))


def _numbers(
    node: ast.AST, operator: Literal["+", "-", "*", "/", "//", "%"], left: Expression, right: Expression, source: str
) -> Expression:
    whole = _is(left.kind, Integer) and _is(right.kind, Integer)
    if operator in ("/", "//", "%") and isinstance(right, Constant) and not right.value:
        raise Refused(node, f"`{source}` divides by 0", "divide by another number")
    if operator in ("//", "%") and not whole:
        raise Refused(node, f"`{source}` takes a float", "`//` and `%` are for whole numbers; " + _IN_A_STEP)
    kind = Integer() if whole and operator != "/" else Float()
    if operator in _DIVISIONS and not isinstance(right, Constant):
        text = f'($assert($b != 0, "ZeroDivisionError"); {_DIVISIONS[operator]})'
        return Formula(text, (left, right), kind, fails=True)
    return Operation(operator, left, right, kind)


def _power(node: ast.AST, base: Expression, exponent: Expression, source: str) -> Expression:
    """Return `base ** exponent` of whole numbers, which is multiplied out: exact up to 2**53."""
    for value in (base, exponent):
        refuse_none(node, value, f"a side of `{source}`")
        refuse_any(node, value, f"a side of `{source}`")
    if not _is(base.kind, Integer) or not _is(exponent.kind, Integer):
        found = f"`{source}` raises {describe(base.kind)} to {describe(exponent.kind)}"
        raise Refused(node, found, "`**` takes whole numbers: write `x * x`, or do it in a step")
    is_written = isinstance(exponent, Constant) and isinstance(exponent.value, int)
    if isinstance(exponent, Constant) and isinstance(exponent.value, int) and exponent.value < 0:
        raise Refused(node, f"`{source}` has an exponent below 0", "divide: write 1 / x ** 2")
    product = "$reduce([1..$b], function($_p, $_i) { $_p * $a }, 1)"
    text = product if is_written else f'($assert($b >= 0, "ValueError"); {product})'
    return Formula(text, (base, exponent), Integer(), fails=not is_written)


def _joined(left: Expression, right: Expression) -> Expression | None:
    if _is(left.kind, Text) and _is(right.kind, Text):
        return Joined((left, right))
    match left.kind, right.kind:
        case ListOf(one, a), ListOf(other, b) if a == b:
            return Concatenation(left, right, ListOf(join(one, other), a))
        case TupleOf(ones), TupleOf(others):
            return Concatenation(left, right, TupleOf((*ones, *others)))
    return None


def negation(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return `-value`."""
    if is_unknown(value.kind):
        return value
    refuse_none(node, value, f"`{source}`")
    if not _numeric(value.kind):
        raise Refused(node, f"`-` before {describe(value.kind)}", "only numbers have a sign; " + _IN_A_STEP)
    if isinstance(value, Constant) and isinstance(value.value, (int, float)):
        return Constant(-value.value, Integer((-value.value,)) if isinstance(value.value, int) else Float())
    return Negation(value, Integer() if _is(value.kind, Integer) else Float())


def comparison(node: ast.AST, operator: ast.cmpop, left: Expression, right: Expression, source: str) -> Expression:
    """Return `left op right` as a bool."""
    if is_unknown(left.kind) or is_unknown(right.kind):
        return Constant(True, Boolean())
    if isinstance(operator, (ast.Is, ast.IsNot)):
        return _identity(node, operator, left, right, source)
    if isinstance(operator, (ast.In, ast.NotIn)):
        inside = _contains(node, right, left, source)
        return Not(inside) if isinstance(operator, ast.NotIn) else inside
    name = _COMPARISONS[type(operator)]
    if name in ("=", "!="):
        _comparable(node, left, right, source)
    else:
        _ordered(node, left, right, source)
    return Comparison(name, left, right)


def _identity(node: ast.AST, operator: ast.cmpop, left: Expression, right: Expression, source: str) -> Expression:
    for value, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is None and not isinstance(other.kind, Member):
            _refuse_none_member(node, value, source)
            return Not(IsNone(value)) if isinstance(operator, ast.IsNot) else IsNone(value)
    if all(isinstance(present(each.kind), Member) for each in (left, right)):
        _comparable(node, left, right, source)
        return Comparison("!=" if isinstance(operator, ast.IsNot) else "=", left, right)
    raise Refused(node, f"`{source}` compares identity", "`is` is for None and members of an Enum; write `==`")


def _refuse_none_member(node: ast.AST, value: Expression, source: str) -> None:
    for each in members(value.kind):
        if isinstance(each, Member) and may_be_none(each.value):
            found = f"`{source}` cannot tell None from the member of {describe(each)} whose value is None"
            raise Refused(node, found, "give that member another value")


def _ordered(node: ast.AST, left: Expression, right: Expression, source: str) -> None:
    for value in (left, right):
        refuse_none(node, value, f"a side of `{source}`")
        refuse_any(node, value, f"a side of `{source}`")
    if _numeric(left.kind) and _numeric(right.kind):
        return
    if _is(left.kind, Text) and _is(right.kind, Text):
        return
    raise Refused(
        node,
        f"`{source}` orders {describe(left.kind)} and {describe(right.kind)}",
        "only two numbers or two strings can be ordered; compare others in a step",
    )


def _comparable(node: ast.AST, left: Expression, right: Expression, source: str) -> None:
    if any(isinstance(each, Constant) and each.value is None for each in (left, right)):
        raise Refused(node, f"`{source}` compares with None", "write `is None` or `is not None`")
    for value in (left, right):
        refuse_any(node, value, f"a side of `{source}`")
        _scalar(node, value.kind, source)
    _no_bool_with_number(node, left.kind, right.kind, source)
    if not overlap(present(acts_as(left.kind)), present(acts_as(right.kind))):
        raise Refused(
            node,
            f"`{source}` compares {describe(left.kind)} with {describe(right.kind)}, which are never equal",
            _one_type(left.kind, right.kind),
        )


def _one_type(*kinds: Kind) -> str:
    """Return what to write instead of a comparison of values that are never equal."""
    enums = [each.python for kind in kinds for each in members(kind) if isinstance(each, Member)]
    if not enums:
        return "compare values of one type"
    first = next(iter(enums[0]))
    return f"compare it with a member, as in {first}, or compare its `.value`"


def _no_bool_with_number(node: ast.AST, one: Kind, other: Kind, source: str) -> None:
    found = {type(acts_as(each)) for kind in (one, other) for each in _leaves(kind)}
    if Boolean in found and found & {Integer, Float}:
        raise Refused(
            node, f"`{source}` compares a bool with a number", "compare bools with bools: in JSON, 1 is not true"
        )


def _leaves(kind: Kind) -> list[Kind]:
    """Return the kinds of the scalars in a kind."""
    match kind:
        case ListOf(element):
            return _leaves(element)
        case TupleOf(elements):
            return [leaf for each in elements for leaf in _leaves(each)]
        case DictOf(value):
            return _leaves(value)
        case Fixed(entries):
            return [leaf for _, each in entries for leaf in _leaves(each)]
    return [kind] if len(members(kind)) == 1 else [leaf for each in members(kind) for leaf in _leaves(each)]


def _scalar(node: ast.AST, kind: Kind, source: str) -> None:
    for leaf in _leaves(kind):
        if isinstance(leaf, (Opaque, Record, Anything, Caught, Event)):
            raise Refused(
                node,
                f"`{source}` compares {describe(leaf)}, which travels as JSON and loses its own comparison",
                "compare its fields, or compare it in a step",
            )


def _contains(node: ast.AST, container: Expression, item: Expression, source: str) -> Expression:
    for value in (container, item):
        refuse_any(node, value, f"a side of `{source}`")
    refuse_none(node, container, f"the right side of `{source}`")
    kind = of_one_shape(acts_as(container.kind))
    match kind:
        case ListOf() | TupleOf():
            elements = kind.elements if isinstance(kind, TupleOf) else (kind.element,)
            _element_of(node, elements, item, source)
            return Contains(container, item)
        case Text() | DictOf() | Fixed() | Record(by_key=True) if _is(item.kind, Text):
            return Contains(container, item)
    raise Refused(
        node,
        f"`{source}` looks for {describe(item.kind)} in {describe(container.kind)}",
        "`in` takes a list of plain values, a string in a string, or a key of a dict; " + _IN_A_STEP,
    )


def _element_of(node: ast.AST, elements: tuple[Kind, ...], item: Expression, source: str) -> None:
    kind = join(*elements, item.kind)
    for each in members(kind):
        if isinstance(each, (ListOf, TupleOf, DictOf, Fixed)):
            raise Refused(node, f"`{source}` looks for {describe(each)}", "`in` is for plain values; " + _IN_A_STEP)
    _scalar(node, kind, source)
    _no_bool_with_number(node, kind, item.kind, source)


def truth(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return whether a value counts as true."""
    kind = value.kind
    if isinstance(kind, Boolean) or is_unknown(kind):
        return value
    refuse_any(node, value, f"`{source}`")
    forms = {_truth_form(acts_as(each)) for each in members(present(kind))} if not isinstance(kind, Null) else {"none"}
    if len(forms) > 1 or None in forms:
        raise Refused(
            node,
            f"whether `{source}` ({describe(kind)}) counts as true cannot be told from its JSON",
            "write the comparison out, as in `x is not None` or `x != 0`",
        )
    return Truth(value)


def _counts(python: type) -> bool:
    """Whether some objects of a class count as false."""
    return hasattr(python, "__bool__") or hasattr(python, "__len__")


def _truth_form(kind: Kind) -> str | None:
    match kind:
        case Boolean():
            return "bool"
        case Integer() | Float():
            return "number"
        case Text():
            return "str"
        case ListOf() | TupleOf():
            return "list"
        case DictOf() | Fixed() | Record(by_key=True):
            return "dict"
        case Record(python) | Opaque(python) if isinstance(python, type) and not _counts(python):
            return "object"
    return None


def _is_mixed(kind: Kind) -> bool:
    """Return whether a value is a member of `class Name(str, Enum)`: it acts as a str, but is written as a member."""
    enums = [each.python for each in members(kind) if isinstance(each, Member)]
    return any(not issubclass(each, (enum.StrEnum, enum.IntEnum)) for each in enums)


_IN_STRINGS: Final = "a string takes str, int and bool, and a float in a format; let a step return the text"


def spelled(node: ast.AST, value: Expression, source: str) -> Expression:
    """Return a value as f-strings and `str` write it."""
    kind = acts_as(value.kind)
    if is_unknown(kind) or (_is(kind, Text) and not _is_mixed(value.kind)):
        return value
    refuse_none(node, value, f"`{source}` in a string")
    if is_error(kind):
        return error_message(value)
    if isinstance(kind, (Boolean, Integer)) and not _is_mixed(value.kind):
        return Spelled(value)
    is_spelled_apart = isinstance(kind, (Float, Opaque, Member)) or _is_mixed(value.kind)
    why = ", which JSON spells otherwise than Python" if is_spelled_apart else ""
    raise Refused(
        node,
        f"`{source}` in a string is {describe(kind)}{why}",
        "write a format, as in `{x:.2f}`" if isinstance(kind, Float) else _IN_STRINGS,
    )
