"""A project on one machine: every declaration as a client, a handler or a machine, around one journal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from durable.asl import Action
from durable.bindings import Binding, Queue, Worker, Workflow
from durable.bindings.kinds import KINDS, part
from durable.build import Build, api_of, served_by
from durable.clients.workflow import WorkflowClient
from durable.clock import Clock
from durable.http import Api
from durable.http.auth import Verify, nobody
from durable.local.bindings.doubles import Doubles
from durable.local.bindings.kv import purge
from durable.local.bindings.place import Place
from durable.local.bindings.pump import Pump
from durable.local.bindings.queue import Messages
from durable.local.definitions import check_result, definition, function_name, own_function, rollback_definition
from durable.local.engine.engine import Engine
from durable.local.engine.executions import Definition, Executions
from durable.local.engine.functions import Coroutines, Functions, Wait
from durable.local.engine.timers import Timers
from durable.local.engine.waits import Waits
from durable.local.engine.workers import Workers
from durable.local.log import WorkingOn
from durable.local.parts import Parts, parts_of
from durable.local.removed import CODE_REMOVED, Lacking, Needs
from durable.local.schedules import Schedules
from durable.local.storage.large_values import FileValues
from durable.local.storage.store import Store
from durable.local.storage.table import SQLiteTable
from durable.local.threads import Work, call, perform
from durable.local.undelivered import still_waiting
from durable.operations.large_values import sweep
from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries
from durable.operations.routes import Operator
from durable.runs.ids import instance_of
from durable.runs.outcome import described, ending
from durable.runs.output import is_by_reference, place_of
from durable.runs.record import RunRecord, load_header, load_steps
from durable.runs.runs import Runs
from durable.runs.scheduled import Starter
from durable.runs.waiting import Waiting
from durable.signature import BindingParameter, Signature, signature_of
from durable.steps.callbacks import Callbacks
from durable.steps.children import CallHandler, Children
from durable.steps.consumer import ConsumerHandler
from durable.steps.events import Events
from durable.steps.loop import EventLoop
from durable.steps.races import RaceHandler
from durable.steps.step import StepHandler
from durable.steps.tracing import NO_TRACING, Tracing
from durable.steps.undo import Rollback, UndoHandler
from durable.steps.waits import EventHandler
from durable.store.keys import StepKey, is_child
from durable.store.large_values import LargeValues, borrowed, read_value
from durable.store.leases import Leases
from durable.store.log import Log
from durable.store.machines import ExecutionState, MachinesBusy
from durable.store.orders import Orders
from durable.store.record import StepRecord
from durable.store.rollback import ROLLBACK, rollback_of, rolled_back
from durable.store.rows import AnyStep, Header
from durable.store.statuses import OPEN
from durable.store.table import TableBusy, every
from durable.wire import CALLS, EVENTS, RACES

_AGAIN_MS: Final = 5_000
_SWEEP_MS: Final = 3_600_000
"""How often it is looked whose large values are left of runs that have expired."""


class Host:
    """Runs a project on a journal. It moves by its `timers`, by the workers it is given and by its `pump`.

    Args:
        data: the folder for what is no row: the outbox.
        url: where the workers are served, for callbacks.
        values: where large values are; in files below `data` where nothing is said.
        verify: makes the guards of callers that API Gateway verifies on AWS; without it, nobody is let in.
        workers: the threads of steps.
        turns: the threads of the engine's own work; those of steps where nothing is said.
        random: what jitter is drawn with.
        loop: where steps that are coroutines go on by themselves; without it, each keeps its thread.
    """

    def __init__(
        self,
        built: Build,
        journal: Store,
        data: Path,
        *,
        clock: Clock,
        workers: Workers,
        turns: Workers | None = None,
        log: Log,
        random: Random,
        timers: Timers | None = None,
        doubles: Doubles | None = None,
        loop: EventLoop | None = None,
        url: str | None = None,
        verify: Verify = nobody,
        values: LargeValues | None = None,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self.built = built
        self.journal = journal
        self.clock = clock
        self.timers = timers or Timers()
        self.ended: Callable[[str], object] = lambda instance: None
        """Called with the id of a run when an execution of it has ended."""
        self._data = data
        self._doubles = doubles
        self._log = log
        self._random = random
        self._tracing = tracing
        self._turns = turns or workers
        self._url = url
        self._values = values or FileValues(data / "values", url or "")
        self._verify = verify
        self._sweep_at = 0
        self._pending: Mapping[str, Sequence[Action]] = {}
        self._queued: list[Header] = []
        # What the engine calls. Filled last: the engine goes into what these are made of, and they go into the engine.
        self._handlers: dict[str, StepHandler] = {}
        self._waits: dict[str, Wait] = {}
        self._others: dict[str, Callable[[Any], Any]] = {}
        coroutines = None if loop is None else Coroutines(loop, workers)
        self._functions = Functions(self._handlers, self._waits, self._others, journal.flush, coroutines)
        self._executions = Executions(journal)
        self.messages = Messages(journal, clock)
        self.table = SQLiteTable(journal, clock)
        self._waiting = Waiting(self.table, clock)
        definitions = self._definitions()
        self._hashes = {name: each.hash for name, each in definitions.items()}
        self.engine = self._engine(definitions, workers)
        # Who is at work is known here: the time of a lease says nothing, and one of an earlier process is void at once.
        leases = Leases(clock, at_work=self._functions.is_at_work)
        self.runs = self._runs(leases)
        # No other process has the folder: what one that is gone was delivering is delivered at once.
        callbacks = Callbacks(self.table, self.engine, clock, alone=True)
        self._children = Children(self.table, callbacks, self._values)
        checked = partial(check_result, built.compiled)
        self.operator = Operator(
            Queries(self.table, clock, self._values),
            Lifecycle(self.table, self.engine, clock, self.runs, self._children, leases, self._values, checked),
        )
        events = Events(self.table, callbacks, clock)
        self.workflows = {each.name: self._workflow(each, events) for each in built.project.workflows}
        self._add_handlers(leases, callbacks, events)
        self.schedules = Schedules(built.project.workflows, self.workflows, Starter(self.runs), self.table, clock)
        consumers = {each.name: self._consumer(each) for each in built.project.queues if each.consumer is not None}
        deliver = partial(_deliver, consumers)
        self.pump = Pump(self.messages, built.project.queues, deliver, draw=random.random)

    def _definitions(self) -> Mapping[str, Definition]:
        """Return what new executions run on, by workflow."""
        kinds = {each.name: each.machine_kind for each in self.built.project.workflows}
        machines = {name: definition(name, each, kinds[name]) for name, each in self.built.compiled.items()}
        machines |= {rollback_of(name): rollback_definition(name) for name in self.built.compiled}
        return {name: self._executions.define(each) for name, each in machines.items()}

    def _engine(self, definitions: Mapping[str, Definition], workers: Workers) -> Engine:
        return Engine(
            definitions,
            self._functions,
            self._executions,
            clock=self.clock,
            timers=self.timers,
            workers=workers,
            turns=self._turns,
            closed=self._closed,
            ended=self._ended,
            waited=self._waited,
            dropped=self._dropped,
            # A double may have an answer that the one before it had not.
            still_waiting=partial(still_waiting, self.journal) if self._doubles is None else lambda _: {},
            random=self._random,
        )

    def _runs(self, leases: Leases) -> Runs:
        workflows = self.built.project.workflows
        return Runs(
            self.table,
            self.engine,
            self.clock,
            definitions=self._hashes,
            retentions={each.name: each.retention for each in workflows},
            leases=leases,
            limits={each.name: each.limits for each in workflows if each.limits is not None},
            timers=self,
            search={each.name: list(each.search.values()) for each in workflows if each.search},
        )

    def _add_handlers(self, leases: Leases, callbacks: Callbacks, events: Events) -> None:
        """Tell the engine what it calls for the states of each workflow's machines."""
        # With the table: this machine's clock may be set back between two starts, and the order of steps must not.
        record = StepRecord(self.table, self.clock, leases=leases, orders=Orders(self.clock, self.table))
        handler: Wait = EventHandler(events, record)
        wait = handler if self._doubles is None else self._doubles.wait(handler, events)
        rollback = Rollback(self.table, self.clock, leases)
        races = RaceHandler(self.table, callbacks, self.clock, record.orders)
        for workflow in self.built.project.workflows:
            self._add_steps(workflow, record, leases)
            for name, begin in ((EVENTS, wait), (CALLS, self._calls(workflow, record))):
                self._waits[own_function(workflow.name, name)] = begin
                self._waits[function_name(workflow.name, name)] = begin  # as definitions before November 30 name it
            self._others[own_function(workflow.name, ROLLBACK)] = rollback
            self._others[own_function(workflow.name, RACES)] = races

    def lacking(self) -> Sequence[Lacking]:
        """Return what open runs need and the project has no more. To be asked before `reopen`."""
        return self.lacking_in(parts_of(self.built))

    def lacking_in(self, parts: Parts) -> Sequence[Lacking]:
        """Return what open runs need and a project with these parts does not have."""
        return Needs(self.table, self._executions, parts.workflows, parts.lacks).find()

    def abandon(self, lacking: Iterable[Lacking]) -> None:
        """End runs that cannot go on. To be called before `reopen`."""
        for header in (header for each in lacking for header in each.runs):
            self.runs.abandon(header, CODE_REMOVED)
            self._executions.delete(header.execution, was_idle=True)
            if is_child(header.instance):
                self._persist(partial(self._children.report, header.workflow, header.instance))

    def recover(self) -> None:
        """Go on with every open run and every schedule."""
        self.reopen()
        self.go_on()

    def reopen(self) -> int:
        """Take up every open run, and return how many there are. To be called before anything else moves the host."""
        self._pending = self.engine.reopen()
        queued = (row for workflow in self.workflows for row in every(self.table, workflow, "queued"))
        # Read before anything moves: a run that is started by `go_on` is `queued` for a moment as well.
        self._queued = [Header.from_row(row) for row in queued]
        return len(self._pending.keys() | {header.execution for header in self._queued})

    def go_on(self) -> None:
        """Have the runs that were taken up go on, and the schedules.

        A run whose header is durable and whose execution is not was never acknowledged; it begins now.
        """
        for header in self._queued:
            perform(partial(self.runs.start, header))
        for workflow, pool in {(each.workflow, each.pool) for each in self._queued if each.pool is not None}:
            self._persist(partial(self.runs.admission.reconcile, workflow, pool))
        self.engine.go_on(self._pending)
        self._turns.submit(self._halt_wanted)
        self.schedules.begin()
        self._pending, self._queued = {}, []

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        """Implements `durable.runs.timers.Timers` for the pools of runs: nothing else is looked at here."""
        look = partial(self.runs.admission.look, workflow, f"{workflow}#{instance}")
        self.timers.set((workflow, instance), self.clock.now() + delay_ms, partial(self._persist, look))

    def purge(self) -> int:
        """Remove some of what is past its time, and return how much that was: 0 when nothing is left."""
        now = self.clock.now()
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_MS  # before: a folder that cannot be read is no reason to remove no rows
            sweep(self._values, self.table)
            self._executions.forget_definitions(self._hashes.values())
        return self.table.purge(now) + purge(self.journal, now)

    def _workflow(self, declared: Workflow[Any], events: Events) -> WorkflowClient:
        payloads = self.built.compiled[declared.name].payloads
        queries, lifecycle = self.operator.queries, self.operator.lifecycle
        parts = (self.runs, events, payloads, queries, lifecycle, tuple(declared.search), self._values)
        return WorkflowClient(declared.name, declared.workflow, *parts)

    def _calls(self, workflow: Workflow[Any], record: StepRecord) -> CallHandler:
        calls = self.built.compiled[workflow.name].calls
        callees = {each.name: self.workflows[self.built.project.declared(each.workflow)[0].name] for each in calls}
        return CallHandler(callees, self._children, self.runs, self.table, record, self.clock)

    def result(self, run: Header, row: AnyStep) -> Any:
        """Return the recorded result of a step, whatever its size."""
        key = StepKey(run.workflow, run.instance, run.epoch, row.path, run.incarnation)
        return borrowed(self._values, key, row.result) if row.by_reference else row.result

    def output(self, run: RunRecord) -> Any:
        """Return what a run returned, whatever its size."""
        header = run.header
        if is_by_reference(header, run.current):
            return read_value(self._values, place_of(header), header.output)
        return header.output

    def api(self, worker: Worker) -> Api:
        """Return the API of a worker."""
        return api_of(worker, self._clients(served_by(worker), worker), self._verify)

    def _closed(self, workflow: str, execution: str, state: ExecutionState) -> None:
        self.runs.close(workflow, execution, state)

    def _ended(self, workflow: str, execution: str, state: ExecutionState) -> None:
        own, instance = rolled_back(workflow) or workflow, instance_of(execution)
        self.ended(instance)
        if is_child(instance):
            self._persist(partial(self._children.report, own, instance))
        self._tracing.run_ended(partial(load_header, self.table, own, instance))
        if own == workflow:
            error = described(state, self._steps(workflow, instance)) if ending(state, None) == "errored" else ""
            self._log.run_ended(workflow, execution, state.status, error)

    def _steps(self, workflow: str, instance: str) -> list[AnyStep]:
        header = load_header(self.table, workflow, instance)
        return [] if header is None else load_steps(self.table, header)

    def _waited(self, workflow: str, execution: str, waits: Waits) -> None:
        self._waiting.note(workflow, execution, waits.sleeps, idle=waits.idle)

    def _dropped(self, event: Any) -> None:
        """Have a run stopped that was to stop when this step ends, which its execution waits for no more."""
        run = event["run"]
        self._persist(partial(self.operator.lifecycle.halt, run["workflow"], run["instance"]))

    def _halt_wanted(self) -> None:
        """Stop the runs that were to stop when a step ends, which was cut off."""
        for workflow, status in itertools.product(self.workflows, OPEN):
            for header in map(Header.from_row, self.table.wanted_headers(workflow, status)):
                self._persist(partial(self.operator.lifecycle.halt, workflow, header.instance))

    def _persist(self, work: Work) -> None:
        """Have work done that must be done, and that may be done twice: until it succeeds, or nothing can be stored.

        In a thread of its own, for the engine holds the execution that it follows from.
        """

        def attempt() -> None:
            try:
                call(work)
            except BaseException as error:
                if self.journal.failed is None:
                    again = partial(self._turns.submit, attempt)
                    self.timers.set(attempt, self.clock.now() + _AGAIN_MS, again)
                    if not isinstance(error, MachinesBusy | TableBusy):
                        raise

        self._turns.submit(attempt)

    def _add_steps(self, workflow: Workflow[Any], record: StepRecord, leases: Leases) -> None:
        for step in self.built.compiled[workflow.name].steps:
            signature = self._function(workflow, step.name, step.signature)
            clients = self._clients(signature, workflow)
            parts = (signature, clients, record, self.clock, self._functions.deadline, self._log)
            random, kept = self._random, dict[str, Any](values=self._values, tracing=self._tracing)
            if step.undoes is None:
                url = self._url if self.built.project.is_served(workflow) else None
                handler = StepHandler(*parts, random=random, callback_url=url, **kept)
            else:
                handler = UndoHandler(self.table, leases, *parts, random=random, **kept)
            self._handlers[function_name(workflow.name, step.name)] = handler

    def _consumer(self, queue: Queue[Any]) -> ConsumerHandler:
        assert queue.consumer is not None
        signature = self._function(queue, queue.name, signature_of(queue.consumer))
        return ConsumerHandler(
            queue.name, signature, self._clients(signature, queue), self._log, lambda receipt, attempt: None
        )

    def _clients(self, signature: Signature, owner: Binding) -> dict[str, Binding]:
        return {each.name: self._client(owner.uses()[each.name], each) for each in signature.bindings}

    @property
    def place(self) -> Place:
        """What clients of bindings are made of."""
        return Place(self.journal, self.clock, self._data, self.messages, self.workflows)

    def _client(self, declared: Binding, parameter: BindingParameter) -> Binding:
        doubles, place = self._doubles, self.place
        client = None if doubles is None else doubles.client(declared, parameter.value, place)
        if client is None:
            maker = KINDS[declared.kind].local
            if maker is None:
                raise TypeError(f"{declared!r} has no client on one machine")
            client = part(maker)(declared, parameter.value, place)
        assert isinstance(client, Binding)
        return client

    def _function(self, owner: Workflow[Any] | Queue[Any], name: str, signature: Signature) -> Signature:
        return signature if self._doubles is None else self._doubles.function(owner, name, signature)


def _deliver(consumers: Mapping[str, ConsumerHandler], queue: str, event: dict[str, Any]) -> Mapping[str, Any]:
    with WorkingOn(f"queue {queue}"):
        return consumers[queue](event)
