"""The events of an execution's history, as GetExecutionHistory words them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable.asl.states.task import Resource
from durable.asl.values import json_text

MAX_EVENTS: Final = 25_000
"""How many events an execution may have: the last of them is its ExecutionFailed."""
FULL_CAUSE: Final = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
_REGION: Final = "us-east-1"


class HistoryFull(Exception):
    """The execution has had all the events it may have."""


@dataclass(frozen=True, slots=True)
class TaskEvents:
    """What the events of a task are called."""

    scheduled: str
    started: str
    succeeded: str
    failed: str
    timed_out: str


_LAMBDA: Final = TaskEvents(
    *(f"LambdaFunction{end}" for end in ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut"))
)
_ACTIVITY: Final = TaskEvents(
    *(f"Activity{end}" for end in ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut"))
)
_TASK: Final = TaskEvents(*(f"Task{end}" for end in ("Scheduled", "Started", "Succeeded", "Failed", "TimedOut")))
_BY_KIND: Final[Mapping[str, TaskEvents]] = {"lambda": _LAMBDA, "activity": _ACTIVITY, "integration": _TASK}


def task_events(resource: Resource) -> TaskEvents:
    """Return the event types of a resource."""
    return _BY_KIND[resource.kind]


def with_text(name: str, value: Any) -> dict[str, Any]:
    """Return a detail that holds JSON as text, with its …Details."""
    return {name: json_text(value), f"{name}Details": {"truncated": False}}


def state_exited(name: str, output: Any, assigned: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the details of a state's exit."""
    details = {"name": name, **with_text("output", output)}
    if assigned:
        details["assignedVariables"] = {variable: json_text(value) for variable, value in assigned.items()}
        details["assignedVariablesDetails"] = {"truncated": False}
    return details


def failure(error: str | None, cause: str | None) -> dict[str, Any]:
    """Return the details of a failure; what is not known is left out."""
    return {name: value for name, value in (("error", error), ("cause", cause)) if value is not None}


def of_resource(resource: Resource) -> dict[str, Any]:
    """Return how the events of a service integration name their resource; nothing for a Lambda or an activity."""
    return {"resourceType": resource.service, "resource": resource.action} if resource.kind == "integration" else {}


def task_scheduled(
    resource: Resource, arguments: Any, timeout_seconds: float | None, heartbeat_seconds: float | None
) -> dict[str, Any]:
    """Return the details of the event that asks for a task."""
    if resource.kind == "integration":
        details = {**of_resource(resource), "region": _REGION, "parameters": json_text(arguments)}
    else:
        details = {"resource": resource.arn, **with_text("input", arguments)}
    if timeout_seconds is not None:
        details["timeoutInSeconds"] = int(timeout_seconds)
    if heartbeat_seconds is not None:
        details["heartbeatInSeconds"] = int(heartbeat_seconds)
    return details
