"""The states of a machine and the edges between them, before they are written as Amazon States Language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from durable.compiler.program.tree import EventWait, RaceCall, StepCall, WorkflowCall
from durable.compiler.program.walk import size
from durable.compiler.types.terms import Expression

Change = Callable[[Expression], Expression]
LATE: Final = "$states.input.late"
"""Whether an item of a map began when others had ended; what a timed Map says to its items."""


# eq=False in this module: states and edges are told apart by identity, and are keys of dicts.
@dataclass(slots=True, eq=False)
class Edge:
    """An edge out of a state: the variables it assigns, and its target state or the output that ends the machine.

    `source` is None for the entry of a machine.

    Attributes:
        sequence: the assignments in their order; each value reads what those before it assign.
        assign: the same as the state has it: all values read the variables as they were before the state.
        size: how many terms the sequence has.
    """

    source: State | None
    sequence: list[tuple[str, Expression]] = field(default_factory=list)
    assign: dict[str, Expression] = field(default_factory=dict)
    target: State | None = None
    output: Expression | None = None
    size: int = 0

    def set(self, variable: str, value: Expression) -> None:
        """Add an assignment after those on this edge."""
        self.sequence.append((variable, value))
        # Kept as it grows: it is asked for at each state that an edge leads to, and counting walks all terms.
        self.size += size(value)


# Of all here `eq=False`: they are the nodes and arrows of a graph, kept in sets and compared by identity.
@dataclass(slots=True, eq=False)
class State:
    """A state; `next` is its edge on success."""

    label: str
    next: Edge = field(init=False)

    def __post_init__(self) -> None:
        self.next = Edge(self)

    def edges(self) -> list[Edge]:
        """Return all outgoing edges."""
        return [self.next]

    def inner(self) -> list[Machine]:
        """Return the machines that run in it."""
        return []

    def expressions(self) -> list[Expression]:
        """Return the expressions that the state itself evaluates."""
        return []

    def change(self, change: Change) -> None:
        """Change the expressions that the state itself evaluates."""


@dataclass(slots=True, eq=False)
class Catch:
    """The edge that is taken for errors of these names."""

    names: tuple[str, ...]
    edge: Edge


@dataclass(slots=True, eq=False)
class Caught(State):
    """A state that may fail, with its Catch edges."""

    catches: list[Catch] = field(default_factory=list)

    def edges(self) -> list[Edge]:
        return [self.next, *(each.edge for each in self.catches)]


@dataclass(slots=True, eq=False)
class Task(Caught):
    """A step; `key` is the path of blocks and rounds, where that differs from the name.

    `caught` are the errors of the step that an `except` catches, here or around the block that it is in.
    `counting` is the variable of the rounds' events, and what an attempt adds to it after which the step waits.
    """

    step: StepCall = field(kw_only=True)
    key: Expression | None = None
    caught: tuple[str, ...] = ()
    counting: tuple[str, Expression] | None = None
    arguments: tuple[tuple[str, Expression], ...] = field(init=False)
    timeout: Expression | None = field(init=False)
    title: Expression | None = field(init=False)
    races: tuple[Expression, ...] = field(init=False)

    def __post_init__(self) -> None:
        # `super()` without arguments fails here: slots=True makes the class anew, and the method knows the first one.
        super(Caught, self).__post_init__()
        self.arguments, self.timeout, self.races = self.step.arguments, self.step.timeout, self.step.place.races
        self.title = None if self.step.sensitive else self.step.place.title

    def expressions(self) -> list[Expression]:
        rest = [each for each in (self.key, self.timeout, self.title, *self.races) if each]
        return [each for _, each in self.arguments] + rest

    def change(self, change: Change) -> None:
        self.arguments = tuple((name, change(each)) for name, each in self.arguments)
        self.key, self.timeout = self.key and change(self.key), self.timeout and change(self.timeout)
        self.title = self.title and change(self.title)
        self.races = tuple(map(change, self.races))


@dataclass(slots=True, eq=False)
class TokenTask(Caught):
    """A step that is completed later, by its task token; `key` and `caught` as in a Task."""

    step: EventWait | WorkflowCall = field(kw_only=True)
    key: Expression | None = None
    caught: tuple[str, ...] = ()
    input: Expression | None = None
    timeout: Expression | None = None
    title: Expression | None = field(init=False)
    races: tuple[Expression, ...] = field(init=False)

    def __post_init__(self) -> None:
        super(Caught, self).__post_init__()
        hidden = isinstance(self.step, EventWait) and self.step.sensitive
        self.races, self.title = self.step.place.races, None if hidden else self.step.place.title

    def expressions(self) -> list[Expression]:
        return [each for each in (self.key, self.input, self.timeout, self.title, *self.races) if each]

    def change(self, change: Change) -> None:
        self.key, self.timeout = self.key and change(self.key), self.timeout and change(self.timeout)
        self.title = self.title and change(self.title)
        self.input = self.input and change(self.input)
        self.races = tuple(map(change, self.races))


@dataclass(slots=True, eq=False)
class RaceTask(Caught):
    """A call of the function that decides races; `at` is when the branch ended that has succeeded."""

    call: RaceCall = field(kw_only=True)
    key: Expression | None = None
    value: Expression | None = None
    at: Expression | None = None
    races: tuple[Expression, ...] = field(init=False)

    def __post_init__(self) -> None:
        super(Caught, self).__post_init__()
        self.races = self.call.place.races

    def expressions(self) -> list[Expression]:
        return [each for each in (self.key, self.value, self.at, *self.races) if each]

    def change(self, change: Change) -> None:
        self.key, self.value = self.key and change(self.key), self.value and change(self.value)
        self.at = self.at and change(self.at)
        self.races = tuple(map(change, self.races))


@dataclass(slots=True, eq=False)
class Parallel(Caught):
    """Machines side by side; the variables of this one can be read in them."""

    branches: list[Machine] = field(default_factory=list)

    def inner(self) -> list[Machine]:
        return self.branches

    def expressions(self) -> list[Expression]:
        return [each for machine in self.branches for each in machine.expressions()]

    def change(self, change: Change) -> None:
        for machine in self.branches:
            machine.change(change)


@dataclass(slots=True, eq=False)
class Map(Caught):
    """A machine for each item of a list.

    Attributes:
        cost: the events of an item at most, where it can go through its items in parts.
        timed: the machine reads `LATE`: whether its item has waited for others to end.
        limit: works the concurrency out where only the run knows it.
    """

    items: Expression = field(kw_only=True)
    concurrency: int = 0
    groups: int = 1
    cost: int | None = None
    timed: bool = False
    limit: Expression | None = None
    body: Machine = field(kw_only=True)

    def inner(self) -> list[Machine]:
        return [self.body]

    def expressions(self) -> list[Expression]:
        return [self.items, *([self.limit] if self.limit else []), *self.body.expressions()]

    def change(self, change: Change) -> None:
        self.items = change(self.items)
        self.limit = change(self.limit) if self.limit else None
        self.body.change(change)


@dataclass(slots=True, eq=False)
class Wait(State):
    """A wait until a time in milliseconds."""

    until: Expression = field(kw_only=True)

    def expressions(self) -> list[Expression]:
        return [self.until]

    def change(self, change: Change) -> None:
        self.until = change(self.until)


@dataclass(slots=True, eq=False)
class Choice(State):
    """Rules, tested in order; `next` is the default edge."""

    rules: list[tuple[Expression, Edge]] = field(default_factory=list)

    def edges(self) -> list[Edge]:
        return [*(edge for _, edge in self.rules), self.next]

    def rule(self, test: Expression) -> Edge:
        """Add a rule and return its edge."""
        edge = Edge(self)
        self.rules.append((test, edge))
        return edge

    def expressions(self) -> list[Expression]:
        return [test for test, _ in self.rules]

    def change(self, change: Change) -> None:
        self.rules = [(change(test), edge) for test, edge in self.rules]


@dataclass(slots=True, eq=False)
class Pass(State):
    """A state that only assigns, or only ends the machine."""


@dataclass(slots=True, eq=False)
class Fail(State):
    """The end of a machine with an error."""

    error: Expression = field(kw_only=True)
    cause: Expression = field(kw_only=True)

    def edges(self) -> list[Edge]:
        return []

    def expressions(self) -> list[Expression]:
        return [self.error, self.cause]

    def change(self, change: Change) -> None:
        self.error, self.cause = change(self.error), change(self.cause)


AnyState = Task | TokenTask | RaceTask | Parallel | Map | Wait | Choice | Pass | Fail


@dataclass(slots=True, eq=False)
class Machine:
    """A state machine; `entry` is the edge to its first state."""

    entry: Edge
    states: list[AnyState] = field(default_factory=list)

    def edges(self) -> list[Edge]:
        """Return all edges: the entry, and those of the states."""
        return [self.entry, *(edge for state in self.states for edge in state.edges())]

    def expressions(self) -> list[Expression]:
        """Return all expressions of the machine."""
        found = [each for state in self.states for each in state.expressions()]
        for edge in self.edges():
            found += [*(value for _, value in edge.sequence), *([edge.output] if edge.output is not None else [])]
        return found

    def change(self, change: Change) -> None:
        """Change all expressions of the machine."""
        for state in self.states:
            state.change(change)
        for edge in self.edges():
            edge.sequence = [(name, change(each)) for name, each in edge.sequence]
            edge.output = edge.output and change(edge.output)
