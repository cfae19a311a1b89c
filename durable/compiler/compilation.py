"""Compiling a workflow: from its class to what is deployed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable.compiler.asl.walk import retried_late
from durable.compiler.asl.writer import Writer
from durable.compiler.expressions.expressions import ExpressionReader
from durable.compiler.expressions.scope import Local, Scope, assigned_names
from durable.compiler.program.bounds import MOST_EVENTS, Bounds, bounds, with_caps
from durable.compiler.program.outcomes import messages_read
from durable.compiler.program.retriers import RETRY_SECONDS
from durable.compiler.program.tree import EventWait, Program, Race, Run, Sleep, StepCall, WorkflowCall, walk
from durable.compiler.source.names import UNUSED, Names, placeholders
from durable.compiler.source.problems import Problems
from durable.compiler.source.source import Source, read_source
from durable.compiler.statements.reading import Frame, Reading
from durable.compiler.statements.statements import StatementReader
from durable.compiler.statements.steps import StepReader
from durable.compiler.states.budget import Budget, number
from durable.compiler.states.flow import CLOCK, CREATED_AT, SPENT, Lowering, start
from durable.compiler.states.liveness import prune
from durable.compiler.states.machines import Shared
from durable.compiler.states.passing import Passing
from durable.compiler.states.sharing import share
from durable.compiler.types.annotations import result_kind
from durable.compiler.types.kinds import Event
from durable.compiler.types.payload import payload_kind
from durable.compiler.types.secrecy import shows_secret
from durable.compiler.types.terms import RawExpression
from durable.errors import CompileError
from durable.modules import place_of
from durable.retries import Retries
from durable.signature import Signature
from durable.workflow import WorkflowEntrypoint

_LARGEST: Final = 1_000_000
"""The size of a definition, in bytes; Step Functions takes 1 MB, the placeholders filled in."""


@dataclass(frozen=True, slots=True)
class StepUse:
    """A step of a workflow: what runs on its Lambda, and `${placeholder}`, which stands for that in the definition.

    The undo of a step is one too, which `undoes` that step; only a rollback runs it.
    """

    name: str
    function: Callable[..., Any]
    signature: Signature
    retries: Retries
    timeout_seconds: int
    placeholder: str
    undoes: str | None = None


@dataclass(frozen=True, slots=True)
class EventUse:
    """A wait for an event: its name, the type, the payload as an annotation, and how that is written in the module."""

    name: str
    type: str
    payload: Any
    source: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class CallUse:
    """A call of another workflow: the name of the step, and the class."""

    name: str
    workflow: type[WorkflowEntrypoint[Any]]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A workflow, compiled.

    Attributes:
        definition: in Amazon States Language, with a placeholder for each step's function.
        text: the definition as it is committed beside the class.
        steps: what it names, in the order of the source.
        events: its waits for events, in the order of the source.
        calls: its calls of other workflows, in the order of the source.
        notes: what the bounds of its loops mean.
        segment_notes: those of them that hold where runs execute in segments too.
        has_races: whether something races in it.
        values: the placeholders of what may write or read large values.
        may_return: whether what it returns may be a large value.
    """

    definition: dict[str, Any]
    text: str
    steps: tuple[StepUse, ...]
    events: tuple[EventUse, ...] = ()
    calls: tuple[CallUse, ...] = ()
    notes: tuple[str, ...] = ()
    segment_notes: tuple[str, ...] = ()
    has_races: bool = False
    values: frozenset[str] = frozenset()
    may_return: bool = False

    @property
    def payloads(self) -> Mapping[str, Any]:
        """The type of the payload of each event that it waits for, callbacks included, by the event's type."""
        return {each.type: each.payload for each in self.events}

    @property
    def has_waits(self) -> bool:
        """Whether it needs the function that begins waits for events and decides races."""
        return bool(self.events) or self.has_races


@functools.cache
def compile_workflow(workflow: type[WorkflowEntrypoint[Any]]) -> Compiled:
    """Compile a workflow class.

    Raises:
        CompileError: its `run` says something that cannot be compiled; a `CompileErrors` where there is more.
    """
    try:
        return _compiled(workflow)
    except RecursionError:
        what = f"{workflow.__name__}.run nests deeper than Python's recursion limit"
        raise CompileError(*place_of(workflow), what, "move parts of it into workflows that `step.call` runs") from None


def _compiled(workflow: type[WorkflowEntrypoint[Any]]) -> Compiled:
    program = read_program(workflow)
    # Bounds are counted on the tree: the number of events follows from what a statement says, not from how its states
    # are written.
    found = bounds(program)
    timed = any(isinstance(statement, Sleep) for statement in walk(program.body))
    shared = Shared(timed)
    clock, budget = shared.variable(CLOCK), Budget(found, shared.variable(SPENT), number(found.rounds))
    machine = Lowering(shared, clock, budget).lower(program.body, start(timed, clock, CREATED_AT, budget))
    # The order of the passes matters. `prune` goes first: what nothing reads would look to `Passing` like a use of a
    # result. `share` goes last: it rewrites values as blocks of JSONata, into which no other pass looks.
    prune(machine)
    passing = Passing(machine)
    share(machine, lambda: shared.variable(UNUSED))
    steps = {step.name: step for step in _steps(program)}
    undone = {step.undo_name for step in steps.values() if step.undo}
    # Undos come last: a name that is taken gets a number, and so no step is renamed because another one can be undone.
    names = placeholders([*steps, *sorted(undone)])
    definition = {
        "QueryLanguage": "JSONata",
        **Writer(names, set(), passing, messages_read(program.body)).machine(machine),
    }
    text = json.dumps(definition, indent=2, ensure_ascii=False) + "\n"
    # The placeholders are not filled in yet: an ARN is longer, but only a definition near the limit would notice.
    written = len(json.dumps(definition, ensure_ascii=False, separators=(",", ":")).encode())
    if written > _LARGEST:
        what = f"the state machine of {workflow.__name__} has {written:,} bytes, and Step Functions takes {_LARGEST:,}"
        raise CompileError(*place_of(workflow), what, "move parts of it into workflows that `step.call` runs")
    uses = tuple(each for step in steps.values() for each in _uses(step, names))
    races = any(isinstance(each, Run) and isinstance(each.what, Race) for each in walk(program.body))
    events, calls = tuple(_events(program)), tuple(_calls(program))
    lending = {each.name for each in passing.steps()}
    values = frozenset(each.placeholder for each in uses if (each.undoes or each.name) in lending)
    moved = tuple(_moved(definition))
    notes = (*found.branch_notes, *moved)
    may_return = passing.may_return
    return Compiled(definition, text, uses, events, calls, found.notes, notes, races, values, may_return)


def _moved(definition: dict[str, Any]) -> Iterator[str]:
    """Yield notes on races that would execute on Express, and cost a fraction, but for their steps' retries."""
    for name, state in definition["States"].items():
        late = retried_late(state) if state["Type"] in ("Parallel", "Map") else []
        if late:
            steps = ", ".join(f'"{each}"' for each in late)
            yield (
                f"`{name}` executes on Standard: the delays of the retries of {steps} come to more than {RETRY_SECONDS}"
                ' seconds; with less, as in retries=Retries(limit=2, delay="5 seconds"), the race stays on Express'
            )


def read_program(workflow: type[WorkflowEntrypoint[Any]]) -> Program:
    """Return the program tree of a workflow's `run`."""
    source = read_source(workflow)
    problems = Problems(source.file)
    this, event, step = (each.arg for each in source.run.args.args)
    names = Names(step, assigned_names(source.run.body), this)
    expressions = ExpressionReader(source, names, workflow)
    payload = payload_kind(workflow, source)
    scope = Scope({event: Local(RawExpression("", Event(payload)))})
    frame = Frame(declared=result_kind(workflow))
    reading = Reading(expressions, StepReader(expressions), problems, frame, scope, source.run)
    reader = StatementReader(reading)
    body = reader.body(source.run.body)
    reader.definitions.report_unused()
    problems.check()
    # Checked here and not with the annotation: what is returned may be of a narrower type, or there may be no
    # annotation.
    if any(shows_secret(each) for each in reading.frame.returns):
        found = "run returns a SecretStr, and the output of a run is shown"
        raise CompileError(source.file, source.run.lineno, found, "return something else")
    return _within_history(source, Program(body))


def _within_history(source: Source, program: Program) -> Program:
    """Return a program whose events, but for those of capped loops, fit into the history of a Standard execution.

    A loop with a written number of rounds needs no cap as long as all of them fit. Where they do not, it is capped as
    any other: on Express the cap is taken out again, since there is no history.
    """
    # First without caps on the loops of written length: a cap costs expressions in each round, and is one more error
    # that the run can end with. Most programs need none.
    if _fits(bounds(program)):
        return program
    capped = with_caps(program)
    found = bounds(capped)
    if not _fits(found):
        what = f"the run can have {found.certain:,} events, and an execution holds {MOST_EVENTS:,}"
        raise CompileError(source.file, source.run.lineno, what, "lower `retries`, or move rounds into steps")
    return capped


def _fits(found: Bounds) -> bool:
    return min([found.rounds, *(found.rounds - each for each in found.costs.values())]) >= 0


def _uses(step: StepCall, names: Mapping[str, str]) -> Iterator[StepUse]:
    """Yield a step and its undo, which has the step's retries and timeout."""
    signature, options = step.signature, (step.retries, step.timeout_seconds)
    yield StepUse(step.name, signature.function, signature, *options, names[step.name])
    if step.undo is not None:
        yield StepUse(step.undo_name, step.undo.function, step.undo, *options, names[step.undo_name], step.name)


def _steps(program: Program) -> Iterator[StepCall]:
    for statement in walk(program.body):
        if isinstance(statement, Run) and isinstance(statement.what, StepCall):
            yield statement.what


def _events(program: Program) -> Iterator[EventUse]:
    found: dict[str, EventUse] = {}
    for statement in walk(program.body):
        match statement:
            case Run(EventWait(name, type, payload, source, timeout)):
                found.setdefault(name, EventUse(name, type, payload, source, timeout))
    yield from found.values()


def _calls(program: Program) -> Iterator[CallUse]:
    found: dict[str, CallUse] = {}
    for statement in walk(program.body):
        match statement:
            case Run(WorkflowCall(name, workflow)):
                found.setdefault(name, CallUse(name, workflow))
    yield from found.values()
