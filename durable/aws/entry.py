"""The one handler of every Lambda; which one it is comes from the environment, and is made when Lambda starts it.

DURABLE_ENTRY is step, undo, rollback, events, calls, consumer, worker, operations, closer, sweep, starter or changes.
Each kind imports only its own.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from durable.clock import SystemClock

if TYPE_CHECKING:  # each kind of Lambda imports only its own
    from durable.aws.log import LambdaLog
    from durable.aws.machines import StepFunctionsMachines
    from durable.aws.table import DynamoDBTable
    from durable.bindings import Binding
    from durable.clients.workflow import WorkflowClient
    from durable.runs.runs import Runs
    from durable.signature import BindingParameter, Signature
    from durable.steps.callbacks import Callbacks
    from durable.steps.children import Children
    from durable.steps.events import Events
    from durable.store.rows import Header

Handler = Callable[[dict[str, Any], Any], Any]
Environment = Mapping[str, str]
Workflows = Mapping[str, Mapping[str, Any]]


def _imported(name: str) -> Any:
    """Return what `module:name` stands for."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _step(environment: Environment) -> Handler:
    from durable.signature import signature_of
    from durable.steps.deadline import alarm
    from durable.steps.step import StepHandler
    from durable.store.record import StepRecord

    log = _log()
    clock = SystemClock()
    signature = signature_of(_imported(environment["DURABLE_FUNCTION"]))
    record = StepRecord(_table(environment), clock)
    handler = StepHandler(signature, _clients(signature, environment), record, clock, alarm, log)
    return _of_a_run(log, lambda event, context: handler(event, context.aws_request_id))


def _undo(environment: Environment) -> Handler:
    from durable.signature import signature_of
    from durable.steps.deadline import alarm
    from durable.steps.undo import UndoHandler
    from durable.store.record import StepRecord

    log, clock, table = _log(), SystemClock(), _table(environment)
    signature = signature_of(_imported(environment["DURABLE_FUNCTION"]))
    clients = _clients(signature, environment)
    handler = UndoHandler(table, signature, clients, StepRecord(table, clock), clock, alarm, log)
    return _of_a_run(log, lambda event, context: handler(event, context.aws_request_id))


def _rollback(environment: Environment) -> Handler:
    from durable.steps.undo import Rollback

    rollback = Rollback(_table(environment), SystemClock())
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
    begin = EventHandler(_event_store(environment), StepRecord(_table(environment), SystemClock()))
    return _of_a_run(log, lambda event, context: begin(event))


def _calls(environment: Environment) -> Handler:
    from durable.steps.children import CallHandler
    from durable.store.record import StepRecord

    log = _log()
    table, clock = _table(environment), SystemClock()
    called = json.loads(environment["DURABLE_CALLS"])
    callees = {step: _workflow_client(each["workflow"], each, environment) for step, each in called.items()}
    runs = _runs(environment, {each["workflow"]: each for each in called.values()})
    begin = CallHandler(callees, _children(environment), runs, table, StepRecord(table, clock), clock)
    return _of_a_run(log, lambda event, context: begin(event))


def _consumer(environment: Environment) -> Handler:
    from durable.aws.visibility import Visibility
    from durable.signature import signature_of
    from durable.steps.consumer import ConsumerHandler

    log = _log()
    signature = signature_of(_imported(environment["DURABLE_FUNCTION"]))
    url = environment["DURABLE_QUEUE_URL"]
    queue = url.rpartition("/")[2]
    visibility = Visibility(url, **json.loads(environment["DURABLE_RETRIES"]))
    handler = ConsumerHandler(queue, signature, _clients(signature, environment), log, visibility.postpone)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context, queue=queue)
        return handler(event)

    return handle


def _worker(environment: Environment) -> Handler:
    from durable.signature import entry_of

    log = _log()
    fetch = _imported(f"{environment['DURABLE_MODULE']}:fetch")
    api = fetch(**_clients(entry_of(fetch), environment))
    api.allow_origins(json.loads(environment["DURABLE_ORIGINS"]))

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _operations(environment: Environment) -> Handler:
    from durable.operations.lifecycle import Lifecycle
    from durable.operations.queries import Queries
    from durable.operations.routes import Operator, operations

    log = _log()
    workflows = _workflows(environment)
    table, runs = _table(environment), _runs(environment, workflows)
    lifecycle = Lifecycle(table, _machines(workflows), SystemClock(), runs, _children(environment))
    operator = Operator(Queries(table, SystemClock()), lifecycle)
    clients = {name: _workflow_client(name, each, environment) for name, each in workflows.items()}
    api = operations(clients, operator)

    def handle(event: Any, context: Any) -> Any:
        log.begin(context)
        return api(event, context)

    return handle


def _closer(environment: Environment) -> Handler:
    from durable.operations.completion import Completion

    log = _log()
    workflows = _workflows(environment)
    names = {machine: name for name, machine in _arns(workflows).items()}
    completion = Completion(names, _machines(workflows), _runs(environment, workflows), _children(environment))

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
    workflows, runs = _workflows(environment), _runs(environment, _workflows(environment))
    events, children = _event_store(environment), _children(environment)

    def settle(header: Header) -> int:
        return events.settle(header.partition, header.epoch) + children.settle(header)

    reconciler = Reconciler(_table(environment), _machines(workflows), SystemClock(), runs, settle)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        log.reconciled(reconciler.reconcile(workflows))

    return handle


def _starter(environment: Environment) -> Handler:
    from durable.runs.scheduled import Starter

    log = _log()
    starter = Starter(_runs(environment, _workflows(environment)))

    def handle(event: Any, context: Any) -> None:
        log.begin(context, workflow=event["workflow"])
        log.scheduled(event["workflow"], starter.scheduled(event))

    return handle


def _changes(environment: Environment) -> Handler:
    from durable.aws.changes import Changes, empty, rolls_back, send

    log = _log()
    changes = Changes(_table(environment), rolls_back=rolls_back, empty=empty)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        answer = changes.answer(event)
        log.changed(event["ResourceType"], event["RequestType"], answer["Status"])
        send(event["ResponseURL"], answer)

    return handle


def _log() -> LambdaLog:
    from durable.aws.log import LambdaLog

    return LambdaLog()


def _workflows(environment: Environment) -> Workflows:
    """Return what is known of each workflow, by its name:

    {"class": "module:class", "machine": ARN, "definition": hash, "events": {type: how its payload is written there},
    "retention": seconds, "rollback": ARN, where a step can be undone}
    """
    workflows: Workflows = json.loads(environment["DURABLE_WORKFLOWS"])
    return workflows


def _table(environment: Environment) -> DynamoDBTable:
    from durable.aws.table import DynamoDBTable

    return DynamoDBTable(environment["DURABLE_TABLE"], SystemClock())


def _arns(workflows: Workflows) -> dict[str, str]:
    """Return the ARN of each workflow's machine, and of that of its rollbacks."""
    from durable.store.rollback import rollback_of

    machines = {name: each["machine"] for name, each in workflows.items()}
    return machines | {rollback_of(name): each["rollback"] for name, each in workflows.items() if "rollback" in each}


def _machines(workflows: Workflows) -> StepFunctionsMachines:
    from durable.aws.machines import StepFunctionsMachines

    return StepFunctionsMachines(_arns(workflows))


def _runs(environment: Environment, workflows: Workflows) -> Runs:
    from durable.runs.runs import Runs

    definitions = {name: each["definition"] for name, each in workflows.items()}
    retentions = {name: each["retention"] for name, each in workflows.items() if "retention" in each}
    return Runs(
        _table(environment), _machines(workflows), SystemClock(), definitions=definitions, retentions=retentions
    )


def _callbacks(environment: Environment) -> Callbacks:
    from durable.aws.tokens import StepFunctionsTokens
    from durable.steps.callbacks import Callbacks

    return Callbacks(_table(environment), StepFunctionsTokens(), SystemClock())


def _event_store(environment: Environment) -> Events:
    from durable.steps.events import Events

    return Events(_table(environment), _callbacks(environment), SystemClock())


def _children(environment: Environment) -> Children:
    from durable.steps.children import Children

    return Children(_table(environment), _callbacks(environment))


def _workflow_client(name: str, resource: Mapping[str, Any], environment: Environment) -> WorkflowClient:
    from durable.clients.workflow import WorkflowClient

    workflow = _imported(resource["class"])
    names = vars(sys.modules[workflow.__module__])
    payloads = {type: eval(source, dict(names)) for type, source in resource["events"].items()}  # the author's own text
    events = _event_store(environment)
    return WorkflowClient(name, workflow, _runs(environment, {name: resource}), events, payloads)


def _clients(signature: Signature, environment: Environment) -> dict[str, Binding]:
    """Return the clients that the signature names, on the resources that the environment names."""
    resources = json.loads(environment["DURABLE_BINDINGS"])
    return {each.name: _client(each, resources[each.name], environment) for each in signature.bindings}


def _client(parameter: BindingParameter, resource: Any, environment: Environment) -> Binding:
    match parameter.binding.kind:
        case "kv":
            from durable.aws.kv import DynamoDBKVNamespace

            return DynamoDBKVNamespace(parameter.name, parameter.value, resource, SystemClock())
        case "queue":
            from durable.aws.queue import SQSQueue

            return SQSQueue(parameter.name, parameter.value, resource)
        case "email":
            from durable.aws.email import SESEmail

            return SESEmail(parameter.name, sender=resource["sender"], clock=SystemClock())
        case "bucket":
            from durable.aws.bucket import S3Bucket

            return S3Bucket(parameter.name, resource)
        case "secret":
            from durable.aws.secret import ParameterSecret

            return ParameterSecret(parameter.name, resource, SystemClock())
        case "var":
            from durable.clients.var import var_client

            return var_client(parameter.name, parameter.value, resource)
        case "workflow":
            return _workflow_client(resource["workflow"], resource, environment)
    raise TypeError(f"{parameter.binding.__name__} has no client on AWS")


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
