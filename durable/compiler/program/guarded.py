"""What an expression fails with, where an `except` catches that: it is asked for before the expression is evaluated.

No state can catch the error of an expression. So the statement has an `if` before it, whose tests are what CPython
would fail with, in the order of evaluation; each leads to the `except`. The expression then cannot fail any more.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from durable.compiler.program.tree import (
    Arm,
    Assign,
    Awaited,
    Branch,
    EventWait,
    Gather,
    If,
    MapCall,
    Race,
    Raise,
    Return,
    Run,
    Sleep,
    Statement,
    StepCall,
    WorkflowCall,
)
from durable.compiler.program.walk import children, failures, mapped, opposite, raised_as
from durable.compiler.types.kinds import DictOf, Integer, ListOf, Text, TupleOf, acts_as, is_list, members
from durable.compiler.types.quotation import quoted
from durable.compiler.types.terms import (
    BOOLEAN,
    INTEGER,
    TEXT,
    ZERO,
    Both,
    Comprehension,
    Conditional,
    Constant,
    Contains,
    Either,
    Entry,
    Expression,
    Formula,
    Item,
    Let,
    Not,
    Spelled,
)

_RAISED: Final = re.compile(r'\$assert\((.+?), "(\w+Error)"\);')
_FIRST: Final = "($_n := [$filter($a, function($_v) {{ $_v != 0 }})]; $count($_n) > 0 and $_n[0] = {0})"
_WRITTEN: Final = re.compile(r'"[^"\\]*"')
_CLASSES: Final[dict[tuple[type[Exception], bool], type[Exception]]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Guard:
    """A test that holds where an expression fails, and with what.

    `says` is what CPython's error says, where that is known.
    """

    test: Expression
    error: type[Exception]
    says: Expression | None = None


class UnguardedError(Exception):
    """It cannot be told beforehand whether the expression fails."""


def failure(cls: type[Exception], *, is_said: bool) -> type[Exception]:
    """Return the class of an expression's error: of one that says what CPython's says, or of one that nothing reads."""
    key = cls, is_said
    if key not in _CLASSES:
        _CLASSES[key] = type(cls.__name__, (cls,), {"__module__": "builtins", "__doc__": cls.__doc__})
    return _CLASSES[key]


def is_unsaid(cls: type[Exception]) -> bool:
    """Return whether a class is that of an expression's error which does not say what CPython's says."""
    return any(each is cls and not is_said for (_, is_said), each in _CLASSES.items())


def guards(expression: Expression) -> list[Guard]:
    """Return what an expression fails with, in the order in which CPython would find it.

    Raises:
        UnguardedError: that cannot be told beforehand.
    """
    if not failures(expression):
        return []
    match expression:
        case Conditional(test, body, otherwise):
            return [
                *guards(test),
                *_where(checked(test), guards(body)),
                *_where(opposite(checked(test)), guards(otherwise)),
            ]
        case Both(left, right):
            return [*guards(left), *_where(checked(left), guards(right))]
        case Either(left, right):
            return [*guards(left), *_where(opposite(checked(left)), guards(right))]
        case Let(bindings, body):
            return list(_of_let(bindings, body))
        case Comprehension():
            return _of_comprehension(expression)
    return [*(each for part in children(expression) for each in guards(part)), *_own(expression)]


def _where(condition: Expression, found: Iterable[Guard]) -> Iterator[Guard]:
    return (Guard(Both(condition, each.test), each.error, each.says) for each in found)


def _of_let(bindings: tuple[tuple[str, Expression], ...], body: Expression) -> Iterator[Guard]:
    known: tuple[tuple[str, Expression], ...] = ()
    for name, value in (*bindings, ("", body)):
        for each in guards(value):
            if not known:
                yield each
            else:
                says = None if each.says is None else _within(known, each.says)
                yield Guard(_within(known, each.test), each.error, says)
        known = (*known, (name, checked(value)))


def _within(known: tuple[tuple[str, Expression], ...], value: Expression) -> Expression:
    return value if isinstance(value, Constant) else Let(known, value, value.kind)


def _of_comprehension(each: Comprehension) -> list[Guard]:
    """Return what the items fail with, and the elements: the first item that fails decides with what."""
    condition = each.condition
    inner = [] if condition is None else guards(condition)
    of_element = guards(each.element)
    inner += of_element if condition is None else _where(checked(condition), of_element)
    if not inner:
        return guards(each.items)
    fails = functools.reduce(Either, (guard.test for guard in inner))
    errors = list(dict.fromkeys(guard.error for guard in inner))
    if len(errors) == 1 and each.into not in ("any", "all"):
        test = Comprehension(fails, each.variable, checked(each.items), None, BOOLEAN, "any")
        return [*guards(each.items), Guard(test, errors[0], _of_first(each, fails, _said(inner, errors[0])))]
    # Of each item a number: the error with which it fails, -1 where it decides, or 0, and then the next is looked at.
    number: Expression = ZERO
    if each.into in ("any", "all"):
        decides = checked(each.element) if each.into == "any" else opposite(checked(each.element))
        decides = decides if condition is None else Both(checked(condition), decides)
        number = Conditional(decides, Constant(-1, INTEGER), ZERO, INTEGER)
    for guard in reversed(inner):
        number = Conditional(guard.test, Constant(errors.index(guard.error) + 1, INTEGER), number, INTEGER)
    numbers = Comprehension(number, each.variable, checked(each.items), None, ListOf(INTEGER), "list")
    found = [(_FIRST.format(place), error) for place, error in enumerate(errors, 1)]
    return [
        *guards(each.items),
        *(
            Guard(Formula(text, (numbers,), BOOLEAN), error, _of_first(each, fails, _said(inner, error)))
            for text, error in found
        ),
    ]


def _said(inner: list[Guard], error: type[Exception]) -> Expression | None:
    """Return what an error of this class says of an item: the first test that holds decides."""
    of_class = [guard for guard in inner if guard.error is error]
    if any(guard.says is None for guard in of_class):
        return None
    *others, last = of_class
    assert last.says is not None
    said = last.says
    for guard in reversed(others):
        assert guard.says is not None
        said = said if guard.says == said else Conditional(guard.test, guard.says, said, TEXT)
    return said


def _of_first(each: Comprehension, fails: Expression, said: Expression | None) -> Expression | None:
    """Return what is said of the first item that fails, where one does."""
    if said is None or isinstance(said, Constant):
        return said
    listed = Comprehension(said, each.variable, checked(each.items), fails, ListOf(TEXT), "list")
    return Item(listed, ZERO, TEXT, certain=True)


def _own(expression: Expression) -> Iterator[Guard]:
    match expression:
        case Item(of, index, certain=False, where=where):
            error = ValueError if where.startswith("ValueError") else IndexError
            test = Formula("$not($exists($a[$b]))", (checked(of), checked(index)), BOOLEAN)
            yield Guard(test, error, None if error is ValueError else _of_index(expression))
        case Entry(of, key, default=None, certain=False):
            yield Guard(Not(Contains(checked(of), checked(key))), KeyError, _of_key(of, key))
        case Formula(text, arguments, fails=True, says=says):
            yield from _of_formula(text, tuple(map(checked, arguments)), says)


def _of_index(item: Item) -> Expression | None:
    """Return what CPython says of an index that a list or tuple has not."""
    kind = acts_as(item.of.kind)
    if item.says:
        return Constant(item.says, TEXT)
    if not isinstance(kind, ListOf | TupleOf):
        return None
    what = "list" if is_list(kind) else "tuple"
    return Constant(f"{what} index out of range", TEXT)


def _of_key(of: Expression, key: Expression) -> Expression | None:
    """Return what CPython says of a key that a dict has not: the `repr` of the key."""
    kind = acts_as(of.kind)
    has_numbers = isinstance(kind, DictOf) and isinstance(kind.key, Integer)
    match key:
        case Constant(str() as text, kind=Text()) if not has_numbers:
            return Constant(repr(text), TEXT)
        case _ if not has_numbers and all(isinstance(each, Text) for each in members(key.kind)):
            return quoted(checked(key))
        case Spelled(number) if has_numbers and isinstance(number.kind, Integer):
            return checked(key)
    return None


def _of_formula(text: str, arguments: tuple[Expression, ...], told: str) -> Iterator[Guard]:
    """Yield what a formula asserts, each as a formula that ends where that stands."""
    says: Expression | None = Formula(told, arguments, TEXT) if told else None
    if _WRITTEN.fullmatch(told):
        says = Constant(told[1:-1], TEXT)
    for each in _RAISED.finditer(text):
        error = raised_as(each[2])
        if error is None:
            continue
        if each[1] == "$b >= 0":  # of `**`, which CPython makes a float of
            raise UnguardedError
        yield Guard(Formula(_up_to(text[: each.start()], f"$not({each[1]})"), arguments, BOOLEAN), error, says)


def _up_to(before: str, test: str) -> str:
    """Return a test with what a formula works out before it, in the blocks in which it stands."""
    opened: list[int] = []
    for place, character in enumerate(before):
        if character == "(":
            opened.append(place)
        elif character == ")":
            opened.pop()
    calls = [place for place in opened if place and (before[place - 1].isalnum() or before[place - 1] == "_")]
    if calls:  # what is called with the block is left out: `$floor((…; $assert(…); …))`
        if ":=" in before[: calls[-1]]:
            raise UnguardedError
        opened = [place for place in opened if place > calls[-1]]
        before = before[calls[-1] + 1 :]
    inner = _RAISED.sub("", before).strip()
    return test if inner == "(" else f"{inner} {test}{')' * len(opened)}"


def checked(expression: Expression) -> Expression:
    """Return an expression that was asked whether it fails."""
    whole = mapped(expression, checked)
    match whole:
        case Item(certain=False) | Entry(default=None):
            return dataclasses.replace(whole, certain=True)
        case Formula(fails=True):
            return dataclasses.replace(whole, fails=False)
    return whole


def asked_before(statement: Statement) -> tuple[list[Guard], Statement]:
    """Return what a statement fails with, and the statement once that was asked; the blocks in it ask for themselves.

    Raises:
        UnguardedError: that cannot be told beforehand.
    """
    match statement:
        case Assign(value=value) | Return(value=value):
            return guards(value), dataclasses.replace(statement, value=checked(value))
        case Raise(message=message):
            return guards(message), dataclasses.replace(statement, message=checked(message))
        case Run(what):
            asked, certain = _of_call(what)
            return asked, dataclasses.replace(statement, what=certain)
        case Sleep(until=until, length=length):
            asked = [*_of_given(until), *_of_given(length)]
            return asked, dataclasses.replace(statement, until=_given(until), length=_given(length))
        case If(arms):
            return _of_arms(arms), dataclasses.replace(
                statement, arms=tuple(dataclasses.replace(arm, test=checked(arm.test)) for arm in arms)
            )
    return [], statement


def _of_call(call: Awaited) -> tuple[list[Guard], Awaited]:
    """Return what a call fails with before it begins, in the order of what it is given: its name comes first."""
    match call:
        case StepCall(arguments=arguments, place=place, timeout=timeout):
            asked = [*_of_given(place.title), *(guard for _, each in arguments for guard in guards(each))]
            given = tuple((name, checked(each)) for name, each in arguments)
            titled = dataclasses.replace(place, title=_given(place.title))
            certain = dataclasses.replace(call, arguments=given, place=titled, timeout=_given(timeout))
            return [*asked, *_of_given(timeout)], certain
        case WorkflowCall(payload=payload, place=place):
            titled = dataclasses.replace(place, title=_given(place.title))
            certain_call = dataclasses.replace(call, payload=checked(payload), place=titled)
            return [*_of_given(place.title), *guards(payload)], certain_call
        case EventWait(place=place, timeout=timeout):
            titled = dataclasses.replace(place, title=_given(place.title))
            asked = [*_of_given(place.title), *_of_given(timeout)]
            return asked, dataclasses.replace(call, place=titled, timeout=_given(timeout))
        case MapCall(items=items):
            return guards(items), dataclasses.replace(call, items=checked(items))
        case Gather(branches=branches) | Race(branches=branches):
            # What the calls are given is worked out before any of them begins. What stands in a nested def has been
            # asked for there.
            asked, certain_branches = list[Guard](), list[Branch]()
            for branch in branches:
                parts = [asked_before(each) for each in branch.body]
                asked += [guard for found, _ in parts for guard in found]
                certain_branches.append(dataclasses.replace(branch, body=tuple(each for _, each in parts)))
            return asked, dataclasses.replace(call, branches=tuple(certain_branches))
    return [], call


def _of_given(value: Expression | None) -> list[Guard]:
    return [] if value is None else guards(value)


def _given(value: Expression | None) -> Expression | None:
    return None if value is None else checked(value)


def _of_arms(arms: tuple[Arm, ...]) -> list[Guard]:
    """Return what tests fail with, of which each is evaluated where those before it do not hold."""
    found: list[Guard] = []
    for number, arm in enumerate(arms):
        own = guards(arm.test)
        for earlier in reversed(arms[:number]):
            own = list(_where(opposite(checked(earlier.test)), own))
        found += own
    return found
