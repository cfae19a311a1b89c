"""Which results of steps `run` only passes on, to other steps or as what it returns: these may travel by reference,
whatever their size. A called workflow counts as a step here.

What an expression looks into, or a condition tests, has to be there itself, and so has what `run` returns within a
list or an object. Variables that are assigned one another are looked at together, as one value under several names. So
are what a branch of a gather, or the body of a map, ends with and the element of the list that comes of it, as long as
the list is only passed on, counted, or taken apart into such elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.program.outcomes import ANSWER, RESULT, result_of
from durable.compiler.program.tree import StepCall, WorkflowCall
from durable.compiler.program.walk import children
from durable.compiler.states.passed_lists import Lists, edges_of, states_of
from durable.compiler.states.states import AnyState, Edge, Machine, Map, Parallel, Task, TokenTask
from durable.compiler.types.annotations import kind_of, result_kind
from durable.compiler.types.kinds import Boolean, Float, Integer, Kind, Null
from durable.compiler.types.terms import Apply, Constant, Expression, Field, Item, RawExpression, Variable

_RESULT: Final = f"{RESULT}.result"
_ANSWER: Final = f"{ANSWER}.result"


@dataclass(frozen=True, slots=True)
class Passed:
    """How the result of a step and its arguments travel.

    Attributes:
        by_reference: whether its result may.
        listed: whether its result may be an element of a map's list: many small ones are large together.
        references: the parameters that may be given a reference.
        lists: the parameters that may be given a list of references.
        read: what looks into the result, as it stands in the source; empty where nothing does.
    """

    by_reference: bool = False
    listed: bool = False
    references: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
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
        self._lists = Lists(machine)
        self._tasks = list(_tasks(machine))
        names = [*(task.step.name for task in self._tasks), *(call.step.name for call in _calls(machine))]
        self._results: dict[str, str] = {name: f"result of {name}" for name in names}
        self._returned: set[str] = set()
        for name in names:
            self._value(self._results[name]).steps.add(name)
        for state in states_of(machine):
            self._read_state(state)
        for edge in edges_of(machine):
            self._read_edge(edge)

    def steps(self) -> Iterator[StepCall]:
        """Yield the steps that may return a reference or be given one."""
        for task in self._tasks:
            passed = self.of(task)
            if passed.by_reference or passed.references or passed.lists:
                yield task.step

    @property
    def may_return(self) -> bool:
        """Whether `run` may return a reference."""
        return any(self._is_passed(each) for each in self._returned)

    def of_call(self, task: TokenTask) -> Passed:
        """Return how the output of a called workflow travels."""
        if task.step.name not in self._results:
            return Passed()
        result = self._value(self._results[task.step.name])
        return Passed(not result.others and not result.read, read=result.read)

    def of(self, task: Task) -> Passed:
        """Return how the result and the arguments of a step travel."""
        references = tuple(name for name, each in task.arguments if self._may_be_reference(each))
        lists = tuple(name for name, each in task.arguments if self._may_hold_references(each))
        name = self._results[task.step.name]
        result = self._value(name)
        # A number is sent as it is. Results of sensitive steps travel by reference whatever their size: executions are
        # logged.
        if _is_small(kind_of(task.step.signature.returns)) and not task.step.sensitive:
            return Passed(references=references, lists=lists)
        listed = any(self._root(each) == self._root(name) for each in self._lists.items)
        return Passed(not result.others and not result.read, listed, references, lists, result.read)

    def _may_be_reference(self, argument: Expression) -> bool:
        name = argument.name if isinstance(argument, Variable) else self._lists.element(argument)
        return name is not None and self._is_passed(name)

    def _may_hold_references(self, argument: Expression) -> bool:
        return any(self._is_passed(each) for each in self._lists.elements(argument))

    def _is_passed(self, name: str) -> bool:
        value = self._value(name)
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
            case Task(arguments=arguments, key=key, timeout=timeout, races=races):
                # A variable that is an argument alone is passed on; all else that the Task evaluates is looked into.
                found: list[Expression] = [
                    self._lists.looked_into(each) for _, each in arguments if not isinstance(each, Variable)
                ]
                found += [each for each in (key, timeout, *races) if each is not None]
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
            self._take(variable, value, edge)
        if edge.output is None:
            return
        ending = self._lists.ending(edge)
        if ending is None:
            self._return(edge.output, edge)
        else:
            self._take(ending, result_of(edge.output), edge)

    def _take(self, name: str, value: Expression, edge: Edge) -> None:
        """Note that a value is assigned to a variable, or is what a branch ends with."""
        element = self._lists.element(value)
        if isinstance(value, Variable):
            self._join(name, value.name)
            if not self._lists.is_alias(name, value.name):
                self._look_at_elements(value, None, edge)
        elif element is not None:
            self._join(name, element)
            self._look(self._lists.looked_into(value), None, edge)
        elif self._is_result(value, edge):
            self._join(name, self._result_name(edge))
        else:
            # A constant, as None, is small and is no reference. A value that the run makes might look like one.
            self._value(name).others |= not isinstance(value, Constant)
            self._look(value, None, edge)
            for each in self._lists.lost(name, value, edge):
                self._note(self._value(each), Variable(name, value.kind), edge)

    def _return(self, value: Expression, edge: Edge) -> None:
        """Note what the run returns: one value that is passed on, or something that is made of values."""
        element = self._lists.element(value)
        if _is_small(value.kind):
            self._look(value, None, edge)
        elif isinstance(value, Variable) and not self._lists.elements(value):
            self._returned.add(value.name)
        elif element is not None:
            self._returned.add(element)
            self._look(self._lists.looked_into(value), None, edge)
        elif self._is_result(value, edge):
            self._returned.add(self._result_name(edge))
        else:
            self._look(value, None, edge)

    def _is_result(self, value: Expression, edge: Edge) -> bool:
        return isinstance(value, RawExpression) and value.text == self._result_at(edge)

    def _result_at(self, edge: Edge) -> str:
        """Return where the result of a step is on the edge out of it; empty where the edge comes from none."""
        match edge.source:
            case Task():
                return _RESULT
            case TokenTask(step=WorkflowCall(name=name)) if name in self._results:
                return _ANSWER
        return ""

    def _result_name(self, edge: Edge) -> str:
        assert isinstance(edge.source, Task | TokenTask)
        return self._results[edge.source.step.name]

    def _look(self, value: Expression, path: Expression | None, at: AnyState | Edge) -> None:
        """Note which variables an expression looks into, and by what.

        Args:
            path: the longest path of fields that the expression is the beginning of.
        """
        element = self._lists.element(value)
        match value:
            case Apply("$count", (Variable() as counted,)) if self._lists.elements(counted):
                return  # of such a list no element is looked at
            case Variable(name):
                self._note(self._value(name), path or value, at)
                self._look_at_elements(value, path, at)
            case Item(index=index) if element is not None:
                self._note(self._value(element), path or value, at)
                self._look(index, None, at)
                return
            case RawExpression(text) if isinstance(at, Edge) and (result := self._result_at(at)) and result in text:
                self._note(self._value(self._result_name(at)), value, at)
        is_path = isinstance(value, Field | Item)
        for each in children(value):
            self._look(each, (path or value) if is_path else None, at)

    def _look_at_elements(self, value: Variable, path: Expression | None, at: AnyState | Edge) -> None:
        for each in self._lists.elements(value):
            self._note(self._value(each), path or value, at)

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


def _tasks(machine: Machine) -> Iterator[Task]:
    yield from (state for state in states_of(machine) if isinstance(state, Task))


def _calls(machine: Machine) -> Iterator[TokenTask]:
    """Yield the calls of workflows whose output may be large."""
    for state in states_of(machine):
        if not isinstance(state, TokenTask) or not isinstance(state.step, WorkflowCall):
            continue
        if not _is_small(result_kind(state.step.workflow)):
            yield state
