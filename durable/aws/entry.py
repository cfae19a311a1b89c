"""The one handler of every Lambda; which one it is comes from the environment, and is made when Lambda starts it.

DURABLE_ENTRY is step, undo, rollback, events, calls, turn, waker, consumer, worker, operations, operator, closer,
sweep, starter, changes or migrate. Each kind imports only its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from durable.aws.environment import (
    Environment,
    callbacks_of,
    children_of,
    events_of,
    machines_of,
    registry_of,
    runs_of,
    segments_of,
    table_of,
)
from durable.clock import SystemClock

if TYPE_CHECKING:  # each kind of Lambda imports only its own
    from durable.aws.log import LambdaLog
    from durable.aws.machines import StepFunctionsMachines
    from durable.aws.registry import Registry
    from durable.aws.table import DynamoDBTable
    from durable.bindings import Binding
    from durable.operations.lifecycle import Lifecycle
    from durable.operations.waker import Waker
    from durable.runs.runs import Runs
    from durable.runs.segments import Segments
    from durable.signature import BindingParameter, Signature
    from durable.steps.callbacks import Callbacks
    from durable.steps.children import CallHandler, Children
    from durable.steps.events import EventHandler, Events
    from durable.store.keys import StepKey
    from durable.store.rows import Header

Handler = Callable[[dict[str, Any], Any], Any]


def _step(environment: Environment) -> Handler:
    from durable.steps.step import StepHandler

    log = _log()
    handler = StepHandler(*_parts_of_step(environment, log))
    return _of_a_run(log, lambda event, context: handler(event, _owner(context)))


def _undo(environment: Environment) -> Handler:
    from durable.steps.undo import UndoHandler
    from durable.store.leases import Leases

    log = _log()
    handler = UndoHandler(table_of(environment), Leases(SystemClock()), *_parts_of_step(environment, log))
    return _of_a_run(log, lambda event, context: handler(event, _owner(context)))


def _parts_of_step(environment: Environment, log: LambdaLog) -> tuple[Any, ...]:
    from durable.bindings.kinds import part
    from durable.clock import pause
    from durable.signature import signature_of
    from durable.steps.deadline import alarm
    from durable.steps.renewal import Renewal
    from durable.store.record import StepRecord

    clock = SystemClock()
    signature = signature_of(part(environment["DURABLE_FUNCTION"]))
    record = StepRecord(table_of(environment), clock, pause=pause)
    clients, url = clients_of(signature, environment), environment.get("DURABLE_URL")
    return signature, clients, record, clock, alarm, log, Renewal, None, url


def _owner(context: Any) -> str:
    """Return a name for an invocation: Lambda may send a request twice, under one id."""
    return f"{context.aws_request_id}.{os.urandom(4).hex()}"


def _rollback(environment: Environment) -> Handler:
    from durable.steps.undo import Rollback
    from durable.store.leases import Leases

    rollback = Rollback(table_of(environment), SystemClock(), Leases(SystemClock()))
    return _of_a_run(_log(), lambda event, context: rollback(event))


def _of_a_run(log: LambdaLog, answer: Callable[[Any, Any], Any]) -> Handler:
    """Return a handler whose log lines say which run an event is of."""

    def handle(event: Any, context: Any) -> Any:
        run = event["run"]
        log.begin(context, workflow=run["workflow"], instance_id=run["instance"], step=event.get("step", "rollback"))
        return answer(event, context)

    return handle


def _events(environment: Environment) -> Handler:
    from durable.steps.events import EventHandler
    from durable.store.record import StepRecord

    log, clock, table = _log(), SystemClock(), table_of(environment)
    segments = segments_of(table, runs_of(table, registry_of(environment), environment), environment)
    callbacks = callbacks_of(table, segments)
    events = events_of(table, callbacks)
    begin = EventHandler(events, StepRecord(table, clock))

    def settle(key: StepKey) -> None:
        events.settle(key.row.partition, key.era)

    return _waiting(log, begin, settle, callbacks, segments, table)


def _calls(environment: Environment) -> Handler:
    from durable.aws.workflow import client_of as workflow_client
    from durable.runs.record import load_header
    from durable.steps.children import CallHandler
    from durable.store.record import StepRecord

    log, clock, table = _log(), SystemClock(), table_of(environment)
    called = json.loads(environment["DURABLE_CALLS"])
    callees = {step: workflow_client(each["workflow"], None, each) for step, each in called.items()}
    known = registry_of(environment, {each["workflow"]: each for each in called.values()})
    runs = runs_of(table, known, environment)
    segments = segments_of(table, runs, environment)
    callbacks = callbacks_of(table, segments)
    children = children_of(table, callbacks)
    begin = CallHandler(callees, children, runs, table, StepRecord(table, clock), clock)

    def settle(key: StepKey) -> None:
        header = load_header(table, key.workflow, key.instance)
        if header is not None:
            children.settle(header)

    return _waiting(log, begin, settle, callbacks, segments, table)


def _waiting(
    log: LambdaLog,
    begin: EventHandler | CallHandler,
    settle: Callable[[StepKey], None],
    callbacks: Callbacks,
    segments: Segments,
    table: DynamoDBTable,
) -> Handler:
    """Return a handler of waits: a Task of an Express machine says where its run is to be parked."""
    from durable.steps.parked import ParkingHandler

    parking = ParkingHandler(begin.begin, settle, callbacks, segments, table, SystemClock())
    return _of_a_run(log, lambda event, context: parking(event) if "park" in event else begin(event))


def _turn(environment: Environment) -> Handler:
    from durable.steps.turn import TurnHandler

    log, table = _log(), table_of(environment)
    runs = runs_of(table, registry_of(environment), environment)
    turn = TurnHandler(table, runs, segments_of(table, runs, environment), SystemClock())

    def handle(event: Any, context: Any) -> None:
        run = event["run"]
        log.begin(context, workflow=run["workflow"], instance_id=run["instance"])
        turn(event)
        if "end" in event:
            log.run_ended(run["workflow"], event["execution"], event["end"]["status"])

    return handle


def _consumer(environment: Environment) -> Handler:
    from durable.aws.visibility import Visibility
    from durable.bindings.kinds import part
    from durable.signature import signature_of
    from durable.steps.consumer import ConsumerHandler

    log = _log()
    signature = signature_of(part(environment["DURABLE_FUNCTION"]))
    url = environment["DURABLE_QUEUE_URL"]
    queue = url.rpartition("/")[2]
    visibility = Visibility(url, **json.loads(environment["DURABLE_RETRIES"]))
    handler = ConsumerHandler(queue, signature, clients_of(signature, environment), log, visibility.postpone)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context, queue=queue)
        return handler(event)

    return handle


def _worker(environment: Environment) -> Handler:
    from durable.bindings.kinds import part
    from durable.clients.callbacks import add_callbacks
    from durable.signature import entry_of

    log = _log()
    fetch = part(f"{environment['DURABLE_MODULE']}:fetch")
    clients = clients_of(entry_of(fetch), environment)
    api = fetch(**clients)
    add_callbacks(api, clients.values())
    api.allow_origins(json.loads(environment["DURABLE_ORIGINS"]))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _operations(environment: Environment) -> Handler:
    from durable.aws.workflow import client_of as workflow_client
    from durable.operations.queries import Queries
    from durable.operations.routes import Operator, operations

    log, parts = _log(), _parts(environment)
    operator = Operator(Queries(parts.table, SystemClock()), parts.lifecycle)
    told = {"table": environment["DURABLE_TABLE"]}
    told |= {"wakes": environment["DURABLE_WAKES"]} if "DURABLE_WAKES" in environment else {}
    clients = {name: workflow_client(name, None, {**each, **told}) for name, each in parts.registry.items()}
    api = operations(clients, operator)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _operator(environment: Environment) -> Handler:
    from durable.aws.operator import Operator

    log, workflow = _log(), environment["DURABLE_WORKFLOW"]
    operator = Operator(workflow, _parts(environment).lifecycle)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context, workflow=workflow, instance_id=event["instance"])
        return operator(event)

    return handle


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the Lambdas share that know all workflows."""

    registry: Registry
    table: DynamoDBTable
    machines: StepFunctionsMachines
    runs: Runs
    segments: Segments
    events: Events
    children: Children
    lifecycle: Lifecycle


def _parts(environment: Environment) -> _Parts:
    from durable.operations.lifecycle import Lifecycle
    from durable.store.leases import Leases

    registry, table = registry_of(environment), table_of(environment)
    machines, runs = machines_of(registry), runs_of(table, registry, environment)
    segments = segments_of(table, runs, environment)
    callbacks = callbacks_of(table, segments)
    children = children_of(table, callbacks)
    lifecycle = Lifecycle(table, machines, SystemClock(), runs, children, Leases(SystemClock()))
    return _Parts(registry, table, machines, runs, segments, events_of(table, callbacks), children, lifecycle)


def _waker_of(parts: _Parts) -> Waker:
    from durable.operations.waker import Waker

    return Waker(parts.table, SystemClock(), parts.segments, parts.events, parts.children, parts.lifecycle, parts.runs)


def _waker(environment: Environment) -> Handler:
    from durable.aws.wakes import look_at

    log, waker = _log(), _waker_of(_parts(environment))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return look_at(event, waker.look, log.look_failed)

    return handle


def _closer(environment: Environment) -> Handler:
    from durable.operations.completion import Completion
    from durable.store.machines import workflow_of

    log, parts = _log(), _parts(environment)
    names = parts.registry.reported()
    completion = Completion(names, parts.machines, parts.runs, parts.children)

    def handle(event: Any, context: Any) -> None:
        detail = event["detail"]
        workflow = workflow_of(names.get(detail["stateMachineArn"], ""))
        log.begin(context, workflow=workflow, instance_id=detail["name"].rpartition(".")[0])
        state = completion.status_changed(detail)
        if state is not None:
            log.run_ended(workflow, detail["name"], state.status)

    return handle


def _sweep(environment: Environment) -> Handler:
    from durable.operations.reconciler import Reconciler
    from durable.operations.segment_reconciler import SegmentReconciler

    log, parts = _log(), _parts(environment)
    table, machines, runs, clock = parts.table, parts.machines, parts.runs, SystemClock()

    def settle(header: Header) -> int:
        return parts.events.settle(header.partition, header.era) + parts.children.settle(header)

    whole = Reconciler(table, machines, clock, runs, settle)
    segmented = parts.registry.segmented
    segments = SegmentReconciler(table, machines, clock, runs, parts.segments, _waker_of(parts), log.look_failed)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        match event.get("runs"):
            case "segments":
                looked = segments.reconcile(segmented)
                log.reconciled(looked.runs + whole.reconcile(segmented, ("rollingBack",)), looked.late_ms)
            case "all":
                log.reconciled(whole.reconcile(parts.registry))
            case _:
                # Runs of former versions, which one execution runs whole, are found among the others once a day.
                log.reconciled(whole.reconcile(parts.registry.keys() - segmented))

    return handle


def _starter(environment: Environment) -> Handler:
    from durable.runs.scheduled import Starter

    log = _log()
    starter = Starter(runs_of(table_of(environment), registry_of(environment), environment))

    def handle(event: Any, context: Any) -> None:
        log.begin(context, workflow=event["workflow"])
        log.scheduled(event["workflow"], starter.scheduled(event))

    return handle


def _changes(environment: Environment) -> Handler:
    from durable.aws.changes import Changes, empty, rolls_back, send

    log = _log()
    changes = Changes(table_of(environment), rolls_back=rolls_back, empty=empty)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        answer = changes.answer(event)
        log.changed(event["ResourceType"], event["RequestType"], answer["Status"])
        send(event["ResponseURL"], answer)

    return handle


def _migrate(environment: Environment) -> Handler:
    from durable.aws.changes import send
    from durable.aws.database import dsql_engine
    from durable.aws.migrations import answer

    log = _log()

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        engine = dsql_engine(environment["DURABLE_ENDPOINT"])
        answered = answer(event, environment["DURABLE_DATABASE"], engine)
        log.changed(event["ResourceType"], event["RequestType"], answered["Status"])
        send(event["ResponseURL"], answered)

    return handle


def _log() -> LambdaLog:
    from durable.aws.log import LambdaLog

    return LambdaLog()


def clients_of(signature: Signature, environment: Environment) -> dict[str, Binding]:
    """Return the clients that a signature names, by parameter.

    DURABLE_BINDINGS says of each parameter which declaration is bound to it and what resource that is on AWS.
    """
    bound = json.loads(environment["DURABLE_BINDINGS"])
    return {each.name: _client(each, **bound[each.name]) for each in signature.bindings}


def _client(parameter: BindingParameter, *, name: str, resource: Any) -> Binding:
    from durable.bindings.kinds import KINDS, part

    maker = KINDS[parameter.binding.kind].aws
    if maker is None:
        raise TypeError(f"{parameter.binding.__name__} has no client")
    client: Binding = part(maker)(name, parameter.value, resource)
    return client


_ENTRIES: Final[Mapping[str, Callable[[Environment], Handler]]] = {
    "step": _step,
    "undo": _undo,
    "rollback": _rollback,
    "events": _events,
    "calls": _calls,
    "turn": _turn,
    "waker": _waker,
    "consumer": _consumer,
    "worker": _worker,
    "operations": _operations,
    "operator": _operator,
    "closer": _closer,
    "sweep": _sweep,
    "starter": _starter,
    "changes": _changes,
    "migrate": _migrate,
}


def entry(environment: Environment) -> Handler:
    """Return the handler that an environment describes."""
    return _ENTRIES[environment["DURABLE_ENTRY"]](environment)


if "DURABLE_ENTRY" in os.environ:
    handler = entry(os.environ)
