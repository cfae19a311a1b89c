"""The operator's plane: routes that start and show instances of any workflow, and send them events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, Field, StringConstraints, create_model

from durable.bindings.workflow import InstanceStatus, StepStatus, Workflow
from durable.runtime.http import Accepted, Api, Body, InstanceId, Parameter, Problem, Reply, accepts, described
from durable.runtime.http.statuses import (
    CAMEL,
    Attempts,
    Failure,
    Name,
    Output,
    RunError,
    State,
    StepName,
    StepState,
    Time,
)
from durable.wire import EVENT_TYPE
from durable.workflow import payload_type

INSTANCES: Final = "/api/workflows/<workflow>/instances"

WorkflowName = Annotated[
    str, Parameter("path", r"[a-z][a-z0-9-]{0,39}", "The declared name of the workflow.", example="onboarding")
]

EventType = Annotated[str, Parameter("path", EVENT_TYPE.pattern, "The type of the event.", example="approved")]

InstanceName = Annotated[str, Field(examples=["order-1234"])]


class Start(BaseModel):
    """What an instance is started with; without an id, one is drawn at random."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, examples=["order-1234"]
    )
    params: Any


class SendEvent(BaseModel):
    """What an event carries; without an id, one is drawn at random."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, examples=["mail-77"]
    )
    payload: Any


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that is kept for an instance until its workflow waits for one of this type."""

    __pydantic_config__ = CAMEL
    id: Annotated[str, Field(examples=["mail-77"])]
    type: Annotated[str, Field(examples=["approved"])]


@dataclass(frozen=True, slots=True)
class CreatedInstance:
    """An instance that was started."""

    __pydantic_config__ = CAMEL
    id: InstanceName
    workflow: Name


@dataclass(frozen=True, slots=True)
class InstanceStep:
    """How far a step is; `error` is that of its last attempt."""

    __pydantic_config__ = CAMEL
    name: StepName
    status: StepState
    attempts: Attempts
    started_at: Time
    finished_at: Time | None
    error: Failure

    @classmethod
    def of(cls, step: StepStatus) -> InstanceStep:
        error = cast(RunError | None, step.error)
        return cls(step.name, step.status, step.attempts, step.started_at, step.finished_at, error)


@dataclass(frozen=True, slots=True)
class Instance:
    """Where an instance is; `output` is there when it is complete, `error` when it failed."""

    __pydantic_config__ = CAMEL
    id: InstanceName
    workflow: Name
    status: State
    created_at: Time
    updated_at: Time
    steps: tuple[InstanceStep, ...]
    output: Output
    error: Failure

    @classmethod
    def of(cls, instance: InstanceStatus) -> Instance:
        return cls(
            id=instance.id,
            workflow=instance.workflow,
            status=instance.status,
            created_at=instance.created_at,
            updated_at=instance.updated_at,
            steps=tuple([InstanceStep.of(each) for each in instance.steps]),
            output=instance.output,
            error=cast(RunError | None, instance.error),
        )


def operations(workflows: Mapping[str, Workflow[Any]]) -> Api:
    """Return the API that operates the workflows, by their declared names."""
    api = Api("Operations", signed=True)
    _instances(api, workflows)
    _events(api, workflows)
    return api


def _instances(api: Api, workflows: Mapping[str, Workflow[Any]]) -> None:
    """Add the routes that start and show one instance."""
    starts = {name: _start(each) for name, each in workflows.items()}

    @api.post(INSTANCES, status_code=201, responses=described(200, 409, 503), tags=["instances"])
    @accepts(*starts.values())
    def create_instance(workflow: WorkflowName, body: Body) -> Reply[CreatedInstance]:
        """Start an instance.

        The same id with the same params again is the instance that is there, with other params it is refused.
        """
        client = _found(workflows, workflow)
        start = body.read(starts[workflow])
        made = client.create(start.params, id=start.id)
        location = f"/api/workflows/{workflow}/instances/{made.id}"
        return Reply(CreatedInstance(made.id, workflow), 201 if made.new else 200, location)

    @api.get(f"{INSTANCES}/<id>", tags=["instances"])
    def show_instance(workflow: WorkflowName, id: InstanceId) -> Instance:
        """Show an instance."""
        return Instance.of(_found(workflows, workflow).get(id))


def _events(api: Api, workflows: Mapping[str, Workflow[Any]]) -> None:
    """Add the route that sends an event to an instance."""
    accepted = {
        (name, type): _event(type, payload) for name, each in workflows.items() for type, payload in each.events.items()
    }

    @api.post(f"{INSTANCES}/<id>/events/<type>", status_code=202, responses=described(200, 409, 503), tags=["events"])
    @accepts(*accepted.values())
    def send_event(workflow: WorkflowName, id: InstanceId, type: EventType, body: Body) -> Reply[SentEvent]:
        """Send an event to an instance.

        It is kept until the workflow waits for one of its type; the first in is the first out. The same id with the
        same payload again is the event that is there, with another payload it is refused.
        """
        client = _found(workflows, workflow)
        if (workflow, type) not in accepted:
            known = ", ".join(client.events) or "none"
            raise Problem(404, f"The workflow waits for no event of this type; it waits for: {known}.")
        event = body.read(accepted[workflow, type])
        sent = client.send_event(id, type, event.payload, id=event.id)
        return Reply(SentEvent(sent.id, type), 202 if sent.new else 200)


def _event(type: str, payload: Any) -> Accepted[SendEvent]:
    """Return `SendEvent` with the payload that events of a type have; one without a payload may leave it out."""
    name = f"Send{''.join(each.capitalize() for each in re.split(r'[^A-Za-z0-9]', type))}"
    default = None if payload is None else ...
    return Accepted(create_model(name, __base__=SendEvent, __doc__=SendEvent.__doc__, payload=(payload, default)))


def _start(workflow: Workflow[Any]) -> Accepted[Start]:
    """Return `Start` with the params that the workflow takes."""
    params = payload_type(workflow.workflow)
    name = f"Start{getattr(params, '__name__', workflow.name)}"
    return Accepted(create_model(name, __base__=Start, __doc__=Start.__doc__, params=(params, ...)))


def _found(workflows: Mapping[str, Workflow[Any]], name: str) -> Workflow[Any]:
    if name not in workflows:
        raise Problem(404, "There is no workflow of this name.")
    return workflows[name]
