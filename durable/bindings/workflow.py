"""Workflow: a workflow class under its declared name, and what a worker starts runs of it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args

from durable.bindings.base import Binding, Bindings
from durable.durations import Duration, whole_seconds
from durable.errors import DeclarationError
from durable.schedules import Schedule
from durable.workflow import WorkflowEntrypoint

P = TypeVar("P")

Status = Literal[
    "queued", "running", "waiting", "waitingForPause", "paused", "complete", "errored", "terminated", "rollingBack"
]

MachineKind = Literal["express", "standard"]


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step of a run. Times are ISO 8601; `status` is running, retrying, waiting, complete, errored, undone or
    stopped."""

    name: str
    status: str
    attempts: int
    started_at: str
    finished_at: str | None
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run is; `error` is {"name", "message", "step"?} for one that failed."""

    id: str
    workflow: str
    status: Status
    created_at: str
    updated_at: str
    steps: tuple[StepStatus, ...]
    output: Any
    error: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Created:
    """What `create` did: `new` is False where the same start had been made before."""

    id: str
    new: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """What `send_event` did: `new` is False where the same event had been sent before."""

    id: str
    new: bool


class Workflow(Binding, Generic[P]):
    """A workflow class under a name, with the bindings that its steps name in their signatures.

    Args:
        schedules: when it starts by itself: a Schedule, or just its cron expression, in UTC.
        retention: how long a run is kept after its end, in whole seconds.
        kind: on which machines of Step Functions its runs execute; on one machine it makes no difference. "express"
            costs about a sixth and starts twenty times as many runs a second. "standard" executes a run whole, with
            Step Functions' graph and its history of 90 days in the console. Without it, `Workflow.default_kind`.

    Attributes:
        default_kind: the kind of the workflows that are given none. A project sets it before its declarations.
    """

    kind: ClassVar[str] = "workflow"
    default_kind: ClassVar[MachineKind] = "express"

    def __init__(
        self,
        name: str,
        workflow: type[WorkflowEntrypoint[P]],
        *,
        bindings: Mapping[str, Binding] | None = None,
        schedules: Sequence[Schedule | str] = (),
        retention: Duration = "30 days",
        kind: MachineKind | None = None,
    ) -> None:
        super().__init__(name)
        self.machine_kind: MachineKind = self.default_kind if kind is None else kind
        if self.machine_kind not in get_args(MachineKind):
            raise DeclarationError(
                [f"{self!r} has the kind {self.machine_kind!r}; write kind='express' or kind='standard'"]
            )
        self.retention_seconds = whole_seconds(retention)
        self.schedules = tuple(each if isinstance(each, Schedule) else Schedule(each) for each in schedules)
        self.workflow: type[WorkflowEntrypoint[Any]] = workflow
        self.bindings: Bindings = dict(bindings or {})

    def uses(self) -> Bindings:
        return self.bindings

    def create(self, params: P, *, id: str | None = None, idempotency_key: str | None = None) -> Created:
        """Start a run: under the id, or one drawn at random, or one derived from the idempotency key.

        Raises:
            RunExists: one under this id or key exists that was started with other parameters.
            Throttled: nothing was started; try again later.
        """
        self._declared_only()

    def get(self, id: str) -> RunStatus:
        """Return where the run is.

        Raises:
            RunNotFound: this workflow has no run of that id.
        """
        self._declared_only()

    @property
    def events(self) -> Mapping[str, Any]:
        """The payload's type of each event that the workflow waits for, by the event's type; a client knows them."""
        return {}

    def send_event(self, instance: str, type: str, payload: Any = None, *, id: str | None = None) -> Sent:
        """Send an event to a run: it is kept until the workflow waits for one of its type.

        Sent again under the same id it is the same event; without an id one is drawn at random.

        Raises:
            EventUnknown: the workflow waits for no event of this type.
            RunNotFound: this workflow has no run of that id.
            RunClosed: the run has ended.
            EventExists: an event under this id was sent with another type or payload.
            Throttled: nothing was sent; try again later, with the same id.
        """
        self._declared_only()
