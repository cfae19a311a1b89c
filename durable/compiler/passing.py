"""Which results of steps `run` only passes on to other steps: these may travel by reference, whatever their size.

What an expression looks into, a condition tests or `run` returns has to be there itself. Variables that are assigned
one another are looked at together, as one value under several names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.annotations import kind_of
from durable.compiler.kinds import Boolean, Float, Integer, Kind, Null
from durable.compiler.outcomes import RESULT
from durable.compiler.states import AnyState, Edge, Machine, Map, Parallel, Task
from durable.compiler.terms import Constant, Expression, Field, Item, RawExpression, Variable
from durable.compiler.tree import StepCall
from durable.compiler.walk import children

_RESULT: Final = f"{RESULT}.result"


@dataclass(frozen=True, slots=True)
class Passed:
    """How the result of a step and its arguments travel.

    Attributes:
        by_reference: whether its result may.
        references: the parameters that may be given a reference.
        read: what looks into the result, as it stands in the source; empty where nothing does.
    """

    by_reference: bool = False
    references: tuple[str, ...] = ()
    read: str = ""


@dataclass(slots=True)
class _Value:
    """What is known of a value under all of its names.

    Attributes:
        steps: whose results it is.
        others: whether it may be something else than these, or None.
        read: what looks into it.
    """

    steps: set[str] = field(default_factory=set)
    others: bool = False
    read: str = ""


class Passing:
    """How results and arguments of a machine's steps travel."""

    def __init__(self, machine: Machine) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, _Value] = {}
        self._tasks = list(_tasks(machine))
        self._results: dict[str, str] = {task.step.name: f"result of {task.step.name}" for task in self._tasks}
        for task in self._tasks:
            self._value(self._results[task.step.name]).steps.add(task.step.name)
        for state in _states(machine):
            self._read_state(state)
        for edge in _edges(machine):
            self._read_edge(edge)

    def steps(self) -> Iterator[StepCall]:
        """Yield the steps that may return a reference or be given one."""
        for task in self._tasks:
            passed = self.of(task)
            if passed.by_reference or passed.references:
                yield task.step

    def of(self, task: Task) -> Passed:
        """Return how the result and the arguments of a step travel."""
        references = tuple(name for name, each in task.arguments if self._may_be_reference(each))
        result = self._value(self._results[task.step.name])
        if _is_small(kind_of(task.step.signature.returns)) and not task.step.sensitive:
            return Passed(references=references)
        return Passed(not result.others and not result.read, references, result.read)

    def _may_be_reference(self, argument: Expression) -> bool:
        if not isinstance(argument, Variable):
            return False
        value = self._value(argument.name)
        return bool(value.steps) and not value.others and not value.read

    def _value(self, name: str) -> _Value:
        return self._values.setdefault(self._root(name), _Value())

    def _root(self, name: str) -> str:
        while (other := self._names.get(name, name)) != name:
            name = other
        return name

    def _join(self, one: str, other: str) -> None:
        """Say that two names may have one value."""
        first, second = self._root(one), self._root(other)
        if first == second:
            return
        mine, theirs = self._value(first), self._values.pop(second, _Value())
        mine.steps |= theirs.steps
        mine.others |= theirs.others
        mine.read = mine.read or theirs.read
        self._names[second] = first

    def _read_state(self, state: AnyState) -> None:
        match state:
            case Task(arguments=arguments, key=key):
                found = [each for _, each in arguments if not isinstance(each, Variable)] + ([key] if key else [])
            case Parallel():
                found = []  # what stands in its branches is looked at by itself
            case Map(items=items):
                found = [items]
            case _:
                found = state.expressions()
        for each in found:
            self._look(each, None, state)

    def _read_edge(self, edge: Edge) -> None:
        for variable, value in edge.sequence:
            if isinstance(value, Variable):
                self._join(variable, value.name)
            elif self._is_result(value, edge):
                assert isinstance(edge.source, Task)
                self._join(variable, self._results[edge.source.step.name])
            else:
                self._value(variable).others |= not isinstance(value, Constant)
                self._look(value, None, edge)
        if edge.output is not None:
            self._look(edge.output, None, edge)

    def _is_result(self, value: Expression, edge: Edge) -> bool:
        return isinstance(value, RawExpression) and value.text == _RESULT and isinstance(edge.source, Task)

    def _look(self, value: Expression, path: Expression | None, at: AnyState | Edge) -> None:
        """Note which variables an expression looks into, and by what.

        Args:
            path: the longest path of fields that the expression is the beginning of.
        """
        match value:
            case Variable(name):
                self._note(self._value(name), path or value, at)
            case RawExpression(text) if _RESULT in text and isinstance(at, Edge) and isinstance(at.source, Task):
                self._note(self._value(self._results[at.source.step.name]), value, at)
        is_path = isinstance(value, Field | Item)
        for each in children(value):
            self._look(each, (path or value) if is_path else None, at)

    def _note(self, found: _Value, by: Expression, at: AnyState | Edge) -> None:
        found.read = found.read or _said(by, at)


def _said(by: Expression, at: AnyState | Edge) -> str:
    """Return what looks into a value, for a message: the expression as Python has it, or else where it stands."""
    path = _path(by)
    if path and "." in path:
        return f"`{path}`"
    if isinstance(at, Edge):
        return "the value that `run` returns" if by is at.output else f"an expression on `{path or '…'}`"
    return f"`{at.label}`"


def _path(value: Expression) -> str:
    match value:
        case Variable(name):
            return name
        case Field(of, name):
            return f"{_path(of)}.{name}" if _path(of) else ""
        case Item(of, index):
            return f"{_path(of)}[{index.value}]" if isinstance(index, Constant) and _path(of) else ""
    return ""


def _is_small(kind: Kind) -> bool:
    """Return whether no value of a kind is large."""
    return isinstance(kind, Null | Boolean | Integer | Float)


def _machines(machine: Machine) -> Iterator[Machine]:
    yield machine
    for state in machine.states:
        for inner in state.branches if isinstance(state, Parallel) else [state.body] if isinstance(state, Map) else []:
            yield from _machines(inner)


def _states(machine: Machine) -> Iterator[AnyState]:
    yield from (state for each in _machines(machine) for state in each.states)


def _edges(machine: Machine) -> Iterator[Edge]:
    yield from (edge for each in _machines(machine) for edge in each.edges())


def _tasks(machine: Machine) -> Iterator[Task]:
    yield from (state for state in _states(machine) if isinstance(state, Task))
