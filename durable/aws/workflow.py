"""Workflow in a Lambda: starts runs on Step Functions and reads them from the record."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from durable.aws.environment import callbacks_of, events_of, runs_of, segments_of, values_of
from durable.aws.operator import RemoteTransitions
from durable.aws.registry import Registry
from durable.aws.table import DynamoDBTable
from durable.bindings.kinds import part
from durable.clients.workflow import WorkflowClient
from durable.clock import SystemClock
from durable.operations.queries import Queries
from durable.signature import signature_of
from durable.wire import CALLBACK


def client_of(name: str, _: Any, resource: Mapping[str, Any]) -> WorkflowClient:
    """Return the client of the workflow that a resource describes."""
    workflow = part(resource["class"])
    names = vars(sys.modules[workflow.__module__])
    payloads = {type: _payload(type, source, names) for type, source in resource["events"].items()}
    table = DynamoDBTable(resource["table"], SystemClock())
    wakes = {"DURABLE_WAKES": resource["wakes"]} if "wakes" in resource else {}
    runs = runs_of(table, Registry({name: resource}, SystemClock()), wakes)
    segments = segments_of(table, runs, {})
    events = events_of(table, callbacks_of(table, segments), segments)
    transitions = RemoteTransitions(resource.get("operator"))
    return WorkflowClient(
        name,
        workflow,
        runs,
        events,
        payloads,
        Queries(table, SystemClock()),
        transitions,
        tuple(resource.get("search", ())),
        values_of({"DURABLE_VALUES": resource.get("values", "")}),
    )


def _payload(type: str, source: str, names: Mapping[str, Any]) -> Any:
    """Return the type of an event's payload: of a callback, by its step's function; else by the author's own text."""
    if not type.startswith(CALLBACK):
        # The text of an annotation in the project's own source, put into the environment by its own deployment.
        return eval(source, dict(names))
    callback = signature_of(part(source)).callback
    assert callback is not None
    return callback.type
