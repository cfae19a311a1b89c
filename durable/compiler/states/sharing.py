"""Straight-line assignments as one state can hold them: all values are computed before any variable is assigned.

Assignments that follow each other on an edge read what the ones before them assign. A value that is used once is
written where it is used. A value that is used more often is computed once per expression, as a variable of a JSONata
block, so that a chain of assignments grows by its own length only. An edge that would still hold too much is split by
a Pass state.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from durable.compiler.program.walk import children, depth, mapped, may_fail, reads, size, substitute
from durable.compiler.states.liveness import live_before
from durable.compiler.states.states import Edge, Machine, Pass
from durable.compiler.types.kinds import may_be_none
from durable.compiler.types.terms import (
    Apply,
    Both,
    Comparison,
    Comprehension,
    Concatenation,
    Conditional,
    Constant,
    DictDisplay,
    Either,
    Expression,
    Field,
    Formula,
    Item,
    Joined,
    Let,
    ListDisplay,
    Negation,
    Operation,
    RawExpression,
    Spelled,
    Variable,
)

_INLINE: Final = 60
"""The size, in terms, up to which a value that is used once is written where it is used."""
_DEEPEST: Final = 16
"""The depth up to which values are written into each other. JSONata on AWS may nest 100 deep; a term nests up to 4."""
_MOST: Final = 1_200
"""The size of all values of one edge; about 15 KB."""
_LONGEST_TEXT: Final = 100

_STRICT: Final = (Operation, Negation, Joined, Spelled, Concatenation, Apply, Formula, Comparison)
"""The terms that evaluate all of their parts."""
_BINDING: Final = "#"
"""What names of bindings begin with while a sequence is taken apart; no variable does."""


class Sequence:
    """Assignments one after the other, each value bound once and read by the number of its binding."""

    def __init__(self, assignments: Iterable[tuple[str, Expression]] = ()) -> None:
        self.current: dict[str, int] = {}
        self._values: list[Expression] = []
        # Sets of bindings as the bits of an int: joining them stays fast in a chain of thousands of assignments.
        self._needed: list[int] = []
        self._sizes: list[int] = []
        self._failing: list[int] = []
        for name, value in assignments:
            self.add(name, value)

    def add(self, name: str, value: Expression) -> None:
        """Assign to a variable."""
        self.current[name] = self._bind(self._resolved(value))
        if self.may_fail(self.current[name]):
            self._failing.append(self.current[name])

    def cost(self, variables: Iterable[str], output: Expression | None = None) -> int:
        """Return the size of the values of some variables, and of an output."""
        masks = [self._needed[self.current[each]] for each in variables if each in self.current]
        if output is not None:
            masks.append(self._mask(self._resolved(output)))
        if self._failing:
            # They are evaluated too, in expressions of their own where nothing else evaluates them.
            kept = [self.current[each] for each in variables if each in self.current]
            sure = self.evaluated([*kept, *self._failing], output)
            masks += [self._needed[each] for each in self._failing if each not in sure and each not in kept]
        return sum(sum(self._sizes[position] for position in _bits(mask)) for mask in masks)

    def may_fail(self, position: int) -> bool:
        """Return whether a binding itself may fail, the bindings that it reads left out."""
        return may_fail(self._values[position])

    def evaluated(self, positions: Iterable[int], output: Expression | None) -> set[int]:
        """Return the bindings that are evaluated in any case with some others, or with an output."""
        roots = [self._values[position] for position in positions]
        left = [*roots, *([] if output is None else [self._resolved(output)])]
        found: set[int] = set()
        while left:
            for each in _certain_parts(left.pop()):
                if _is_reference(each) and _position(each) not in found:
                    found.add(_position(each))
                    left.append(self._values[_position(each)])
        return found

    def value_at(self, position: int) -> Expression:
        """Return the value of a binding, in terms of the variables before."""
        return self._written(self._values[position])

    def written(self, expression: Expression) -> Expression:
        """Return an expression that is read after the assignments, in terms of the variables before."""
        return self._written(self._resolved(expression))

    def _bind(self, value: Expression) -> int:
        """Bind a value. The parts of a display are bound before it, but for one that fails where a part does."""
        match value:
            case ListDisplay() | DictDisplay() if may_fail(value):
                pass
            case ListDisplay(elements):
                # Part by part: `[0]` of the list then reads that part alone, and a template keeps each value as JSON.
                value = dataclasses.replace(value, elements=tuple(map(self._part, elements)))
            case DictDisplay(entries):
                parts = tuple((key, self._part(each)) for key, each in entries)
                value = dataclasses.replace(value, entries=parts)
        self._values.append(value)
        self._sizes.append(size(value))
        self._needed.append(self._mask(value) | 1 << (len(self._values) - 1))
        return len(self._values) - 1

    def _part(self, value: Expression) -> Expression:
        """Return an element of a display, bound on its own, so that reading it later does not read the whole."""
        return value if is_cheap(value) or _is_reference(value) else self._reference(self._bind(value), value)

    def _resolved(self, expression: Expression) -> Expression:
        match expression:
            case Variable(name) if name in self.current:
                return self._reference(self.current[name], expression)
            case Constant() | Variable() | RawExpression():
                return expression
            case Comprehension() | Let():  # what is in it may read its variables, and cannot be bound before it
                return mapped(expression, self._read)
            case Conditional(test, body, otherwise):
                # What an arm needs is not bound before it: the arm is evaluated only if its turn comes, and may fail.
                test, body, otherwise = self._resolved(test), self._read(body), self._read(otherwise)
                return dataclasses.replace(expression, test=test, body=body, otherwise=otherwise)
            case Both(left, right) | Either(left, right):
                return dataclasses.replace(expression, left=self._resolved(left), right=self._read(right))
        return self._flattened(self._picked(mapped(expression, self._resolved)))

    def _read(self, expression: Expression) -> Expression:
        """Return an expression that reads bindings, without new ones."""
        match expression:
            case Variable(name) if name in self.current:
                return self._reference(self.current[name], expression)
            case Constant() | Variable() | RawExpression():
                return expression
        return self._picked(mapped(expression, self._read))

    def _flattened(self, expression: Expression) -> Expression:
        """Return an expression that is deep with its parts bound before it, where these are evaluated in any case."""
        if not isinstance(expression, _STRICT) or depth(expression) <= _DEEPEST or may_fail(expression):
            return expression
        return mapped(expression, lambda each: each if depth(each) < 3 else self._part(each))

    def _reference(self, position: int, read_as: Expression) -> Expression:
        value = self._values[position]
        if is_cheap(value) or _is_reference(value):
            return dataclasses.replace(value, kind=read_as.kind)
        return Variable(f"{_BINDING}{position}", read_as.kind)

    def _picked(self, expression: Expression) -> Expression:
        """Return the part itself where a part is read of a list or dict that is written out."""
        match expression:
            case Item(of) | Field(of) if not _is_reference(of) and any(map(may_fail, children(of))):
                return expression  # all of it is evaluated, and may fail in another part
            case Item(of, Constant(int() as index)):
                whole = self._display(of)
                if isinstance(whole, ListDisplay) and -len(whole.elements) <= index < len(whole.elements):
                    return dataclasses.replace(whole.elements[index], kind=expression.kind)
            case Field(of, name):
                whole = self._display(of)
                if isinstance(whole, DictDisplay) and name in (entries := dict(whole.entries)):
                    return dataclasses.replace(entries[name], kind=expression.kind)
        return expression

    def _display(self, expression: Expression) -> Expression:
        return self._values[_position(expression)] if _is_reference(expression) else expression

    def _mask(self, expression: Expression) -> int:
        """Return the bindings that an expression needs, as bits."""
        if _is_reference(expression):
            return self._needed[_position(expression)]
        mask = 0
        for each in children(expression):
            mask |= self._mask(each)
        return mask

    def _written(self, root: Expression) -> Expression:
        """Return an expression without references: a template of written values, or a block that binds them."""
        while _is_reference(root):
            root = self._display(root)
        match root:
            case ListDisplay(elements):
                return dataclasses.replace(root, elements=tuple(self._written(each) for each in elements))
            case DictDisplay(entries):
                return dataclasses.replace(root, entries=tuple((key, self._written(each)) for key, each in entries))
        needed = list(_bits(self._mask(root)))
        return self._block(root, needed) if needed else root

    def _block(self, root: Expression, needed: list[int]) -> Expression:
        uses: Counter[str] = Counter()
        for each in (root, *(self._values[position] for position in needed)):
            _count(each, uses, 1)
        known: dict[str, Expression] = {}
        bindings: list[tuple[str, Expression]] = []
        for position in needed:
            reference = f"{_BINDING}{position}"
            value = substitute(self._values[position], known)
            if uses[reference] == 1 and size(value) <= _INLINE and depth(value) <= _DEEPEST:
                known[reference] = value
                continue
            # No variable of the run has such a name (see `Names.variable`), which in a block would hide it.
            name = f"_{len(bindings) + 1}"
            bindings.append((name, value))
            known[reference] = Variable(name, value.kind)
        body = substitute(root, known)
        return Let(tuple(bindings), body, body.kind) if bindings else body


def _certain_parts(root: Expression) -> Iterable[Expression]:
    """Yield an expression and those parts of it that are evaluated whenever it is."""
    left = [root]
    while left:
        each = left.pop()
        yield each
        match each:
            case Comprehension(items=items):
                left.append(items)
            case Conditional(test=test):
                left.append(test)
            case Both(left=one) | Either(left=one):
                left.append(one)
            case Item() | Field() | ListDisplay() | DictDisplay() | Let():
                left += children(each)
            case _ if isinstance(each, _STRICT):
                left += children(each)


def is_cheap(value: Expression) -> bool:
    """Return whether a value may be written as often as it is used."""
    match value:
        case Constant(str() as text):
            return len(text) <= _LONGEST_TEXT
        case Constant() | Variable():
            return not _is_reference(value)
        case RawExpression():
            return value.is_path
        case Field(of, kind=kind):
            return is_cheap(of) and not may_be_none(kind) and depth(value) < 5
    return False


def _is_reference(expression: Expression) -> bool:
    return isinstance(expression, Variable) and expression.name.startswith(_BINDING)


def _name(reference: Expression) -> str:
    assert isinstance(reference, Variable)
    return reference.name


def _position(reference: Expression) -> int:
    return int(_name(reference).removeprefix(_BINDING))


def _bits(mask: int) -> Iterable[int]:
    position = 0
    while mask:
        if mask & 1:
            yield position
        mask >>= 1
        position += 1


def _count(expression: Expression, uses: Counter[str], times: int) -> None:
    """Count the uses of bindings. A use in a comprehension is one for each item."""
    if _is_reference(expression):
        uses[_name(expression)] += times
    for each in children(expression):
        is_repeated = isinstance(expression, Comprehension) and each is not expression.items
        _count(each, uses, 2 if is_repeated else times)


def share(machine: Machine, spare: Callable[[], str]) -> None:
    """Write what each edge of a machine assigns, and split the edges that hold too much.

    Args:
        spare: gives a new variable for a value that is evaluated only because it may fail.
    """
    live = live_before(machine.states)
    for state in list(machine.states):
        # Also without assignments: what a state evaluates may be too deep by itself, or hold a value twice.
        state.change(Sequence().written)
        for inner in state.inner():
            share(inner, spare)
        for edge in state.edges():
            wanted = live[edge.target] if edge.target is not None else frozenset[str]()
            position = machine.states.index(state) + 1
            machine.states[position:position] = _settle(edge, wanted, spare)


def _settle(edge: Edge, wanted: frozenset[str], spare: Callable[[], str]) -> list[Pass]:
    """Write what an edge assigns. Return the Passes that hold the rest, where it is too much for one state."""
    passes: list[Pass] = []
    while True:
        live = _live_between(edge, wanted)
        end = _end_of_segment(edge, live)
        rest = edge.sequence[end:]
        if not rest:
            _write(edge, wanted, spare)
            return passes
        following = Pass("set")
        following.next.sequence, following.next.target, following.next.output = rest, edge.target, edge.output
        del edge.sequence[end:]
        edge.target, edge.output = following, None
        _write(edge, live[end], spare)
        passes.append(following)
        edge = following.next


def _live_between(edge: Edge, wanted: frozenset[str]) -> list[frozenset[str]]:
    """Return the variables that are needed after each number of assignments of an edge: last, those after the edge."""
    found = [wanted]
    live = wanted | (reads(edge.output) if edge.output is not None else frozenset())
    for name, value in reversed(edge.sequence):
        live = (live - {name}) | reads(value)
        found.append(live)
    return found[::-1]


def _end_of_segment(edge: Edge, live: list[frozenset[str]]) -> int:
    """Return how many assignments fit on an edge."""
    sequence = Sequence()
    for number, (name, value) in enumerate(edge.sequence):
        sequence.add(name, value)
        # At least one assignment is taken, however large: each round of the caller has to get on.
        is_last = number + 1 == len(edge.sequence)
        if number and sequence.cost(live[number + 1], edge.output if is_last else None) > _MOST:
            return number
    return len(edge.sequence)


def _write(edge: Edge, wanted: frozenset[str], spare: Callable[[], str]) -> None:
    sequence = Sequence()
    kept: dict[int, str] = {}
    failing: set[int] = set()
    for name, value in edge.sequence:
        before = sequence.current.get(name)
        if before is not None and before in failing:
            # Nothing reads it, but it may fail: CPython would fail there.
            kept[before] = spare()
        elif before is not None:
            kept.pop(before, None)
        sequence.add(name, value)
        position = sequence.current[name]
        if sequence.may_fail(position):
            failing.add(position)
        if name in wanted or position in failing:
            kept[position] = name
    sure = sequence.evaluated(kept, edge.output)
    kept = {position: name for position, name in kept.items() if name in wanted or position not in sure}
    edge.assign = {name: sequence.value_at(position) for position, name in sorted(kept.items())}
    if edge.output is not None:
        edge.output = sequence.written(edge.output)
