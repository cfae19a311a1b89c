"""The route that sends an event to a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, create_model

from durable.adapters import BYTES_AS_BASE64
from durable.bindings.workflow import Workflow
from durable.http import Accepted, Api, Body, Parameter, Problem, Reply, RunId, accepts, described
from durable.http.statuses import CAMEL
from durable.operations.routes.names import INSTANCE, WorkflowName, found
from durable.wire import EVENT_TYPE

EventType = Annotated[str, Parameter("path", EVENT_TYPE.pattern, "The type of the event.", example="approved")]


class SendEvent(BaseModel):
    """An event; without an id it gets a random one."""

    model_config = BYTES_AS_BASE64

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, examples=["mail-77"]
    )
    payload: Any


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event that is kept for a run until its workflow waits for one of this type."""

    __pydantic_config__ = CAMEL
    id: Annotated[str, Field(examples=["mail-77"])]
    type: Annotated[str, Field(examples=["approved"])]


def add(api: Api, workflows: Mapping[str, Workflow[Any]]) -> None:
    """Add the route."""
    accepted = {
        (name, type): _event(type, payload) for name, each in workflows.items() for type, payload in each.events.items()
    }

    @api.post(
        f"{INSTANCE}/events/{{type}}",
        status_code=202,
        blocking=True,
        responses=described(200, 409, 503),
        tags=["events"],
    )
    @accepts(*accepted.values())
    def send_event(workflow: WorkflowName, id: RunId, type: EventType, body: Body) -> Reply[SentEvent]:
        """Send an event to a run.

        It is kept until the workflow waits for one of its type; the first in is the first out. The same id with the
        same payload again is the same event; with another payload it is refused.
        """
        client = found(workflows, workflow)
        if (workflow, type) not in accepted:
            known = ", ".join(client.events) or "none"
            raise Problem(404, f"The workflow waits for no event of this type; it waits for: {known}.")
        # The type of the path decides how the body is read: each event has a payload of its own.
        event = body.read(accepted[workflow, type])
        sent = client.send_event(id, type, event.payload, id=event.id)
        return Reply(SentEvent(sent.id, type), 202 if sent.new else 200)


def _event(type: str, payload: Any) -> Accepted[SendEvent]:
    """Return `SendEvent` with the payload that events of a type have; one without a payload may leave it out."""
    name = f"Send{''.join(each.capitalize() for each in re.split(r'[^A-Za-z0-9]', type))}"
    default = None if payload is None else ...
    return Accepted(create_model(name, __base__=SendEvent, __doc__=SendEvent.__doc__, payload=(payload, default)))
