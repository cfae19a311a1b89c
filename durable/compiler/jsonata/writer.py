"""Expressions as JSONata, in the forms that their kinds call for, and as JSON templates.

JSONata's own coercions give wrong answers silently, and a missing value disappears in most operators. So truth is
asked by kind, and an item that may be missing is asserted wherever something stands around it; alone, a missing
value fails the state by itself.
"""

from __future__ import annotations

import json
import re
import string
from typing import Any, Final, assert_never

from durable.compiler.jsonata import lists as jsonata_lists
from durable.compiler.jsonata.syntax import AND, ATOM, CHOOSE, COMPARE, OR, PATH, PLUS, SIGN, TIMES, key, quoted
from durable.compiler.program.walk import ASSERTED, asks_for_none, is_safe, may_be_missing, size
from durable.compiler.types.annotations import as_set
from durable.compiler.types.kinds import (
    Anything,
    Boolean,
    DictOf,
    Fixed,
    Float,
    Integer,
    Kind,
    ListOf,
    Member,
    Null,
    Record,
    SetOf,
    Span,
    Text,
    TupleOf,
    acts_as,
    may_be_none,
    members,
    present,
)
from durable.compiler.types.terms import (
    Apply,
    Both,
    Comparison,
    Comprehension,
    Concatenation,
    Conditional,
    Constant,
    Contains,
    DictDisplay,
    Either,
    Entry,
    Expression,
    Field,
    Formula,
    IsNone,
    Item,
    Joined,
    Let,
    ListDisplay,
    Negation,
    Not,
    Operation,
    RawExpression,
    Spelled,
    Truth,
    Value,
    Variable,
)

_SHORT: Final = 6
"""The size, in terms, up to which an expression is written twice rather than kept in a variable."""

_MOST_JOINED: Final = 12
"""The number of strings up to which they are joined by `&`, each of which nests one deeper."""

Rendered = tuple[str, int]
"""A text and how tightly it binds, as in JSONata's own parser."""

_PATH: Final = re.compile(r"\$\w+(\.\w+)+", re.ASCII)


def template(expression: Expression) -> Any:
    """Return an expression as what stands in a state: JSON, with JSONata in its strings."""
    match expression:
        case Constant(str() as value):
            # Step Functions takes a string from `{%` to `%}` for an expression; a deployment fills in `${…}`.
            is_plain = not (value.startswith("{%") or value.endswith("%}") or "${" in value)
            return value if is_plain else "{% " + quoted(value) + " %}"
        case Constant(value):
            return value
        case ListDisplay(elements):
            # JSON and no constructors of JSONata: in a template a missing value fails the state, in a constructor it is
            # left out without a word, and a list in a list is flattened.
            return [template(each) for each in elements]
        case DictDisplay(entries):
            return {key: template(each) for key, each in entries}
    return "{% " + jsonata(expression) + " %}"


def jsonata(expression: Expression) -> str:
    """Return an expression as JSONata that is undefined where a list or dict lacks what is asked for."""
    # At the outside of an expression a missing value may stay undefined: the state then fails by itself. Within another
    # expression most operators would take it for an empty value, so `_render` asserts it.
    if isinstance(expression, Item) and not _is_located(expression):
        return _item(expression)
    if isinstance(expression, Let):
        return _let(expression)[0]
    if isinstance(expression, Entry) and expression.default is None and not _is_located(expression):
        return _entry(expression)
    if isinstance(expression, Field) and not may_be_none(expression.kind):
        return f"{_wrapped(jsonata(expression.of), expression.of)}.{key(expression.name)}"
    return _render(expression)[0]


def _wrapped(text: str, expression: Expression) -> str:
    return text if _render(expression)[1] >= PATH or isinstance(expression, (Item, Entry)) else f"({text})"


def _at_least(expression: Expression, power: int) -> str:
    """Return the text of an operand, in parentheses where it would not hold together."""
    text, own = _render(expression)
    return text if own >= power else f"({text})"


def _render(expression: Expression) -> Rendered:
    """Return the text of an expression that always has a value, or fails."""
    match expression:
        case Constant(value):
            return _constant(value)
        case Variable(name):
            return f"${name}", ATOM
        case RawExpression(text):
            return text, PATH if _PATH.fullmatch(text) else ATOM
        case Field():
            return _field(expression)
        case Item(certain=True):
            return _item(expression), PATH
        case Item():
            return _asserted(_item(expression), expression.where or "IndexError"), ATOM
        case Entry(default=None):
            return _asserted(_entry(expression), expression.where or "KeyError"), ATOM
        case Entry():
            assert expression.default is not None
            return _if_exists(_entry(expression), expression.of, _at_least(expression.default, CHOOSE + 1))
        case Conditional(test, body, otherwise):
            parts = (_at_least(test, CHOOSE + 1), _at_least(body, CHOOSE + 1), _at_least(otherwise, CHOOSE))
            return "{} ? {} : {}".format(*parts), CHOOSE
        case Truth(of):
            return _truth(of)
        case IsNone(of):
            return _is_none(of)
        case Not(IsNone(of)):
            return f"{_path(of)} != null", COMPARE
        case Not(of):
            return f"$not({_render(of)[0]})", ATOM
        case Both(left, right) | Either(left, right):
            return _junction(expression, left, right)
        case Comparison(operator, left, right):
            return f"{_at_least(left, COMPARE + 1)} {operator} {_at_least(right, COMPARE + 1)}", COMPARE
        case Contains(container, item):
            return _contains(container, item)
        case Let():
            return _let(expression)
        case other:
            return _value(other)


def _value(expression: Value) -> Rendered:
    match expression:
        case Operation():
            return _operation(expression)
        case Negation(of):
            return f"-{_at_least(of, SIGN + 1)}", SIGN
        case Apply(function, arguments):
            return f"{function}({', '.join(_render(each)[0] for each in arguments)})", ATOM
        case Formula(text, arguments, where=where):
            # The error says the author's expression and its line, as CPython's traceback would.
            if where:
                text = ASSERTED.sub(lambda found: quoted(f"{found[1]}: {where}"), text)
            names = ", ".join(f"${name}" for name in string.ascii_lowercase[: len(arguments)])
            return f"(function({names}) {{ {text} }})({', '.join(_render(each)[0] for each in arguments)})", ATOM
        case Joined(parts) if len(parts) > _MOST_JOINED:
            # `a & b & c` is a tree that grows by one level for each part, and AWS refuses what nests too deep.
            return f"$join([{', '.join(_render(each)[0] for each in parts)}])", ATOM
        case Joined(parts):
            return " & ".join(_at_least(each, PLUS + 1) for each in parts), PLUS
        case Spelled(of):
            return _spelled(of)
        case Concatenation(left, right):
            # `[a, b]` would flatten lists of lists; `$append` takes both apart by one level, as `+` of lists does.
            return f"$append({_render(left)[0]}, {_render(right)[0]})", ATOM
        case ListDisplay(elements):
            return f"[{', '.join(_element(each) for each in elements)}]", ATOM
        case DictDisplay(entries):
            return "{" + ", ".join(f"{quoted(key)}: {_render(each)[0]}" for key, each in entries) + "}", ATOM
        case Comprehension():
            return _comprehension(expression), ATOM
        case _:
            assert_never(expression)


def _let(let: Let) -> Rendered:
    """Return a block that computes each value once; variables of a block hide those of the state."""
    bindings = [f"${name} := {_at_least(value, CHOOSE)}; " for name, value in let.bindings]
    return f"({''.join(bindings)}{jsonata(let.body)})", ATOM


def _constant(value: bool | int | float | str | None) -> Rendered:
    if isinstance(value, str):
        return quoted(value), ATOM
    return json.dumps(value), SIGN if isinstance(value, (int, float)) and value < 0 else ATOM


def _step(of: Expression) -> str:
    """Return what stands before the dot of a path: no bare literal, which is there in code that is never reached."""
    text = _at_least(of, PATH)
    return f"({text})" if isinstance(of, Constant) else text


def _path(expression: Expression) -> str:
    """Return a field or key bare: missing is as good as null where it is only compared with null."""
    if isinstance(expression, Field):
        return f"{_step(expression.of)}.{key(expression.name)}"
    return _at_least(expression, COMPARE + 1)


def _field(field: Field) -> Rendered:
    text = f"{_step(field.of)}.{key(field.name)}"
    return _if_exists(text, field.of, "null") if may_be_none(field.kind) else (text, PATH)


def _if_exists(text: str, of: Expression, otherwise: str) -> Rendered:
    """Return what a text gives, or something else where it is missing. What is long is evaluated once, in a block."""
    if size(of) <= _SHORT:
        return f"$exists({text}) ? {text} : {otherwise}", CHOOSE
    return f"($_ := {text}; $exists($_) ? $_ : {otherwise})", ATOM


def _asserted(text: str, error: str) -> str:
    return f"($_ := {text}; $assert($exists($_), {quoted(error)}); $_)"


def _is_located(expression: Item | Entry) -> bool:
    """Whether it says where it is missing: a path alone would end the run, too, but with the path only."""
    return bool(expression.where) and not (isinstance(expression, Item) and expression.certain)


def _item(item: Item) -> str:
    return f"{_at_least(item.of, PATH + 1)}[{_render(item.index)[0]}]"


def _entry(entry: Entry) -> str:
    # A path is shorter, and a key that is empty can stand in none.
    if isinstance(entry.key, Constant) and entry.key.value:
        return f"{_step(entry.of)}.{key(str(entry.key.value))}"
    return f"$lookup({_render(entry.of)[0]}, {_render(entry.key)[0]})"


def _operation(operation: Operation) -> Rendered:
    left, right = operation.left, operation.right
    match operation.operator:
        case "//":
            # Rounds down, as `//` does. Of whole numbers up to 2**53 a quotient in doubles never rounds up to the next
            # whole one.
            return f"$floor({_at_least(left, TIMES)} / {_at_least(right, TIMES + 1)})", ATOM
        case "%":
            # the remainder of JSONata has the sign of the dividend, Python's that of the divisor
            assert isinstance(right, Constant)
            assert isinstance(right.value, (int, float))
            divisor, beyond = right.value, "<" if right.value > 0 else ">"
            return f"($_ := {_at_least(left, TIMES)} % {divisor}; $_ {beyond} 0 ? $_ + {divisor} : $_ + 0)", ATOM
        case operator:
            power = PLUS if operator in "+-" else TIMES
            return f"{_at_least(left, power)} {operator} {_at_least(right, power + 1)}", power


def _spelled(of: Expression) -> Rendered:
    if isinstance(of.kind, Boolean):
        return f'{_at_least(of, CHOOSE + 1)} ? "True" : "False"', CHOOSE
    # $string keeps 15 digits only
    return f"$formatBase({_render(of)[0]})", ATOM


def _element(expression: Expression) -> str:
    """Return an element of an array constructor, which takes apart any list that it did not construct itself."""
    text = _render(expression)[0]
    lists = [isinstance(each, (ListOf, TupleOf)) for each in members(expression.kind)]
    if _is_constructor(expression) or not any(lists):
        return text
    if all(lists):
        return f"[{text}]"
    if size(expression) <= _SHORT:
        return f'$type({text}) = "array" ? [[{text}]] : ({text})'
    return f'($_ := {text}; $type($_) = "array" ? [[$_]] : $_)'


def _is_constructor(expression: Expression) -> bool:
    """Whether an expression is written as an array constructor, which another one around it does not take apart."""
    match expression:
        case RawExpression(text):
            return text.startswith("[")
        case Comprehension(into="list" | "ascending" | "descending"):
            return not _holds_lists(expression)
    return isinstance(expression, ListDisplay)


def _comprehension(each: Comprehension) -> str:
    items, variable = _render(each.items)[0], each.variable
    test = None if each.condition is None else _at_least(each.condition, CHOOSE + 1)
    match each.into:
        case "any" | "all":
            return jsonata_lists.quantified(each.into, items, variable, _at_least(each.element, CHOOSE + 1), test)
        case "ascending" | "descending":
            assert isinstance(each.element, ListDisplay)
            keys = [_render(key)[0] for key in each.element.elements]
            ordered = jsonata_lists.ordered(items, variable, keys, descending=each.into == "descending")
            return jsonata_lists.values(ordered, holds_lists=_holds_lists(each))
        case "dict":
            mapped = jsonata_lists.mapped(items, variable, _at_least(each.element, CHOOSE + 1), test)
            return f"$merge({mapped})"
        case "flat":
            return jsonata_lists.gathered(items, variable, _render(each.element)[0], test)
        case "list" if _holds_lists(each):
            return jsonata_lists.gathered(items, variable, f"[{_element(each.element)}]", test)
        case "list":
            return jsonata_lists.mapped(items, variable, _at_least(each.element, CHOOSE + 1), test)
        case _:
            assert_never(each.into)


def _holds_lists(each: Comprehension) -> bool:
    """Whether an element of the list may be a list, which `$map` would take apart where it is the only one."""
    assert isinstance(each.kind, ListOf)
    return any(isinstance(kind, (ListOf, TupleOf, Anything)) for kind in members(each.kind.element))


def _truth(of: Expression) -> Rendered:
    kind = present(of.kind)
    # Never `$boolean`, which calls `[0]` false: each kind has the comparison that Python's truth stands for.
    parts = [f"{_path(of)} != null"] if may_be_none(of.kind) else []
    test = _test(of, members(kind)[0])
    if test is not None:
        parts.append(test)
    if len(parts) == 1 and isinstance(kind, Boolean):
        return parts[0], _render(of)[1]
    return (" and ".join(parts), AND if len(parts) == 2 else COMPARE) if parts else ("true", ATOM)


def _test(of: Expression, kind: Kind) -> str | None:
    """Return what tells a true value of a kind from a false one; None where all are true."""
    match as_set(kind):
        case Boolean():
            return _path(of) if may_be_none(of.kind) else _at_least(of, AND)
        case Integer() | Float() | Span():
            return f"{_path(of)} != 0"
        case Text():
            return f'{_path(of)} != ""'
        case ListOf() | TupleOf() | SetOf():
            return f"$count({_inner(of)}) > 0"
        case DictOf() | Fixed() | Record(by_key=True):
            return f"$count($keys({_inner(of)})) > 0"
        case Member(behaves=behaves) if behaves is not None:
            return _test(of, behaves)
        case Null():
            return "false"
    return None


def _inner(of: Expression) -> str:
    return _path(of) if isinstance(of, Field) else _render(of)[0]


def _is_none(of: Expression) -> Rendered:
    if isinstance(of, Field):
        # A missing field does not equal null, but `!= null` is false of both.
        return f"$not({_path(of)} != null)", ATOM
    return f"{_at_least(of, COMPARE + 1)} = null", COMPARE


def _junction(whole: Both | Either, left: Expression, right: Expression) -> Rendered:
    both = isinstance(whole, Both)
    # Where the right side may fail unless the left one holds, a Conditional says so for certain: it evaluates one side
    # alone, and has the value of a test, whatever an engine does with `and`.
    if is_safe(right) or (not asks_for_none(left) and not may_be_missing(right)):
        power = AND if both else OR
        return f"{_at_least(left, power)} {'and' if both else 'or'} {_at_least(right, power + 1)}", power
    test, rest = _at_least(left, CHOOSE + 1), _at_least(right, CHOOSE)
    return f"{test} ? {rest} : false" if both else f"{test} ? true : {rest}", CHOOSE


def _contains(container: Expression, item: Expression) -> Rendered:
    kind = acts_as(container.kind)
    if isinstance(kind, Text):
        # `in` of JSONata looks for elements: of two texts it would ask whether they are equal.
        return f"$contains({_render(container)[0]}, {_render(item)[0]})", ATOM
    if isinstance(kind, (ListOf, TupleOf, SetOf)):
        return f"{_at_least(item, COMPARE + 1)} in {_at_least(container, COMPARE + 1)}", COMPARE
    return f"$exists({_entry(Entry(container, item, kind))})", ATOM
