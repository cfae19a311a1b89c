"""From the program tree to states: control flow, with assignments placed on the edges between states.

Lowering keeps the open edges, which have no target yet. An assignment is added to each open edge. A statement that
needs a state makes that state the target of all open edges. The entry edge belongs to no state, so it cannot carry an
assignment: the first state takes it over, or a Pass before it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from durable.compiler.bounds import unbounded
from durable.compiler.budget import Budget
from durable.compiler.edges import Inlined, LoopExits, OpenEdges, Target, can_end, take_over, takes_over
from durable.compiler.errornames import Errors, caught_by, name_of
from durable.compiler.kinds import Integer, ListOf
from durable.compiler.moments import has_form, instant, is_too_late
from durable.compiler.names import UNUSED
from durable.compiler.outcomes import (
    ANSWER,
    RESULT,
    branch_result,
    caught_error,
    cause_text,
    error_cause,
    error_name,
    error_value,
    failure_time,
    join_time,
    list_result,
    tuple_result,
)
from durable.compiler.states import (
    AnyState,
    Catch,
    Caught,
    Choice,
    Edge,
    Fail,
    Machine,
    Map,
    Parallel,
    Pass,
    Task,
    TokenTask,
    Wait,
)
from durable.compiler.terms import (
    TEXT,
    ZERO,
    Apply,
    Comparison,
    Constant,
    Contains,
    Expression,
    ListDisplay,
    Operation,
    RawExpression,
    Variable,
)
from durable.compiler.tree import (
    Assign,
    Awaited,
    Branch,
    Break,
    Cleanup,
    Continue,
    EventWait,
    Gather,
    If,
    Loop,
    MapCall,
    Raise,
    RaiseAgain,
    Return,
    Run,
    Sleep,
    Statement,
    StepCall,
    Try,
    WorkflowCall,
)
from durable.compiler.walk import opposite
from durable.errors import InvalidTime, TooManyRounds, public_message
from durable.wire import FINAL

CREATED_AT = RawExpression("$toMillis($states.context.Execution.Input.run.createdAt)", Integer())
CLOCK = "at"
SPENT = "events"
TOO_MANY_ITEMS = "if there are too many for "
"""How the names of Choices begin that ask whether a map has too many items."""
_INTEGER = Integer()
_MOST_COPIED: Final = 500
"""The size, in terms, of what open edges assign together, above which they are joined by a Pass."""
_ONE = Constant(1, _INTEGER)


@dataclass(slots=True)
class Shared:
    """What all machines of a program share: whether time is carried, and the hidden variables so far."""

    timed: bool
    given: Counter[str] = field(default_factory=Counter)

    def variable(self, stem: str) -> str:
        """Return a new hidden variable."""
        self.given[stem] += 1
        return stem if self.given[stem] == 1 else f"{stem}_{self.given[stem]}"


@dataclass(slots=True)
class Lowering:
    """Lowers one machine; `clock` is its variable of the logical time, `around` what is caught outside of it."""

    shared: Shared
    clock: str
    budget: Budget
    told: Mapping[str, str] | None = None
    around: frozenset[str] = frozenset()
    machine: Machine = field(default_factory=lambda: Machine(Edge(None)))
    targets: list[Target] = field(default_factory=list)
    loops: list[LoopExits] = field(default_factory=list)
    inlined: list[Inlined] = field(default_factory=list)
    counted: int = 0
    finals: dict[str, int] = field(default_factory=dict)

    def lower(self, body: tuple[Statement, ...], before: dict[str, Expression]) -> Machine:
        """Return the machine of a body; what is in `before` holds at its start."""
        for variable, value in before.items():
            self.machine.entry.set(variable, value)
        rest = self.block(body, [self.machine.entry])
        assert not rest, "a body ends in returns and raises"
        return self.machine

    def block(self, body: tuple[Statement, ...], edges: OpenEdges) -> OpenEdges:
        """Lower statements that follow the open edges, and return the edges that are open afterwards."""
        for statement in body:
            if not edges:
                break  # a branch that is awaited here never returns
            edges = self.statement(statement, edges)
        return edges

    def statement(self, statement: Statement, edges: OpenEdges) -> OpenEdges:
        """Lower a statement."""
        match statement:
            case Assign(variable, value):
                return self._assign(variable, value, edges)
            case Run():
                return self._run(statement, edges)
            case Sleep():
                return self._wait(statement, edges)
            case If():
                return self._if(statement, edges)
            case Loop():
                return self._loop(statement, edges)
            case Try():
                return self._try(statement, edges)
            case Cleanup():
                return self._cleanup(statement, edges)
            case Return():
                return self._return(statement, edges)
            case Raise():
                return self._raise(statement, edges)
            case RaiseAgain():
                return self._raise_again(statement, edges)
            case Break() | Continue():
                return self._leave_loop(statement, edges)
            case _:
                assert_never(statement)

    def _assign(self, variable: str, value: Expression, edges: OpenEdges) -> OpenEdges:
        """Assign on all open edges. Edges that hold much are joined first: each would get its own copy."""
        if len(edges) > 1 and sum(edge.size for edge in edges) > _MOST_COPIED:
            joint = Pass("set")
            self.enter(joint, edges)
            edges = [joint.next]
        for edge in edges:
            edge.set(variable, value)
        return edges

    def _leave_loop(self, statement: Break | Continue, edges: OpenEdges) -> OpenEdges:
        leaving = self.loops[-1].breaks if isinstance(statement, Break) else self.loops[-1].continues
        leaving += edges
        return []

    def enter(self, state: AnyState, edges: OpenEdges, *, joins: bool = False) -> None:
        """Make a new state the target of the open edges; with `joins`, other edges will lead to it later."""
        first = edges[0]
        if len(edges) == 1 and first.source is None and not joins and takes_over(state, first):
            take_over(state, first)
        elif any(edge.source is None and edge.sequence for edge in edges):
            edges = [self._set() if edge.source is None else edge for edge in edges]
        for edge in edges:
            edge.target = state
        self.machine.states.append(state)

    def _set(self) -> Edge:
        """Put a Pass at the start that assigns, and return its edge out."""
        entry = self.machine.entry
        first = Pass("set")
        first.next.sequence, entry.sequence = entry.sequence, []
        self.machine.states.append(first)
        entry.target = first
        return first.next

    def _run(self, run: Run, edges: OpenEdges) -> OpenEdges:
        match run.what:
            case Gather(branches=(branch,), alone=True):
                return self._in_place(branch, run.variable, edges)
            case StepCall() as step:
                caught = sorted(name for name in self._caught() & step.errors.keys() if not name.startswith(FINAL))
                state: Task | TokenTask | Parallel | Map = Task(
                    step.place.label, step=step, key=step.place.key, caught=tuple(caught)
                )
                result: Expression = RawExpression(f"{RESULT}.result", _INTEGER)
                ended: Expression = RawExpression(f"{RESULT}.at", _INTEGER)
                errors = step.errors
            case EventWait() | WorkflowCall() as wait:
                caught = sorted(self._caught() & wait.errors.keys())
                payload = wait.payload if isinstance(wait, WorkflowCall) else wait.begun
                place = wait.place
                state = TokenTask(place.label, step=wait, key=place.key, caught=tuple(caught), input=payload)
                result, ended = RawExpression(f"{ANSWER}.result", _INTEGER), RawExpression(f"{ANSWER}.at", _INTEGER)
                errors = wait.errors
            case Gather(label, branches, kinds, errors):
                counting = [number for number, each in enumerate(branches) if _has_rounds(each)]
                state = Parallel(label, branches=self._branches(branches, counting))
                result = tuple_result(kinds, self.shared.timed or bool(counting))
                ended = join_time(self.clock)
                if counting:
                    state.next.set(self.budget.spent, self.budget.after_gather(counting))
            case MapCall() as call:
                edges = self._capped(call, edges) if call.bound is None else edges
                deeper = _has_rounds(call.body)
                body = self._branch(call.body, self.budget.of_item(call, self.shared.variable(SPENT)), counts=deeper)
                state = Map(call.label, items=call.items, concurrency=call.concurrency, body=body)
                state.next.set(self.budget.spent, self.budget.after_map(call, deeper))
                result = list_result(call.element, self.shared.timed or deeper)
                ended = join_time(self.clock)
                errors = call.errors
            case _:
                assert_never(run.what)
        self._catch(state, errors)
        self._count(state, run.what)
        if run.variable is not None:
            state.next.set(run.variable, result)
        if self.shared.timed:
            state.next.set(self.clock, ended)
        self.enter(state, edges)
        return [state.next]

    def _count(self, state: Task | TokenTask | Parallel | Map, what: Awaited) -> None:
        """Count the events of a step in a loop by its attempts; those of branches that failed are not known."""
        if isinstance(what, StepCall | EventWait | WorkflowCall):
            for edge in state.edges() if self.counted else []:
                edge.set(self.budget.spent, self.budget.after_step(what))
            if self.counted and isinstance(state, Task):
                state.counting = self.budget.spent, self.budget.after_step(what)
        elif any(_has_rounds(each) for each in branches_of(what)):
            for each in state.catches:
                each.edge.set(self.budget.spent, self.budget.after_failure())

    def _in_place(self, branch: Branch, variable: str | None, edges: OpenEdges) -> OpenEdges:
        """Lower a branch that is awaited alone: its states are this machine's, and its returns lead on."""
        call = Inlined(variable or self.shared.variable(UNUSED))
        self.inlined.append(call)
        rest = self.block((*branch.before, *branch.body), edges)
        assert not rest, "a body ends in returns and raises"
        self.inlined.pop()
        return call.returns

    def _branches(self, branches: tuple[Branch, ...], counting: list[int]) -> list[Machine]:
        budgets = [self.budget.of_branch(max(1, len(counting)), self.shared.variable(SPENT)) for _ in branches]
        pairs = zip(branches, budgets, strict=True)
        return [self._branch(each, budget, counts=bool(counting)) for each, budget in pairs]

    def _branch(self, branch: Branch, budget: Budget, *, counts: bool) -> Machine:
        """Return a machine of its own, whose clock starts at this one's."""
        clock = self.shared.variable(CLOCK)
        before = start(self.shared.timed, clock, Variable(self.clock, _INTEGER), budget)
        told = ({"at": clock} if self.shared.timed else {}) | ({"events": budget.spent} if counts else {})
        inner = Lowering(self.shared, clock, budget, told, around=self._caught())
        return inner.lower((*branch.before, *branch.body), before)

    def _caught(self) -> frozenset[str]:
        """Return the names of the errors that some `except` catches here."""
        return self.around.union(*(each.errors for each in self.targets))

    def _catch(self, state: Caught, errors: Errors) -> None:
        """Add Catch edges to the enclosing `except`s, inner ones first, for the errors that the state can end with."""
        left = dict(errors)
        for target in reversed(self.targets):
            caught = {name: each for name, each in left.items() if name in target.errors}
            if not caught:
                continue
            left = {name: each for name, each in left.items() if name not in caught}
            edge = Edge(state)
            edge.set(target.variable, caught_error(name_of(caught)))
            if self.shared.timed:
                edge.set(self.clock, failure_time())
            state.catches.append(Catch(tuple(sorted(caught)), edge))
            target.edges.append(edge)

    def _wait(self, sleep: Sleep, edges: OpenEdges) -> OpenEdges:
        now = Variable(self.clock, _INTEGER)
        if sleep.milliseconds is not None or sleep.length is not None:
            length = sleep.length or Constant(sleep.milliseconds, _INTEGER)
            until: Expression = Operation("+", now, length, _INTEGER)
            after = until
        else:
            assert sleep.until is not None
            until = instant(sleep.until)
            if not isinstance(sleep.until, Constant):
                edges = self._checked_time(sleep, sleep.until, until, edges)
            after = Apply("$max", (ListDisplay((now, until), ListOf(_INTEGER)),), _INTEGER)
        wait = Wait(sleep.label, until=until)
        wait.next.set(self.clock, after)
        self.enter(wait, edges)
        return [wait.next]

    def _checked_time(self, sleep: Sleep, text: Expression, until: Expression, edges: OpenEdges) -> OpenEdges:
        """Return the edge on where a time that is data can be slept until; else InvalidTime is raised."""
        choice = Choice(f"if {sleep.label} is no time")
        wrong = choice.rule(opposite(has_form(text)))
        late = choice.rule(is_too_late(until, Variable(self.clock, _INTEGER)))
        self.enter(choice, edges)
        message = Constant(public_message(InvalidTime), TEXT)
        self._raise(Raise(InvalidTime, message, f"no time for {sleep.label}"), [wrong, late])
        return [choice.next]

    def _if(self, statement: If, edges: OpenEdges) -> OpenEdges:
        choice = Choice(statement.arms[0].label)
        starts = [choice.rule(arm.test) for arm in statement.arms]
        self.enter(choice, edges)
        after: OpenEdges = []
        for arm, start in zip(statement.arms, starts, strict=True):
            after += self.block(arm.body, [start])
        return after + self.block(statement.otherwise, [choice.next])

    def _loop(self, loop: Loop, edges: OpenEdges) -> OpenEdges:
        for edge in edges:
            edge.set(loop.round, ZERO)
        head, frame = Choice(loop.label), LoopExits()
        self.enter(head, edges, joins=True)
        inside, outside = self._rules(loop, head)
        self.loops.append(frame)
        self.counted += loop.bound is None
        back = self.block((*loop.each, *loop.body), [inside])
        self.counted -= loop.bound is None
        self.loops.pop()
        for edge in [*back, *frame.continues]:
            edge.set(loop.round, Operation("+", Variable(loop.round, _INTEGER), _ONE, _INTEGER))
            edge.target = head
        return [*outside, *frame.breaks]

    def _rules(self, loop: Loop, head: Choice) -> tuple[Edge, OpenEdges]:
        """Return the edge into the body and those out; past the cap the loop raises TooManyRounds."""
        if loop.bound is not None:
            assert loop.test is not None, "a bounded loop has a test"
            return head.rule(loop.test), [head.next]
        outside = [head.rule(opposite(loop.test))] if loop.test is not None else []
        inside = head.rule(self.budget.allows(loop))
        inside.set(self.budget.spent, self.budget.after_round(loop))
        self._too_many(loop.label, [head.next])
        return inside, outside

    def _too_many(self, label: str, edges: OpenEdges) -> None:
        message = Constant(public_message(TooManyRounds), TEXT)
        self._raise(Raise(TooManyRounds, message, f"too many rounds of {label}"), edges)

    def _capped(self, call: MapCall, edges: OpenEdges) -> OpenEdges:
        """Return the edge on where the items are not too many."""
        choice = Choice(f"{TOO_MANY_ITEMS}{call.label}")
        many = choice.rule(self.budget.forbids(call))
        self.enter(choice, edges)
        self._too_many(call.label, [many])
        return [choice.next]

    def _try(self, statement: Try, edges: OpenEdges) -> OpenEdges:
        targets = [Target(each.errors, each.variable) for each in statement.handlers]
        outer = self.finals[statement.final] = len(self.targets)
        self.targets += reversed(targets)
        after = self.block(statement.body, edges)
        del self.targets[outer:]
        after = self.block(statement.otherwise, after)
        for handler, target in zip(statement.handlers, targets, strict=True):
            if target.edges:
                after += self.block(handler.body, target.edges)
        return after

    def _cleanup(self, statement: Cleanup, edges: OpenEdges) -> OpenEdges:
        """Lower what a `finally` does on its way out: its own `try`, and those inside, catch nothing of it."""
        targets, self.targets = self.targets, self.targets[: self.finals[statement.final]]
        edges = self.block(statement.body, edges)
        self.targets = targets
        return edges

    def _return(self, statement: Return, edges: OpenEdges) -> OpenEdges:
        """End the machine on the open edges; those that cannot end it share a Pass that does."""
        value = statement.value
        if self.inlined:
            self.inlined[-1].returns += self._assign(self.inlined[-1].variable, value, edges)
            return []
        if self.told:
            value = branch_result(value, self.told)
        unable = [edge for edge in edges if not can_end(edge)]
        for edge in edges:
            if can_end(edge):
                edge.output = value
        if unable:
            last = Pass(statement.name or statement.label)
            last.next.output = value
            self.enter(last, unable)
        return []

    def _raise(self, statement: Raise, edges: OpenEdges) -> OpenEdges:
        """Lead to the `except` that catches the error, or fail."""
        name = statement.error.__name__
        for target in reversed(self.targets):
            if target.errors.get(name) is statement.error:
                for edge in edges:
                    error = error_value(Constant(name, TEXT), cause_text(name, statement.message))
                    edge.set(target.variable, error)
                target.edges += edges
                return []
        at = None if self.told is None or not self.shared.timed else Variable(self.clock, _INTEGER)
        cause = cause_text(name, statement.message, at)
        self.enter(Fail(statement.label, error=Constant(name, TEXT), cause=cause), edges)
        return []

    def _raise_again(self, statement: RaiseAgain, edges: OpenEdges) -> OpenEdges:
        """Lead to the `except`s around that catch the error, by its name, or fail."""
        choice, name = Choice(statement.label), error_name(statement.error)
        for target in reversed(self.targets):
            caught = sorted({each.__name__ for each in caught_by(target.errors.values(), statement.errors).values()})
            if caught:
                edge = choice.rule(_is_in(name, caught))
                edge.set(target.variable, statement.error)
                target.edges.append(edge)
        if choice.rules:
            self.enter(choice, edges)
            edges = [choice.next]
        self.enter(Fail(statement.label, error=name, cause=error_cause(statement.error)), edges)
        return []


def start(timed: bool, clock: str, now: Expression, budget: Budget) -> dict[str, Expression]:
    """Return what holds at the start of a machine: the time, and that no round was taken."""
    nothing: dict[str, Expression] = {budget.spent: ZERO}
    return {clock: now, **nothing} if timed else nothing


def branches_of(what: Awaited) -> tuple[Branch, ...]:
    """Return the branches of what is awaited."""
    match what:
        case Gather(branches=branches):
            return branches
        case MapCall(body=body):
            return (body,)
    return ()


def _has_rounds(branch: Branch) -> bool:
    return any(True for _ in unbounded(branch.body))


def _is_in(name: Expression, names: list[str]) -> Expression:
    known = tuple(Constant(each, TEXT) for each in names)
    return Comparison("=", name, known[0]) if len(known) == 1 else Contains(ListDisplay(known, ListOf(TEXT)), name)
