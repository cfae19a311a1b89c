"""The states of a machine and the edges between them, before they are written as Amazon States Language."""

from __future__ import annotations

from dataclasses import dataclass, field

from durable.compiler.names import UNUSED, unique
from durable.compiler.terms import Expression
from durable.compiler.tree import EventWait, StepCall, WorkflowCall
from durable.compiler.walk import may_fail, substitute


@dataclass(slots=True, eq=False)
class Edge:
    """An edge out of a state: the variables it assigns, and its target state or the output that ends the machine.

    Assigned values read the variables as they were before the state. `source` is None for the entry of a machine.
    """

    source: State | None
    assign: dict[str, Expression] = field(default_factory=dict)
    target: State | None = None
    output: Expression | None = None

    def set(self, variable: str, value: Expression) -> None:
        """Add an assignment after those on this edge. A value that may fail is evaluated even if overwritten."""
        value = substitute(value, self.assign)
        before = self.assign.pop(variable, None)
        if before is not None and may_fail(before):
            self.assign[unique(UNUSED, self.assign, "{}_{}")] = before
        self.assign[variable] = value

    def end(self, output: Expression) -> None:
        """End the machine here."""
        self.output = substitute(output, self.assign)


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

    def expressions(self) -> list[Expression]:
        """Return the expressions that the state itself evaluates."""
        return []

    def replace(self, values: dict[str, Expression]) -> None:
        """Replace variables in the expressions of the state itself."""

    def prepend(self, assign: dict[str, Expression]) -> None:
        """Move assignments from before the state into it: its expressions read through them, its edges make them."""
        self.replace(assign)
        for edge in self.edges():
            edge.assign = {**assign, **{name: substitute(each, assign) for name, each in edge.assign.items()}}
            edge.output = edge.output and substitute(edge.output, assign)


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
    """

    step: StepCall = field(kw_only=True)
    key: Expression | None = None
    caught: tuple[str, ...] = ()
    arguments: tuple[tuple[str, Expression], ...] = field(init=False)

    def __post_init__(self) -> None:
        super(Caught, self).__post_init__()
        self.arguments = self.step.arguments

    def expressions(self) -> list[Expression]:
        return [each for _, each in self.arguments] + ([self.key] if self.key else [])

    def replace(self, values: dict[str, Expression]) -> None:
        self.arguments = tuple((name, substitute(each, values)) for name, each in self.arguments)
        self.key = self.key and substitute(self.key, values)


@dataclass(slots=True, eq=False)
class TokenTask(Caught):
    """A step that is completed later, by its task token; `key` and `caught` as in a Task."""

    step: EventWait | WorkflowCall = field(kw_only=True)
    key: Expression | None = None
    caught: tuple[str, ...] = ()
    input: Expression | None = None

    def expressions(self) -> list[Expression]:
        return [each for each in (self.key, self.input) if each]

    def replace(self, values: dict[str, Expression]) -> None:
        self.key = self.key and substitute(self.key, values)
        self.input = self.input and substitute(self.input, values)


@dataclass(slots=True, eq=False)
class Parallel(Caught):
    """Machines side by side; the variables of this one can be read in them."""

    branches: list[Machine] = field(default_factory=list)

    def expressions(self) -> list[Expression]:
        return [each for machine in self.branches for each in machine.expressions()]

    def replace(self, values: dict[str, Expression]) -> None:
        for machine in self.branches:
            machine.substitute(values)


@dataclass(slots=True, eq=False)
class Map(Caught):
    """A machine for each item of a list."""

    items: Expression = field(kw_only=True)
    concurrency: int = 0
    body: Machine = field(kw_only=True)

    def expressions(self) -> list[Expression]:
        return [self.items, *self.body.expressions()]

    def replace(self, values: dict[str, Expression]) -> None:
        self.items = substitute(self.items, values)
        self.body.substitute(values)


@dataclass(slots=True, eq=False)
class Wait(State):
    """A wait until a time in milliseconds."""

    until: Expression = field(kw_only=True)

    def expressions(self) -> list[Expression]:
        return [self.until]

    def replace(self, values: dict[str, Expression]) -> None:
        self.until = substitute(self.until, values)


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

    def replace(self, values: dict[str, Expression]) -> None:
        self.rules = [(substitute(test, values), edge) for test, edge in self.rules]


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

    def replace(self, values: dict[str, Expression]) -> None:
        self.error, self.cause = substitute(self.error, values), substitute(self.cause, values)


AnyState = Task | TokenTask | Parallel | Map | Wait | Choice | Pass | Fail


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
            found += [*edge.assign.values(), *([edge.output] if edge.output is not None else [])]
        return found

    def substitute(self, values: dict[str, Expression]) -> None:
        """Replace variables of the enclosing machine by expressions."""
        for state in self.states:
            state.replace(values)
        for edge in self.edges():
            edge.assign = {name: substitute(each, values) for name, each in edge.assign.items()}
            edge.output = edge.output and substitute(edge.output, values)
