"""The program tree: what a `run` says, typed, and free of both Python's syntax and Amazon's.

Statements nest as they do in the source, with the terms of `terms`; `flow` turns them into states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable.compiler.types.kinds import Kind
from durable.compiler.types.terms import Expression
from durable.retries import Retries, RetryAfter
from durable.signature import Signature


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands: how its state is called, and its key, where blocks or rounds make that another name.

    `races` are the keys of the races around it, the outermost first; `title` is a name that is computed.
    """

    label: str
    key: Expression | None = None
    races: tuple[Expression, ...] = ()
    title: Expression | None = None


@dataclass(frozen=True, slots=True)
class StepCall:
    """`step.do(…)`: a function on a Lambda of its own. `errors` are those it can report, by their name; `catches` are
    the paths of those that only `run` names, in an `except` around it or in `retry_if`.

    `undo_last` says that the undo is an `after_rollback`: it comes after those that are none. `timeout` is one that is
    known in the run, in seconds; then `timeout_seconds` is the longest that there may be.
    """

    name: str
    signature: Signature
    arguments: tuple[tuple[str, Expression], ...]
    retries: Retries
    timeout_seconds: int
    place: Place
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)
    undo: Signature | None = None
    undo_last: bool = False
    sensitive: bool = False
    timeout: Expression | None = None
    catches: tuple[str, ...] = ()

    @property
    def waits_by_itself(self) -> bool:
        """Whether an attempt may say when the next one is due."""
        says = any(issubclass(each, RetryAfter) for each in self.signature.errors().values())
        return self.retries.limit > 0 and (says or self.retries.backoff == "linear")

    @property
    def undo_name(self) -> str:
        """How the step's undo is called: no step can have this name."""
        return f"{self.name}/undo"


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a gather, or the body of a map: statements with variables and a result of their own."""

    body: tuple[Statement, ...]
    before: tuple[Assign, ...] = ()


@dataclass(frozen=True, slots=True)
class Gather:
    """`asyncio.gather(…)`, or one branch awaited alone, whose result is no list."""

    label: str
    branches: tuple[Branch, ...]
    kinds: tuple[Kind, ...]
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)
    alone: bool = False


MOST_OF_A_MAP: Final = 40
"""How many items an inline Map of Step Functions has under way at once."""


@dataclass(frozen=True, slots=True)
class MapCall:
    """`step.map(…)`: the body once for each item, its result a list in the order of the items.

    `round` names the variable of the index, which is unique and so names the map; `element` is the kind of a result.
    `limit` works the concurrency out where only the run knows it.
    """

    label: str
    items: Expression
    round: str
    body: Branch
    concurrency: int
    element: Kind
    line: int
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)
    bound: int | None = None
    limit: Expression | None = None

    @property
    def groups(self) -> int:
        """In how many Maps side by side it is executed: one has 40 items under way at the most."""
        return -(-self.concurrency // MOST_OF_A_MAP)


@dataclass(frozen=True, slots=True)
class EventWait:
    """`step.wait_for_event(…)` of a type; `payload` is an annotation, and `source` how the module writes it.

    Of a `step.callback(…)`, `event` is how the type begins, `begun` the whole type, which the step before has returned,
    and `source` names the step's function. `timeout` as in a StepCall.
    """

    name: str
    event: str
    payload: Any
    source: str
    timeout_seconds: int
    place: Place
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)
    begun: Expression | None = None
    sensitive: bool = False
    timeout: Expression | None = None


@dataclass(frozen=True, slots=True)
class WorkflowCall:
    """`step.call(…)`: a run of another workflow, which is a class."""

    name: str
    workflow: type[Any]
    payload: Expression
    place: Place
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class RaceCall:
    """What a race asks the function of its workflow: `branch` has succeeded with `value`; without one, who has won.

    `waits` says that a branch may wait for an event.
    """

    name: str
    label: str
    place: Place
    branch: int | None = None
    value: Expression | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Race:
    """`step.race(…)`: `errors` are those that each branch can end with, and `name` is its part of the record's keys.

    `variables` are those of a branch's result, of its error, of the errors of all branches, and of the end.
    """

    name: str
    branches: tuple[Branch, ...]
    kinds: tuple[Kind, ...]
    errors: tuple[Mapping[str, type[Exception]], ...]
    place: Place
    variables: tuple[str, str, str, str]


Awaited = StepCall | Gather | MapCall | EventWait | WorkflowCall | Race | RaceCall


@dataclass(frozen=True, slots=True)
class Assign:
    """`variable = value`."""

    variable: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Run:
    """Something awaited; the variable, if any, takes its result."""

    what: Awaited
    variable: str | None


@dataclass(frozen=True, slots=True)
class Sleep:
    """`step.sleep(…)` for milliseconds, known or of the run, or `step.sleep_until(…)` a time as ISO 8601 text."""

    label: str
    milliseconds: int | None
    until: Expression | None
    length: Expression | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """`return value`; `name` is that of `step.complete`, `label` the source."""

    value: Expression
    name: str | None
    label: str


@dataclass(frozen=True, slots=True)
class Raise:
    """`raise Error(message)`."""

    error: type[Exception]
    message: Expression
    label: str


@dataclass(frozen=True, slots=True)
class RaiseAgain:
    """`raise` of an error that was caught. `errors` are those it can be."""

    error: Expression
    label: str
    errors: Mapping[str, type[Exception]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Arm:
    """A condition and what is done where it holds."""

    test: Expression
    label: str
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class If:
    """`if`, `elif`, …, `else`."""

    arms: tuple[Arm, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, or `for` with what it assigns in each round.

    `test` is None for `while True`; `round` names the variable that counts, which is unique and so names the loop;
    `bound` is how many rounds there are at most, where that is known; `otherwise` is done unless a `break` leaves.
    """

    label: str
    test: Expression | None
    body: tuple[Statement, ...]
    round: str
    line: int
    each: tuple[Assign, ...] = ()
    bound: int | None = None
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Break:
    """`break`; `exhausts` says that it stands for the test of the loop, which does not hold any more."""

    exhausts: bool = False


@dataclass(frozen=True, slots=True)
class Continue:
    """`continue`."""


@dataclass(frozen=True, slots=True)
class Handler:
    """`except …`: the errors that it catches, by the name they are reported under; the variable holds which it was.

    `mends` is false where a race catches an error: a retry of the run does that step again.
    """

    errors: Mapping[str, type[Exception]]
    classes: tuple[type[Exception], ...]
    variable: str
    body: tuple[Statement, ...]
    mends: bool = True


@dataclass(frozen=True, slots=True)
class Try:
    """`try`, its handlers, and its `else`.

    A `finally` is a Try around: `final` names it, its handler and its `otherwise` are what is done in the end.
    """

    body: tuple[Statement, ...]
    handlers: tuple[Handler, ...]
    otherwise: tuple[Statement, ...] = ()
    final: str = ""


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What a `finally` does where its `try` is left by a `return`, `break` or `continue`, outside of that `try`."""

    final: str
    body: tuple[Statement, ...]


Statement = Assign | Run | Sleep | Return | Raise | RaiseAgain | If | Loop | Break | Continue | Try | Cleanup


@dataclass(frozen=True, slots=True)
class Program:
    """A whole `run`."""

    body: tuple[Statement, ...]


def blocks(statement: Statement) -> Iterator[tuple[Statement, ...]]:
    """Yield the blocks of statements that stand directly in a statement, those of its branches included."""
    match statement:
        case If(arms, otherwise):
            yield from (arm.body for arm in arms)
            yield otherwise
        case Loop(body=body, otherwise=otherwise):
            yield body
            yield otherwise
        case Try(body, handlers, otherwise):
            yield body
            yield from (each.body for each in handlers)
            yield otherwise
        case Cleanup(body=body):
            yield body
        case Run(Gather(branches=branches) | Race(branches=branches)):
            yield from (each.body for each in branches)
        case Run(MapCall(body=branch)):
            yield branch.body


def walk(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """Yield statements and all that stand in them, in the order of the source."""
    for statement in body:
        yield statement
        for block in blocks(statement):
            yield from walk(block)
