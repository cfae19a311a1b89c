"""A deployment on the simulated services: the real record, wrapper, waits, transitions, undo and reconcilers."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from durable import StepContext
from durable.bindings.limits import Limits
from durable.errors import CallbackUnknown, RunNotFound, Throttled
from durable.operations.large_values import sweep
from durable.operations.lifecycle import Lifecycle
from durable.operations.reconciler import Reconciler
from durable.operations.segment_reconciler import SegmentReconciler
from durable.operations.waker import Waker
from durable.runs.runs import Runs
from durable.runs.watches import is_watch
from durable.signature import Signature
from durable.steps.callbacks import Callbacks
from durable.steps.children import CallHandler, Children
from durable.steps.events import Events
from durable.steps.parked import ParkedTokens, ParkingHandler
from durable.steps.races import RaceHandler
from durable.steps.step import StepHandler
from durable.steps.turn import TurnHandler
from durable.steps.undo import Rollback, UndoHandler
from durable.steps.waits import EventHandler
from durable.store.callback_tokens import named_by
from durable.store.conditions import DUE, RUN
from durable.store.keys import StepKey, header_key, is_child
from durable.store.leases import Leases
from durable.store.machines import ExecutionState, MachinesBusy, segment_of, workflow_of
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Key, TableBusy
from durable.wire import CALLS, EVENTS, RACES, TURN
from durable.workflow import payload_type
from tests.simulation import machines, trial
from tests.simulation.aws import DynamoDB, Faults, Lambda, StepFunctions
from tests.simulation.kernel import DAY, HOUR, MINUTE, SECOND, Ended, Kernel, Killed
from tests.simulation.machines import WORKFLOWS
from tests.simulation.slow import SlowSegments, SlowValues

REDELIVERY_MS = 30 * SECOND
RENEW_MS = 10 * SECOND
STANDARD_LOOK_MS = 20 * MINUTE
"""How often the reconciler runs while all that is at work is on Standard."""
GUARD_MS = 25 * SECOND
"""After how long without a renewal the guard ends a process."""


class Violation(AssertionError):
    """A promise of the record was broken."""


@dataclass(frozen=True, slots=True)
class Callee:
    """A workflow that is called."""

    name: str
    params: TypeAdapter[Any]


class NoLog:
    def attempt_begun(self, attempt: int) -> None: ...
    def attempt_failed(self, *arguments: Any, **options: Any) -> None: ...
    def message_failed(self, *arguments: Any, **options: Any) -> None: ...
    def run_ended(self, *arguments: Any, **options: Any) -> None: ...


@dataclass(slots=True)
class Watch:
    """What steps did, held against the promises."""

    world: World
    active: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)
    undone: list[str] = field(default_factory=list)

    def work(self, step: str, context: StepContext) -> None:
        """Do a step's work for a while on virtual time."""
        kernel, key = self.world.kernel, context.idempotency_key
        if self.active[key]:
            raise self.world.broken(f"{key} runs twice at once")
        if key in self.done:
            raise self.world.broken(f"{key} runs again although it is complete")
        header = self.world.header(context.workflow, context.instance_id)
        if header is not None and header.status != "rollingBack" and f"/{header.epoch}/" not in key:
            raise self.world.broken(f"{key} begins in an epoch that is over")
        if header is not None and header.incarnation not in key:
            raise self.world.broken(f"{key} begins although its run was deleted")
        if header is not None and header.closed:
            raise self.world.broken(f"{key} begins although its run is {header.status}")
        if header is not None and header.place is not None:
            raise self.world.broken(f"{key} begins although its run is queued")
        self.active[key] += 1
        self.calls[key] += 1
        try:
            kernel.pause(self.world.duration(step))
            if step == "kill" and kernel.current is not None:
                kernel.kill(kernel.current)
                kernel.pause(1)
        finally:
            self.active[key] -= 1
        if step == "refund":
            self.undone.append(key)
        if step in self.world.flaky and self.calls[key] <= self.world.flaky[step]:
            raise ValueError("flaky")


class World:
    """One deployment, one seed.

    Args:
        limits: of the runs of a workflow, where it has some.
        off: the names of protections that are switched off: see `tests/simulation/test_protections.py`.
        former: whether the deployment begins as one whose workflows are all on Standard; `deploy` updates it.
    """

    def __init__(
        self,
        seed: int,
        faults: Faults,
        *,
        limits: Mapping[str, Limits] = MappingProxyType({}),
        off: frozenset[str] = frozenset(),
        former: bool = False,
    ) -> None:
        self.limits = limits
        self.kernel, self.faults, self.off = Kernel(seed), faults, off
        self.count: Counter[str] = Counter()
        self.trouble: list[str] = []
        self.names = itertools.count()
        self.died: set[str] = set()
        """The invocations of steps whose process has died."""
        self.watch = Watch(self)
        trial.Body.work = staticmethod(self.watch.work)
        trial.Body.asked = staticmethod(self._asked)
        self.others = Random(f"others of {seed}")
        self.refuses = self.others.random() < 0.2
        random = self.kernel.random
        self.flaky = {
            step: random.randint(1, 2) for step in ("first", "second", "left", "right") if random.random() < 0.4
        }
        self.table = DynamoDB(self.kernel, faults, self.count)
        self.values = SlowValues(self.kernel, faults)
        self.compiled = machines.compiled()
        self.lambdas = Lambda(self.kernel, faults, {})
        self.machines = StepFunctions(
            self.kernel,
            faults,
            self.lambdas,
            machines.machines(),
            frozenset(segment_of(name, "express") for name in WORKFLOWS),
            self._status_changed,
            self.count,
        )
        self.deploy(() if former else WORKFLOWS.keys())
        self._reconcile_each_minute()
        self._sweep_each_day()

    def deploy(self, segmented: Collection[str], version: int = 1) -> None:
        """Deploy the workflows; new runs of these execute in segments, all others whole on Standard.

        Args:
            version: of their code: a paused run of another one goes on only where that is said.
        """
        clock = self.kernel.clock
        definitions = dict.fromkeys(WORKFLOWS, str(version))
        self.segmented = frozenset(segmented)
        self.runs = Runs(
            self.table,
            self.machines,
            clock,
            definitions=definitions,
            segmented=segmented,
            limits=self.limits,
            timers=self,
        )
        self.segments = SlowSegments(self.table, self.runs, self, self.kernel)
        self.tokens = ParkedTokens(self.machines, self.segments)
        self.callbacks = Callbacks(self.table, self.tokens, clock)
        self.events = Events(self.table, self.callbacks, clock, self.segments)
        self.children = Children(self.table, self.callbacks)
        leases = Leases(clock)
        self.lifecycle = Lifecycle(self.table, self.machines, clock, self.runs, self.children, leases, self.values)
        self.waker = Waker(self.table, clock, self.segments, self.events, self.children, self.lifecycle, self.runs)

        def failed(workflow: str, instance: str, error: Exception) -> None:
            self.unexpected(f"reconciler of {workflow}/{instance}", error)

        self.reconciler = SegmentReconciler(
            self.table, self.machines, clock, self.runs, self.segments, self.waker, failed
        )
        self.whole = Reconciler(self.table, self.machines, clock, self.runs, self._settle, failed)
        self.lambdas.functions |= dict(self._functions())

    # What a deployment is made of

    def _functions(self) -> Iterator[tuple[str, Callable[[Any], Any]]]:
        clock = self.kernel.clock
        callees = {name: Callee(name, TypeAdapter(payload_type(each))) for name, each in WORKFLOWS.items()}
        turn = TurnHandler(self.table, self.runs, self.segments, clock)
        for name, compiled in self.compiled.items():
            yield f"{name}:{TURN}", turn
            yield f"{name}:Rollback", Rollback(self.table, clock, Leases(clock))
            for use in compiled.steps:
                yield f"{name}:{use.placeholder}", self._step(use.signature, undoes=use.undoes is not None)
            record = StepRecord(self.table, clock)
            waits = EventHandler(self.events, record)
            yield f"{name}:{RACES}", RaceHandler(self.table, self.callbacks, clock, record.orders)
            yield f"{name}:{EVENTS}", self._waiting(waits)
            called = {call.name: callees[machines.name_of(call.workflow)] for call in compiled.calls}
            calls = CallHandler(called, self.children, self.runs, self.table, record, clock)
            yield f"{name}:{CALLS}", self._waiting(calls)

    def _step(self, signature: Signature, *, undoes: bool) -> Callable[[Any], Any]:
        def invoke(event: Any) -> Any:
            record = StepRecord(self.table, self.kernel.clock, pause=self.kernel.pause)
            never: Any = lambda seconds: nullcontext()  # noqa: E731  # a step of the trial takes no longer than it may
            clock, random = self.kernel.clock, self.kernel.random
            arguments: Any = (signature, {}, record, clock, never, NoLog(), self._keep, random, None, self.values)
            handler = UndoHandler(self.table, Leases(clock), *arguments) if undoes else StepHandler(*arguments)
            owner = f"request-{next(self.names)}"
            try:
                result = handler(event, owner)
            except Killed:
                self.died.add(owner)
                raise
            if not undoes:
                self._completed(event)
            return result

        return invoke

    @contextlib.contextmanager
    def _keep(self, renew: Callable[[], bool]) -> Iterator[None]:
        """Renew a lease as `durable.steps.renewal` does: a process that can no longer do so is ended in time."""
        owner, over = self.kernel.current, False
        assert owner is not None

        def work() -> None:
            last = self.kernel.clock.now()
            wait = RENEW_MS
            while True:
                self.kernel.pause(wait)
                if over or owner.over or owner.killed:
                    return
                sent = self.kernel.clock.now()
                try:
                    renewed = "renew" in self.off or renew()
                    last, wait = sent, RENEW_MS
                except TableBusy:
                    renewed, wait = True, SECOND
                if not (over or owner.over) and (not renewed or self.kernel.clock.now() - last > GUARD_MS):
                    self.kernel.kill(owner)

        self.kernel.spawn("lease", work)
        try:
            yield
        finally:
            over = True

    def _completed(self, event: Any) -> None:
        row = self.table.rows.get(StepKey.of(event).row)
        if row is not None and row.get("outcome") == "result":
            key = str(StepKey.of(event))
            self.watch.done.add(f"{key}~{row['again']}" if row.get("again") else key)

    def _waiting(self, handler: EventHandler | CallHandler) -> Callable[[Any], Any]:
        parking = ParkingHandler(handler.begin, self.callbacks, self.segments, self.table, self.kernel.clock)
        return lambda task: parking(task) if "park" in task else handler(task)

    def _asked(self, token: str) -> None:
        """Have somebody complete a callback, at once or later; whoever does so tries until there is an answer."""

        def complete() -> None:
            key, secret = named_by(token)
            for _ in range(2):  # a webhook may come twice
                with contextlib.suppress(RunNotFound, CallbackUnknown):  # the run was deleted
                    self.events.complete(key, secret, *((None, "refused") if self.refuses else (5, None)))

        def ended(how: Ended) -> None:
            if how.killed or isinstance(how.error, Throttled):
                self.kernel.spawn("callback", complete, after=SECOND, doom=self.lambdas.doom(), on_end=ended)
            elif how.error is not None:
                self.unexpected("callback", how.error)

        after = self.others.choice((0, 5, 300, 30 * SECOND, HOUR, 48 * HOUR))
        self.kernel.spawn("callback", complete, after=after, doom=self.lambdas.doom(), on_end=ended)

    def _settle(self, header: Header) -> int:
        return self.events.settle(header.partition, header.era) + self.children.settle(header)

    # EventBridge, SQS, and the schedule of the reconciler

    def _status_changed(self, machine: str, execution: str, state: ExecutionState) -> None:
        if workflow_of(machine) in self.segmented and machine in WORKFLOWS:
            machine = segment_of(machine, "standard")  # it is the same one, and has the other's name now
        self.runs.close(machine, execution, state)
        instance = execution.rpartition(".")[0]
        if is_child(instance):
            self.children.report(workflow_of(machine), instance)

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        """The queue of runs to look at: a message is delivered again until it was handled."""
        self.kernel.pause(3)
        if self.kernel.chance(self.faults.message_lost):
            return
        for _ in range(2 if self.kernel.chance(self.faults.message_twice) else 1):
            self._deliver(workflow, instance, delay_ms, tries=4)

    def _deliver(self, workflow: str, instance: str, delay_ms: int, *, tries: int) -> None:
        def ended(how: Ended) -> None:
            is_busy = isinstance(how.error, (TableBusy, MachinesBusy))
            if tries and (how.killed or is_busy):
                self._deliver(workflow, instance, REDELIVERY_MS, tries=tries - 1)
            elif how.error is not None and not is_busy:  # else the message is a dead letter
                self.unexpected("waker", how.error)

        look = lambda: self.waker.look(workflow, instance)  # noqa: E731  # a process has a name of its own
        self.kernel.spawn("waker", look, after=delay_ms, doom=self.lambdas.doom(), on_end=ended)

    def _reconcile_each_minute(self) -> None:
        def ended(how: Ended) -> None:
            if how.error is not None and not isinstance(how.error, (TableBusy, MachinesBusy)):
                self.unexpected("reconciler", how.error)

        def minute() -> None:
            self.kernel.spawn("reconciler", self._reconcile, doom=self.lambdas.doom(), on_end=ended)
            self.kernel.after(self._next_look(), minute)

        self.kernel.after(MINUTE, minute)

    def _sweep_each_day(self) -> None:
        def day() -> None:
            if self.values.kept:
                self.kernel.spawn("sweep", lambda: sweep(self.values, self.table), on_end=lambda how: None)
            self.kernel.after(DAY, day)

        self.kernel.after(DAY, day)

    def _next_look(self) -> int:
        """Return when the reconciler runs next: each minute, but for the minutes in which it would find nothing."""
        now = self.kernel.clock.now()
        keys = [key for key in self.table.rows.all_keys() if key.sort in DUE and not is_watch(key.partition)]
        headers = [self.table.rows.get(each) for each in keys if each.sort == RUN]
        at_work = [row for row in headers if row and "closed" not in row and "parked" not in row]
        if at_work:
            return MINUTE if any("kind" in row for row in at_work) else STANDARD_LOOK_MS  # it may sleep
        due: list[int] = [row["due"] for each in keys if (row := self.table.rows.get(each)) and "due" in row]
        if not due:
            return HOUR
        return min(max(MINUTE, (min(due) - now) // MINUTE * MINUTE), HOUR)

    def _reconcile(self) -> None:
        headers = [(key, self.table.rows.get(key) or {}) for key in self.headers]
        used = {key.partition.partition("#")[0] for key, _ in headers}
        looked = self.reconciler.reconcile(self.segmented & used)
        self.whole.reconcile({*looked.workflows, *(used - self.segmented)}, ("rollingBack",))
        if any("kind" not in row for _, row in headers):
            self.whole.reconcile(used)

    # What the tests see

    @property
    def headers(self) -> list[Key]:
        return [key for key in self.table.rows.all_keys() if key.sort == "run"]

    def header(self, workflow: str, instance: str) -> Header | None:
        """Return a header as it is, without taking time."""
        row = self.table.rows.get(header_key(workflow, instance))
        return None if row is None else Header.from_row(row)

    def idle(self) -> bool:
        """Whether all runs are over, and nobody has to hear of it."""
        rows = [self.table.rows.get(key) for key in self.headers]
        return all(row is None or ("closed" in row and "due" not in row) for row in rows)

    def duration(self, step: str) -> int:
        if step == "grind":
            return MINUTE
        return self.kernel.random.choice((5, 5, 40, 40, 300, 300, 2 * SECOND, 12 * SECOND, 75 * SECOND))

    def broken(self, what: str) -> Violation:
        self.trouble.append(what)
        return Violation(what)

    def unexpected(self, who: str, error: Exception) -> None:
        self.trouble.append(f"{who} raised {type(error).__name__}: {error}")
