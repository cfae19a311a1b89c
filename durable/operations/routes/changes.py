"""Routes that change a run: its status, as on Cloudflare; and the one that deletes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from durable.bindings.workflow import Workflow
from durable.http import Api, RunId, described
from durable.http.statuses import CAMEL, Name, State, Time
from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries
from durable.operations.routes.names import INSTANCE, RunName, WorkflowName, found
from durable.runs.transitions import From, Given, Order
from durable.wire import MAX_STEP_NAME

StepName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_STEP_NAME)]


class RestartFrom(BaseModel):
    """A step to restart from: its name, and which of its rounds, 1 being the first that was begun."""

    model_config = ConfigDict(strict=True)
    name: StepName = Field(examples=["charge"])
    count: int = Field(default=1, ge=1, examples=[1])


class Change(BaseModel):
    """What to do with a run.

    `rollback` goes with terminate: undo the completed steps first. `from` goes with restart: the step to start at, or
    which of its rounds; earlier steps keep their results. `code` goes with resume, retry and restart: go on although
    the workflow has changed. `result` goes with restart `from` a step: that has returned it, and what comes after runs
    again; and with retry: the step that the run failed at has returned it.
    """

    model_config = ConfigDict(strict=True)
    status: Literal["pause", "resume", "terminate", "restart", "retry"] = Field(examples=["pause"])
    rollback: bool = False
    from_: StepName | RestartFrom | None = Field(default=None, alias="from")
    code: Literal["latest"] | None = None
    result: Any = Field(default=None, examples=[{"charge": "ch_1"}])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rollback and self.status != "terminate":
            raise ValueError("rollback goes with terminate only")
        if self.from_ is not None and self.status != "restart":
            raise ValueError("from goes with restart only")
        if self.code is not None and self.status not in ("resume", "retry", "restart"):
            raise ValueError("code goes with what starts an execution only")
        if self._has_result and not (self.status == "retry" or (self.status == "restart" and self.from_ is not None)):
            raise ValueError("result is of one step: name that in from")
        return self

    @property
    def _has_result(self) -> bool:
        return "result" in self.model_fields_set  # null is a result too

    def order(self) -> Order:
        # The short form means the first round of the step.
        start = RestartFrom(name=self.from_) if isinstance(self.from_, str) else self.from_
        return Order(
            self.status,
            rollback=self.rollback,
            start=From(start.name, start.count) if start else None,
            latest=self.code == "latest",
            result=Given(self.result) if self._has_result else None,
        )


@dataclass(frozen=True, slots=True)
class ChangedRun:
    """The status of a run after a change, and since when it has it.

    A change that waits for a step to end has not happened yet: the run is then shown with `wanted`.
    """

    __pydantic_config__ = CAMEL
    id: RunName
    workflow: Name
    status: State
    timestamp: Time


@dataclass(frozen=True, slots=True)
class DeletedRun:
    """A run that was deleted."""

    __pydantic_config__ = CAMEL
    id: RunName
    workflow: Name


def add(api: Api, workflows: Mapping[str, Workflow[Any]], lifecycle: Lifecycle, queries: Queries) -> None:
    """Add the routes."""

    @api.patch(f"{INSTANCE}/status", blocking=True, responses=described(409, 503), tags=["runs"])
    def change_run(workflow: WorkflowName, id: RunId, change: Change) -> ChangedRun:
        """Pause, resume, terminate, restart or retry a run.

        A change that does not fit its status is refused with 409 and the reason.
        """
        found(workflows, workflow)
        lifecycle.carry_out(workflow, id, change.order())
        # Read after the change: it may have come to more than what was asked, as an end that was faster.
        now = queries.entry(workflow, id)
        return ChangedRun(now.id, now.workflow, now.status, now.updated_at)

    @api.delete(INSTANCE, blocking=True, responses=described(409, 503), tags=["runs"])
    def delete_run(workflow: WorkflowName, id: RunId) -> DeletedRun:
        """Delete a run that is not executing, with its whole record."""
        found(workflows, workflow)
        lifecycle.carry_out(workflow, id, Order("delete"))
        return DeletedRun(id, workflow)
