"""From the program tree to states: the control flow of statements, and what is awaited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from durable.compiler.expressions.moments import has_form, instant, is_too_late
from durable.compiler.program.bounds import Waiting, unbounded
from durable.compiler.program.outcomes import (
    ANSWER,
    RESULT,
    join_time,
    list_result,
    tuple_result,
)
from durable.compiler.program.races import expanded
from durable.compiler.program.tree import (
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
    Race,
    RaceCall,
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
from durable.compiler.program.walk import opposite
from durable.compiler.source.names import UNUSED
from durable.compiler.states.budget import Budget
from durable.compiler.states.edges import Inlined, LoopExits, OpenEdges, Target
from durable.compiler.states.machines import MachineBuilder
from durable.compiler.states.states import (
    LATE,
    Choice,
    Edge,
    Machine,
    Map,
    Parallel,
    RaceTask,
    Task,
    TokenTask,
    Wait,
)
from durable.compiler.types.kinds import ListOf
from durable.compiler.types.terms import (
    BOOLEAN,
    INTEGER,
    ONE,
    TEXT,
    ZERO,
    Apply,
    Constant,
    Expression,
    Formula,
    ListDisplay,
    Operation,
    RawExpression,
    Variable,
)
from durable.errors import InvalidTime, TooManyRounds, public_message
from durable.wire import FINAL

# When `create` wrote the header, and not when this execution started: all executions of a run begin their clocks at the
# same time, and so sleep until the same times.
CREATED_AT = RawExpression("$toMillis($states.context.Execution.Input.run.createdAt)", INTEGER)
CLOCK = "at"
SPENT = "events"
TOO_MANY_ITEMS = "if there are too many for "
"""How the names of Choices begin that ask whether a map has too many items."""
_TURN = "($b ? $max([$a, $toMillis($states.context.State.EnteredTime)]) : $a)"
"""When an item of a map begins: with the map, or where as many others are under way already, when one has ended.

The second is the clock of Step Functions and not the run's own: nothing else knows which item ended first.
"""

_Working = Task | TokenTask | RaceTask | Parallel | Map


@dataclass(frozen=True, slots=True)
class _Work:
    """A state that does what is awaited: where its result and the time of its end stand, and how it can fail."""

    state: _Working
    result: Expression
    ended: Expression
    errors: Mapping[str, type[Exception]]


def _in(answer: str, name: str) -> Expression:
    return RawExpression(f"{answer}.{name}", INTEGER)


@dataclass(slots=True)
class Lowering(MachineBuilder):
    """Lowers the statements of one machine.

    Attributes:
        counted: how many of the loops around are capped; steps in none of them count no events.
        finals: for each `finally` under way, how many `except`s stand outside of its `try`.
    """

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
                return self.assign(variable, value, edges)
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
                return self.leave(statement, edges)
            case Raise():
                return self.raise_error(statement, edges)
            case RaiseAgain():
                return self.raise_again(statement, edges)
            case Break() | Continue():
                return self.leave_loop(statement, edges)
            case _:
                assert_never(statement)

    def _run(self, run: Run, edges: OpenEdges) -> OpenEdges:
        match run.what:
            case Gather(branches=(branch,), alone=True):
                return self._in_place(branch, run.variable, edges)
            case Race() as race:
                return self.block(expanded(race, run.variable), edges)
            case StepCall() as step:
                work = self._step(step)
            case EventWait() | WorkflowCall() as wait:
                work = self._external_wait(wait)
            case RaceCall() as call:
                work = self._race_call(call)
            case Gather() as gather:
                work = self._parallel(gather)
            case MapCall() as of:
                edges = self._capped(of, edges) if of.bound is None else edges
                work = self._map(of)
            case _:
                assert_never(run.what)
        # Catch edges first: counting goes through all edges of the state, and an error has had its events too.
        self.catch(work.state, work.errors)
        self._count(work.state, run.what)
        if run.variable is not None:
            work.state.next.set(run.variable, work.result)
        if self.shared.timed:
            work.state.next.set(self.clock, work.ended)
        self.enter(work.state, edges)
        return [work.state.next]

    def _step(self, step: StepCall) -> _Work:
        # The payload tells the step which classes `run` catches. The step itself puts `Final.` before names after that.
        caught = sorted(name for name in self.caught_names() & step.errors.keys() if not name.startswith(FINAL))
        state = Task(step.place.label, step=step, key=step.place.key, caught=tuple(caught))
        return _Work(state, _in(RESULT, "result"), _in(RESULT, "at"), step.errors)

    def _external_wait(self, wait: EventWait | WorkflowCall) -> _Work:
        caught, place = sorted(self.caught_names() & wait.errors.keys()), wait.place
        payload = wait.payload if isinstance(wait, WorkflowCall) else wait.begun
        state = TokenTask(place.label, step=wait, key=place.key, caught=tuple(caught), input=payload)
        state.timeout = wait.timeout if isinstance(wait, EventWait) else None
        return _Work(state, _in(ANSWER, "result"), _in(ANSWER, "at"), wait.errors)

    def _race_call(self, call: RaceCall) -> _Work:
        # The claim says when its branch ended on the run's clock, and the run goes on from that time: when the call
        # itself is made depends on the load.
        at = Variable(self.clock, INTEGER) if self.shared.timed and call.branch is not None else None
        state = RaceTask(call.label, call=call, key=call.place.key, value=call.value, at=at)
        return _Work(state, _in(RESULT, "result"), _in(RESULT, "at"), {})

    def _parallel(self, gather: Gather) -> _Work:
        counting = [number for number, each in enumerate(gather.branches) if _has_rounds(each)]
        budgets = [self.budget.of_branch(max(1, len(counting)), self.shared.variable(SPENT)) for _ in gather.branches]
        now = Variable(self.clock, INTEGER)
        branches = [
            self._branch(each, budget, now, counts=bool(counting))
            for each, budget in zip(gather.branches, budgets, strict=True)
        ]
        state = Parallel(gather.label, branches=branches)
        if counting:  # each branch has had a share of what is left, and says what it has spent of it
            state.next.set(self.budget.spent, self.budget.after_gather(counting))
        result = tuple_result(gather.kinds, self.shared.timed or bool(counting))
        return _Work(state, result, join_time(self.clock), gather.errors)

    def _map(self, call: MapCall) -> _Work:
        deeper = _has_rounds(call.body)
        budget = self.budget.of_item(call, self.shared.variable(SPENT))
        now = Formula(_TURN, (Variable(self.clock, INTEGER), RawExpression(LATE, BOOLEAN)), INTEGER)
        body = self._branch(call.body, budget, now, counts=deeper)
        state = Map(call.label, items=call.items, concurrency=call.concurrency, groups=call.groups, body=body)
        state.timed, state.limit = self.shared.timed, call.limit
        if call.bound is None and not deeper:
            state.cost = self.budget.bounds.costs[call.round]
        state.next.set(self.budget.spent, self.budget.after_map(call, deeper))
        result = list_result(call.element, self.shared.timed or deeper)
        return _Work(state, result, join_time(self.clock), call.errors)

    def _count(self, state: _Working, what: Awaited) -> None:
        """Count the events of a step in a loop by its attempts; those of branches that failed are not known."""
        if isinstance(what, Waiting):
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

    def _branch(self, branch: Branch, budget: Budget, now: Expression, *, counts: bool) -> Machine:
        """Return a machine of its own, whose clock starts at a time."""
        clock = self.shared.variable(CLOCK)
        before = start(self.shared.timed, clock, now, budget)
        # Variables of a branch end with it: what follows the block gets them only in the branch's output.
        beside = ({"at": clock} if self.shared.timed else {}) | ({"events": budget.spent} if counts else {})
        inner = Lowering(self.shared, clock, budget, beside, around=self.caught_names())
        return inner.lower((*branch.before, *branch.body), before)

    def _wait(self, sleep: Sleep, edges: OpenEdges) -> OpenEdges:
        now = Variable(self.clock, INTEGER)
        if sleep.milliseconds is not None or sleep.length is not None:
            length = sleep.length or Constant(sleep.milliseconds, INTEGER)
            # From the logical time, not from the state's entry: a run that was parked or started again sleeps no
            # longer for it.
            until: Expression = Operation("+", now, length, INTEGER)
            after = until
        else:
            assert sleep.until is not None
            until = instant(sleep.until)
            edges = self._checked_time(sleep, sleep.until, until, edges)
            # A time that is past ends at once, and moves no clock back.
            after = Apply("$max", (ListDisplay((now, until), ListOf(INTEGER)),), INTEGER)
        wait = Wait(sleep.label, until=until)
        wait.next.set(self.clock, after)
        self.enter(wait, edges)
        return [wait.next]

    def _checked_time(self, sleep: Sleep, text: Expression, until: Expression, edges: OpenEdges) -> OpenEdges:
        """Return the edge on where a time can be slept until; else InvalidTime is raised.

        Whether a time that is written out is too late is known in the run only, as of any other.
        """
        choice = Choice(f"if {sleep.label} is no time")
        wrong = [] if isinstance(text, Constant) else [choice.rule(opposite(has_form(text)))]
        late = choice.rule(is_too_late(until, Variable(self.clock, INTEGER)))
        self.enter(choice, edges)
        message = Constant(public_message(InvalidTime), TEXT)
        self.raise_error(Raise(InvalidTime, message, f"no time for {sleep.label}"), [*wrong, late])
        return [choice.next]

    def _if(self, statement: If, edges: OpenEdges) -> OpenEdges:
        # The rules are tested in order, so that a later test may rely on what the earlier ones have ruled out, as an
        # `elif` does.
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
        # The head is entered by edges that are not known yet, those of the rounds, so it can take over no assignments
        # of the entry: they would be made again in each round.
        head, frame = Choice(loop.label), LoopExits()
        self.enter(head, edges, joins=True)
        inside, outside = self._rules(loop, head)
        self.loops.append(frame)
        # Steps within count the events that they really took; outside of capped loops all that can happen is in
        # `certain`.
        self.counted += loop.bound is None
        back = self.block((*loop.each, *loop.body), [inside])
        self.counted -= loop.bound is None
        self.loops.pop()
        for edge in [*back, *frame.continues]:
            edge.set(loop.round, Operation("+", Variable(loop.round, INTEGER), ONE, INTEGER))
            edge.target = head
        return self.block(loop.otherwise, [*outside, *frame.exhausted]) + frame.breaks

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
        self.raise_error(Raise(TooManyRounds, message, f"too many rounds of {label}"), edges)

    def _capped(self, call: MapCall, edges: OpenEdges) -> OpenEdges:
        """Return the edge on where the items are not too many."""
        choice = Choice(f"{TOO_MANY_ITEMS}{call.label}")
        many = choice.rule(self.budget.forbids(call))
        self.enter(choice, edges)
        self._too_many(call.label, [many])
        return [choice.next]

    def _try(self, statement: Try, edges: OpenEdges) -> OpenEdges:
        targets = [Target(each.errors, each.variable, each.mends, each.classes) for each in statement.handlers]
        outer = self.finals[statement.final] = len(self.targets)
        # Targets are looked through from the end, so the first `except` has to stand last.
        self.targets += reversed(targets)
        after = self.block(statement.body, edges)
        del self.targets[outer:]
        # Outside of the targets: as in CPython, the `else` and the handlers are not protected by their own `try`.
        after = self.block(statement.otherwise, after)
        for handler, target in zip(statement.handlers, targets, strict=True):
            if target.edges:  # an `except` that nothing can reach has no states
                after += self.block(handler.body, target.edges)
        return after

    def _cleanup(self, statement: Cleanup, edges: OpenEdges) -> OpenEdges:
        """Lower what a `finally` does on its way out: its own `try`, and those inside, catch nothing of it."""
        targets, self.targets = self.targets, self.targets[: self.finals[statement.final]]
        edges = self.block(statement.body, edges)
        self.targets = targets
        return edges


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
