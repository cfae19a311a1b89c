"""Routes that start runs: one, or up to a hundred at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints, create_model

from durable.adapters import BYTES_AS_BASE64
from durable.bindings.workflow import MOST_IN_A_BATCH, Workflow
from durable.errors import InvalidInput, RunExists, Throttled, public_message
from durable.http import Accepted, Api, Body, Reply, accepts, described
from durable.http.statuses import CAMEL, Name
from durable.operations.routes.names import INSTANCES, RunName, WorkflowName, found
from durable.store.pools import HIGHEST_PRIORITY
from durable.workflow import payload_type


class Start(BaseModel):
    """What a run is started with; without an id it gets a random one.

    Where it is queued, runs of a higher priority begin first.
    """

    model_config = BYTES_AS_BASE64

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, examples=["order-1234"]
    )
    params: Any
    priority: int = Field(default=0, ge=-HIGHEST_PRIORITY, le=HIGHEST_PRIORITY, examples=[10])


@dataclass(frozen=True, slots=True)
class CreatedRun:
    """A run that was started."""

    __pydantic_config__ = CAMEL
    id: RunName
    workflow: Name


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one of several runs was not started, with the status that it would have got alone."""

    status: Annotated[int, Field(examples=[409])]
    detail: Annotated[str, Field(examples=["A run with this id and other parameters exists."])]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of one of several starts: `new` is false if it had been started before, or was refused."""

    __pydantic_config__ = CAMEL
    id: Annotated[str | None, Field(examples=["order-1234"])]
    new: Annotated[bool, Field(examples=[True])]
    error: Annotated[Refusal | None, Field(examples=[None])]


def add(api: Api, workflows: Mapping[str, Workflow[Any]]) -> None:
    """Add the routes."""
    # One model a workflow: the same route takes other params for each, and the workflow of the path decides which.
    models = {name: _start(each) for name, each in workflows.items()}
    starts: dict[str, Accepted[Start]] = {name: Accepted(each) for name, each in models.items()}
    batches: dict[str, Accepted[list[Start]]] = {name: Accepted(_batch(each)) for name, each in models.items()}

    @api.post(INSTANCES, status_code=201, responses=described(200, 409, 503), tags=["runs"])
    @accepts(*starts.values())
    def create_run(workflow: WorkflowName, body: Body) -> Reply[CreatedRun]:
        """Start a run.

        The same id with the same params again is the same run; with other params it is refused.
        """
        client = found(workflows, workflow)
        start = body.read(starts[workflow])
        made = client.create(start.params, id=start.id, priority=start.priority)
        location = f"/api/workflows/{workflow}/instances/{made.id}"
        return Reply(CreatedRun(made.id, workflow), 201 if made.new else 200, location)

    @api.post(f"{INSTANCES}/batch", blocking=True, tags=["runs"])
    @accepts(*batches.values())
    def create_batch(workflow: WorkflowName, body: Body) -> list[BatchResult]:
        """Start up to 100 runs.

        There is one result for each, in the same order. A refused one does not keep the others from starting.
        """
        client = found(workflows, workflow)
        # All are read before the first is started: a batch with a mistake in its form starts none.
        return [_started(client, each) for each in body.read(batches[workflow])]


def _started(client: Workflow[Any], start: Start) -> BatchResult:
    try:
        made = client.create(start.params, id=start.id, priority=start.priority)
    except (RunExists, InvalidInput, Throttled) as error:
        status = {RunExists: 409, InvalidInput: 422, Throttled: 503}[type(error)]
        # The class decides what is said: the text of an exception may hold the caller's data.
        return BatchResult(start.id, False, Refusal(status, public_message(type(error))))
    return BatchResult(made.id, made.new, None)


def _start(workflow: Workflow[Any]) -> type[Start]:
    """Return `Start` with the params that the workflow takes."""
    params = payload_type(workflow.workflow)
    name = f"Start{getattr(params, '__name__', workflow.name)}"
    return create_model(name, __base__=Start, __doc__=Start.__doc__, params=(params, ...))


def _batch(start: type[Start]) -> Any:
    # The type is made here, of a class that is a value: no type checker can follow.
    items: Any = list[start]  # type: ignore[valid-type]  # as said
    return Annotated[items, Field(min_length=1, max_length=MOST_IN_A_BATCH)]
