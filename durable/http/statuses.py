"""The status of a run as public routes return it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, NotRequired, cast

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from durable.bindings.workflow import RunStatus, Status, StepStatus

CAMEL: Final = ConfigDict(alias_generator=to_camel)
"""The `__pydantic_config__` of a response: its fields are camelCase on the wire."""

Id = Annotated[str, Field(examples=["01a205bd-83f3-7f5e-9d0a-3c6f4a2f1b7e"])]
Name = Annotated[str, Field(examples=["order"])]
StepName = Annotated[str, Field(examples=["charge"])]
StepState = Annotated[str, Field(examples=["complete"], description="running, retrying, waiting, complete or errored")]
State = Annotated[Status, Field(examples=["complete"])]
Attempts = Annotated[int, Field(examples=[1])]
Time = Annotated[str, Field(examples=["2026-01-01T00:00:00.000Z"], json_schema_extra={"format": "date-time"})]
OutputUrl = Annotated[str | None, Field(examples=[None])]
Output = Annotated[Any, Field(examples=[{"tracking": "2-book", "cents": 3000}])]


class RunError(TypedDict):
    """Why a run or a step failed: the error's name, a sentence, and the step where it was one."""

    name: str
    message: str
    step: NotRequired[str]


Failure = Annotated[RunError | None, Field(examples=[None])]


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started."""

    __pydantic_config__ = CAMEL
    workflow_id: Id


@dataclass(frozen=True, slots=True)
class Step:
    """The progress of a step."""

    __pydantic_config__ = CAMEL
    name: StepName
    status: StepState
    attempts: Attempts
    started_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, step: StepStatus) -> Step:
        return cls(step.name, step.status, step.attempts, step.started_at, step.finished_at)


@dataclass(frozen=True, slots=True)
class WorkflowStatus:
    """The progress of a run; it has an `output` once it is complete, and an `error` once it has failed.

    An output of more than 240 KiB is read at the `outputUrl`.
    """

    __pydantic_config__ = CAMEL
    workflow_id: Id
    workflow: Name
    status: State
    created_at: Time
    updated_at: Time
    steps: tuple[Step, ...]
    output: Output
    error: Failure
    output_url: OutputUrl = None

    @classmethod
    def of(cls, run: RunStatus) -> WorkflowStatus:
        return cls(
            workflow_id=run.id,
            workflow=run.workflow,
            status=run.status,
            created_at=run.created_at,
            updated_at=run.updated_at,
            steps=tuple([Step.of(each) for each in run.steps]),
            output=run.output,
            error=cast(RunError | None, run.error),
            output_url=run.output_url,
        )
