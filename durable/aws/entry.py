"""The one handler of every Lambda; which one it is comes from the environment, and is made when Lambda starts it.

DURABLE_ENTRY is step, undo, rollback, events, calls, consumer, worker, operations, closer, sweep, starter or changes.
Each kind imports only its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from durable.aws.environment import (
    Environment,
    arns,
    children_of,
    events_of,
    machines_of,
    runs_of,
    table_of,
    workflows_of,
)
from durable.clock import SystemClock

if TYPE_CHECKING:  # each kind of Lambda imports only its own
    from durable.aws.log import LambdaLog
    from durable.bindings import Binding
    from durable.signature import BindingParameter, Signature
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
    return signature, clients_of(signature, environment), record, clock, alarm, log, Renewal


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

    log = _log()
    table = table_of(environment)
    begin = EventHandler(events_of(table), StepRecord(table, SystemClock()))
    return _of_a_run(log, lambda event, context: begin(event))


def _calls(environment: Environment) -> Handler:
    from durable.aws.workflow import client_of as workflow_client
    from durable.steps.children import CallHandler
    from durable.store.record import StepRecord

    log = _log()
    table, clock = table_of(environment), SystemClock()
    called = json.loads(environment["DURABLE_CALLS"])
    callees = {step: workflow_client(each["workflow"], None, each) for step, each in called.items()}
    runs = runs_of(table, {each["workflow"]: each for each in called.values()})
    begin = CallHandler(callees, children_of(table), runs, table, StepRecord(table, clock), clock)
    return _of_a_run(log, lambda event, context: begin(event))


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
    from durable.signature import entry_of

    log = _log()
    fetch = part(f"{environment['DURABLE_MODULE']}:fetch")
    api = fetch(**clients_of(entry_of(fetch), environment))
    api.allow_origins(json.loads(environment["DURABLE_ORIGINS"]))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _operations(environment: Environment) -> Handler:
    from durable.aws.workflow import client_of as workflow_client
    from durable.operations.lifecycle import Lifecycle
    from durable.operations.queries import Queries
    from durable.operations.routes import Operator, operations
    from durable.store.leases import Leases

    log = _log()
    workflows = workflows_of(environment)
    table = table_of(environment)
    runs = runs_of(table, workflows)
    lifecycle = Lifecycle(table, machines_of(workflows), SystemClock(), runs, children_of(table), Leases(SystemClock()))
    operator = Operator(Queries(table, SystemClock()), lifecycle)
    clients = {
        name: workflow_client(name, None, {**each, "table": environment["DURABLE_TABLE"]})
        for name, each in workflows.items()
    }
    api = operations(clients, operator)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _closer(environment: Environment) -> Handler:
    from durable.operations.completion import Completion

    log = _log()
    workflows = workflows_of(environment)
    names = {machine: name for name, machine in arns(workflows).items()}
    table = table_of(environment)
    completion = Completion(names, machines_of(workflows), runs_of(table, workflows), children_of(table))

    def handle(event: Any, context: Any) -> None:
        detail = event["detail"]
        workflow = names.get(detail["stateMachineArn"], "")
        log.begin(context, workflow=workflow, instance_id=detail["name"].rpartition(".")[0])
        state = completion.status_changed(detail)
        if state is not None:
            log.run_ended(workflow, detail["name"], state.status)

    return handle


def _sweep(environment: Environment) -> Handler:
    from durable.operations.reconciler import Reconciler

    log = _log()
    table, workflows = table_of(environment), workflows_of(environment)
    runs = runs_of(table, workflows)
    events, children = events_of(table), children_of(table)

    def settle(header: Header) -> int:
        return events.settle(header.partition, header.era) + children.settle(header)

    reconciler = Reconciler(table, machines_of(workflows), SystemClock(), runs, settle)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        log.reconciled(reconciler.reconcile(workflows))

    return handle


def _starter(environment: Environment) -> Handler:
    from durable.runs.scheduled import Starter

    log = _log()
    starter = Starter(runs_of(table_of(environment), workflows_of(environment)))

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
    "consumer": _consumer,
    "worker": _worker,
    "operations": _operations,
    "closer": _closer,
    "sweep": _sweep,
    "starter": _starter,
    "changes": _changes,
}


def entry(environment: Environment) -> Handler:
    """Return the handler that an environment describes."""
    return _ENTRIES[environment["DURABLE_ENTRY"]](environment)


if "DURABLE_ENTRY" in os.environ:
    handler = entry(os.environ)
