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

from durable.compiler.kinds import (
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
    Text,
    TupleOf,
    acts_as,
    may_be_none,
    members,
    present,
)
from durable.compiler.terms import (
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
    Variable,
)
from durable.compiler.walk import children, size

ATOM: Final = 100
PATH: Final = 75
SIGN: Final = 70
TIMES: Final = 60
PLUS: Final = 50
COMPARE: Final = 40
AND: Final = 30
OR: Final = 25
CHOOSE: Final = 20

_SHORT: Final = 6
"""The size, in terms, up to which an expression is written twice rather than kept in a variable."""

_MOST_JOINED: Final = 12
"""The number of strings up to which they are joined by `&`, each of which nests one deeper."""

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
Rendered = tuple[str, int]
"""A text and how tightly it binds, as in JSONata's own parser."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PATH: Final = re.compile(r"\$\w+(\.\w+)+", re.ASCII)
_WORDS: Final = frozenset({"and", "or", "in", "true", "false", "null", "function"})


def template(expression: Expression) -> Any:
    """Return an expression as what stands in a state: JSON, with JSONata in its strings."""
    match expression:
        case Constant(str() as value):
            is_plain = not (value.startswith("{%") or value.endswith("%}") or "${" in value)
            return value if is_plain else "{% " + quoted(value) + " %}"
        case Constant(value):
            return value
        case ListDisplay(elements):
            return [template(each) for each in elements]
        case DictDisplay(entries):
            return {key: template(each) for key, each in entries}
    return "{% " + jsonata(expression) + " %}"


def jsonata(expression: Expression) -> str:
    """Return an expression as JSONata that is undefined where a list or dict lacks what is asked for."""
    if isinstance(expression, Item):
        return _item(expression)
    if isinstance(expression, Let):
        return _let(expression)[0]
    if isinstance(expression, Entry) and expression.default is None:
        return _entry(expression)
    if isinstance(expression, Field) and not may_be_none(expression.kind):
        return f"{_wrapped(jsonata(expression.of), expression.of)}.{_key(expression.name)}"
    return _render(expression)[0]


def _wrapped(text: str, expression: Expression) -> str:
    return text if _render(expression)[1] >= PATH or isinstance(expression, (Item, Entry)) else f"({text})"


def quoted(text: str) -> str:
    """Return a string literal, in which nothing can be taken for a placeholder."""
    return json.dumps(text, ensure_ascii=False).replace("${", "\\u0024{")


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) and name not in _WORDS else quoted(name)


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
            return _asserted(_item(expression), "IndexError"), ATOM
        case Entry(default=None):
            return _asserted(_entry(expression), "KeyError"), ATOM
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
        case Formula(text, arguments):
            names = ", ".join(f"${name}" for name in string.ascii_lowercase[: len(arguments)])
            return f"(function({names}) {{ {text} }})({', '.join(_render(each)[0] for each in arguments)})", ATOM
        case Joined(parts) if len(parts) > _MOST_JOINED:
            return f"$join([{', '.join(_render(each)[0] for each in parts)}])", ATOM
        case Joined(parts):
            return " & ".join(_at_least(each, PLUS + 1) for each in parts), PLUS
        case Spelled(of):
            return _spelled(of)
        case Concatenation(left, right):
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
        return f"{_step(expression.of)}.{_key(expression.name)}"
    return _at_least(expression, COMPARE + 1)


def _field(field: Field) -> Rendered:
    text = f"{_step(field.of)}.{_key(field.name)}"
    return _if_exists(text, field.of, "null") if may_be_none(field.kind) else (text, PATH)


def _if_exists(text: str, of: Expression, otherwise: str) -> Rendered:
    """Return what a text gives, or something else where it is missing. What is long is evaluated once, in a block."""
    if size(of) <= _SHORT:
        return f"$exists({text}) ? {text} : {otherwise}", CHOOSE
    return f"($_ := {text}; $exists($_) ? $_ : {otherwise})", ATOM


def _asserted(text: str, error: str) -> str:
    return f'($_ := {text}; $assert($exists($_), "{error}"); $_)'


def _item(item: Item) -> str:
    return f"{_at_least(item.of, PATH + 1)}[{_render(item.index)[0]}]"


def _entry(entry: Entry) -> str:
    if isinstance(entry.key, Constant) and entry.key.value:
        return f"{_step(entry.of)}.{_key(str(entry.key.value))}"
    return f"$lookup({_render(entry.of)[0]}, {_render(entry.key)[0]})"


def _operation(operation: Operation) -> Rendered:
    left, right = operation.left, operation.right
    match operation.operator:
        case "//":
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
    if isinstance(expression, RawExpression):
        return expression.text.startswith("[")
    if isinstance(expression, Comprehension):
        return _comprehension(expression).startswith("[")
    return isinstance(expression, ListDisplay)


def _comprehension(each: Comprehension) -> str:
    items, variable = _render(each.items)[0], each.variable
    element, test = _at_least(each.element, CHOOSE + 1), None
    if each.condition is not None:
        test = _at_least(each.condition, CHOOSE + 1)
    chosen = element if test is None else f"{test} ? {element}"
    match each.into:
        case "any":
            holds = element if test is None else f"{test} ? {element} : false"
            return f"$reduce({items}, function($_f, ${variable}) {{ $_f ? true : {holds} }}, false)"
        case "all":
            holds = element if test is None else f"{test} ? {element} : true"
            return f"$reduce({items}, function($_t, ${variable}) {{ $_t ? {holds} : false }}, true)"
        case "ascending" | "descending":
            return _sorted(each, items)
        case "dict":
            return f"$merge([$map({items}, function(${variable}) {{ {chosen} }})])"
        case "flat":
            return _gathered(items, variable, _render(each.element)[0], test)
    if _may_be_list(element_of(each.kind)):
        return _gathered(items, variable, f"[{_element(each.element)}]", test)
    return f"[$map({items}, function(${variable}) {{ {chosen} }})]"


def _may_be_list(kind: Kind) -> bool:
    return any(isinstance(each, (ListOf, TupleOf, Anything)) for each in members(kind))


def element_of(kind: Kind) -> Kind:
    """Return the kind of the elements of a list."""
    assert isinstance(kind, ListOf)
    return kind.element


def _gathered(items: str, variable: str, more: str, test: str | None) -> str:
    """Return lists put one after the other. `$map` would take apart a single result that is a list."""
    added = f"$append($_l, {more})"
    step = added if test is None else f"{test} ? {added} : $_l"
    return f"$reduce({items}, function($_l, ${variable}) {{ {step} }}, [])"


def _sorted(each: Comprehension, items: str) -> str:
    """Return a list sorted by keys. Items whose keys are equal stay in order, which `$sort` alone does not promise."""
    assert isinstance(each.element, ListDisplay)
    keys = [_render(key)[0] for key in each.element.elements]
    marked = ", ".join(f'"k{number}": {key}' for number, key in enumerate(keys))
    variable, after = each.variable, "<" if each.into == "descending" else ">"
    test = "$_x.i > $_y.i"
    for number in reversed(range(len(keys))):
        one, other = f"$_x.k{number}", f"$_y.k{number}"
        test = f"{one} {after} {other} or ({one} = {other} and ({test}))"
    listed = f'[$map({items}, function(${variable}, $_i) {{ {{"i": $_i, "v": ${variable}, {marked}}} }})]'
    ordered = f"$sort({listed}, function($_x, $_y) {{ {test} }})"
    if _may_be_list(element_of(each.kind)):
        return _gathered(ordered, "_o", "[[$_o.v]]", None)
    return f"[$map({ordered}, function($_o) {{ $_o.v }})]"


def _truth(of: Expression) -> Rendered:
    kind = present(of.kind)
    parts = [f"{_path(of)} != null"] if may_be_none(of.kind) else []
    test = _test(of, members(kind)[0])
    if test is not None:
        parts.append(test)
    if len(parts) == 1 and isinstance(kind, Boolean):
        return parts[0], _render(of)[1]
    return (" and ".join(parts), AND if len(parts) == 2 else COMPARE) if parts else ("true", ATOM)


def _test(of: Expression, kind: Kind) -> str | None:
    """Return what tells a true value of a kind from a false one; None where all are true."""
    match kind:
        case Boolean():
            return _path(of) if may_be_none(of.kind) else _at_least(of, AND)
        case Integer() | Float():
            return f"{_path(of)} != 0"
        case Text():
            return f'{_path(of)} != ""'
        case ListOf() | TupleOf():
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
        return f"$not({_path(of)} != null)", ATOM
    return f"{_at_least(of, COMPARE + 1)} = null", COMPARE


def _junction(whole: Both | Either, left: Expression, right: Expression) -> Rendered:
    both = isinstance(whole, Both)
    if is_safe(right) or (not _asks_for_none(left) and not _may_be_missing(right)):
        power = AND if both else OR
        return f"{_at_least(left, power)} {'and' if both else 'or'} {_at_least(right, power + 1)}", power
    test, rest = _at_least(left, CHOOSE + 1), _at_least(right, CHOOSE)
    return f"{test} ? {rest} : false" if both else f"{test} ? true : {rest}", CHOOSE


def is_safe(expression: Expression) -> bool:
    """Whether an expression has a value whatever the data, None included."""
    match expression:
        case Constant() | Variable() | RawExpression():
            return True
        case Field() | IsNone() | Truth() | Not() | Both() | Either() | Conditional() | ListDisplay() | DictDisplay():
            return all(is_safe(each) for each in children(expression))
        case Comparison(operator, left, right):
            return operator in ("=", "!=") and is_safe(left) and is_safe(right)
    return False


def _asks_for_none(expression: Expression) -> bool:
    """Whether what stands to the right may hold only because of this."""
    if isinstance(expression, (IsNone, Contains)):
        return True
    return may_be_none(expression.kind) or any(_asks_for_none(each) for each in children(expression))


def _may_be_missing(expression: Expression) -> bool:
    if isinstance(expression, Item) and expression.certain:
        return any(map(_may_be_missing, children(expression)))
    fails = isinstance(expression, (Item, Entry)) or (isinstance(expression, Formula) and expression.fails)
    return fails or any(_may_be_missing(each) for each in children(expression))


def _contains(container: Expression, item: Expression) -> Rendered:
    kind = acts_as(container.kind)
    if isinstance(kind, Text):
        return f"$contains({_render(container)[0]}, {_render(item)[0]})", ATOM
    if isinstance(kind, (ListOf, TupleOf)):
        return f"{_at_least(item, COMPARE + 1)} in {_at_least(container, COMPARE + 1)}", COMPARE
    return f"$exists({_entry(Entry(container, item, kind))})", ATOM
