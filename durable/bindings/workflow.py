"""Workflow: a workflow class under its declared name, and what starts, shows and changes runs of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, get_args

from durable.bindings.base import Binding, Bindings, bound, listed, wrong
from durable.bindings.compute import Compute
from durable.bindings.limits import Concurrency, Limits, limits_of
from durable.bindings.retention import Retention
from durable.durations import Duration
from durable.errors import DeclarationError, RunRequestError
from durable.schedules import Schedule
from durable.workflow import WorkflowEntrypoint, payload_fields

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
    """Where a run is; `error` is {"name", "message", "step"?} for one that failed.

    Attributes:
        output_url: where the output is read, for some time, when it is too large to stand in `output`, which is None
            then.
    """

    id: str
    workflow: str
    status: Status
    created_at: str
    updated_at: str
    steps: tuple[StepStatus, ...]
    output: Any
    error: dict[str, str] | None
    output_url: str | None = None


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


@dataclass(frozen=True, slots=True)
class Start(Generic[P]):
    """One run of a batch: its params, its id, without which it is given one at random, and its priority."""

    params: P
    id: str | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch did for one run: `new` is False where there was nothing to do; `error` is why it was refused."""

    id: str | None
    new: bool
    error: RunRequestError | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a list. Times are ISO 8601."""

    id: str
    workflow: str
    status: Status
    created_at: str
    updated_at: str
    error: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, those that changed last first; `cursor` is where to go on, and None on the last page."""

    runs: tuple[RunSummary, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened to a run: created, stepStarted, attemptFailed, stepComplete, paused, complete, …"""

    at: str
    type: str
    step: str | None = None
    key: str | None = None
    attempt: int | None = None
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RunHistory:
    """What happened to a run, in order. `cursor` is what to ask with for what happens next; `more`: ask at once."""

    events: tuple[RunEvent, ...]
    cursor: str
    more: bool


MOST_IN_A_BATCH: Final = 100


class Workflow(Binding, Generic[P]):
    """A workflow class under a name, with the bindings that its steps name in their signatures.

    Args:
        schedules: when it starts by itself: a Schedule, or just its cron expression, in UTC.
        nested: whether it has a nested stack of its own on AWS. Without it, the last workflows of a project that is too
            large for one stack have one.
        retention: how long a run is kept after its end, in whole seconds; or `Retention(completed=, failed=)`.
        concurrency: how many runs may execute at once; those above it are `queued`. `Concurrency(limit, key=)` counts
            the runs of each value of a field of the payload by themselves.
        rate: how many runs may begin in any second, minute, hour or day, as "100 per minute".
        search: fields of the payload by which runs are found: texts, numbers or booleans.
        kind: on which machines of Step Functions its runs execute; here it says only which loops are bounded. "express"
            costs about a sixth and starts twenty times as many runs a second. "standard" executes a run whole, with
            Step Functions' graph and its history of 90 days in the console. Without it, `Workflow.default_kind`.

        steps: what steps are given on AWS, by their names, as `{"render": Compute(memory=2048)}`.

    Attributes:
        default_kind: the kind of the workflows that are given none. A project sets it before its declarations.
        default_compute: what all steps are given, where `steps` says nothing else. Set likewise.
    """

    kind: ClassVar[str] = "workflow"
    default_kind: ClassVar[MachineKind] = "express"
    default_compute: ClassVar[Compute] = Compute()

    def __init__(
        self,
        name: str,
        workflow: type[WorkflowEntrypoint[P]],
        *,
        bindings: Mapping[str, Binding] | None = None,
        schedules: Sequence[Schedule | str] = (),
        retention: Duration | Retention = "30 days",
        concurrency: int | Concurrency | None = None,
        rate: str | None = None,
        search: Sequence[str] = (),
        kind: MachineKind | None = None,
        nested: bool | None = None,
        steps: Mapping[str, Compute] = MappingProxyType({}),
    ) -> None:
        super().__init__(name)
        self.nested = nested
        self.steps = self._computes(steps)
        # Read now: a project may set another default between two declarations.
        self.compute = self.default_compute
        self.machine_kind: MachineKind = self.default_kind if kind is None else kind
        # The default too, which a project sets on the class, where no checker looks at it.
        if self.machine_kind not in get_args(MachineKind):
            raise DeclarationError(
                [f"{self!r} has the kind {self.machine_kind!r}; write kind='express' or kind='standard'"]
            )
        if not isinstance(workflow, type) or not issubclass(workflow, WorkflowEntrypoint):
            raise DeclarationError(
                [f"{self!r} is of {workflow!r}; write the class that has `run`, without parentheses"]
            )
        self.retention = retention if isinstance(retention, Retention) else Retention(retention, retention)
        self.schedules = tuple(
            each if isinstance(each, Schedule) else Schedule(each) for each in self._schedules(schedules)
        )
        self.workflow: type[WorkflowEntrypoint[Any]] = workflow
        self.limits = self._with_field_as_json(limits_of(self, concurrency, rate))
        # By the names in JSON: what looks into a payload has it as JSON, and knows no models.
        self.search: Mapping[str, str] = {name: self._field_as_json(name) for name in listed(self, "search", search)}
        self.bindings = bound(self, bindings)

    def uses(self) -> Bindings:
        return self.bindings

    def _computes(self, steps: Mapping[str, Compute]) -> dict[str, Compute]:
        """Return what steps are given. The default is looked at too: a project sets it on the class."""
        if not isinstance(steps, Mapping):
            raise DeclarationError([f"{self!r} has steps={steps!r}; write a dict by step: {{'render': Compute(…)}}"])
        given = {f"steps[{name!r}]": each for name, each in steps.items()} | {"default_compute": self.default_compute}
        problems = [s for name, each in given.items() for s in wrong(self, name, each, Compute, "Compute(memory=1024)")]
        if problems:
            raise DeclarationError(problems)
        return dict(steps)

    def _schedules(self, schedules: Sequence[Schedule | str]) -> tuple[Schedule | str, ...]:
        given: tuple[Schedule | str, ...] = listed(self, "schedules", schedules)
        form = "a cron expression or Schedule(every='5 minutes')"
        if problems := [s for each in given for s in wrong(self, "a schedule", each, (Schedule, str), form)]:
            raise DeclarationError(problems)
        return given

    def _with_field_as_json(self, limits: Limits | None) -> Limits | None:
        if limits is None or limits.key is None:
            return limits
        return replace(limits, key=self._field_as_json(limits.key))

    def _field_as_json(self, name: str) -> str:
        """Return the name in JSON of a field of the payload."""
        # By the names in Python, which an author knows: a wrong one is told here, and not by a list that finds nothing.
        fields = payload_fields(self.workflow)
        if name not in fields:
            there = ", ".join(map(repr, fields)) or "none, as its payload is no model"
            raise DeclarationError([f"{self!r} has no field {name!r} in its payload; there are: {there}"])
        return fields[name]

    def create(
        self, params: P, *, id: str | None = None, idempotency_key: str | None = None, priority: int = 0
    ) -> Created:
        """Start a run: under the id, or one drawn at random, or one derived from the idempotency key.

        Args:
            priority: -1000 to 1000. Where the run is queued, those of a higher priority begin first.

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
        # Of a declaration nothing is known yet: the types stand in the compiled workflow.
        return {}

    def complete_callback(self, token: str, result: Any = None) -> bool:
        """Complete a step that `step.callback` began; return False where somebody had, or the run has ended.

        Raises:
            CallbackUnknown: no step of this workflow has a callback of this token.
            Throttled: nothing was done; try again later.
        """
        self._declared_only()

    def fail_callback(self, token: str, error: str) -> bool:
        """Have a step that `step.callback` began raise CallbackFailed, with this message; see `complete_callback`.

        The message is data of the run: up to 1,000 characters, shown to operators, and in no log.
        """
        self._declared_only()

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

    def create_batch(self, starts: Sequence[Start[P]]) -> tuple[BatchResult, ...]:
        """Start up to 100 runs. There is one result for each, in the same order; a refused one stops no other.

        Raises:
            InvalidInput: the params of one are not of the workflow's type; nothing was started.
        """
        self._declared_only()

    def list(
        self,
        *,
        status: Status | None = None,
        where: tuple[str, object] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Return runs, those that changed last first, up to 100 at a time.

        Args:
            where: a search attribute of the workflow and its value. The runs created last come first then, and
                `since` and `until` are of their creation.
            since: only those that changed then or later.
            until: only those that changed before.
            cursor: of the page before, of the same status.

        Raises:
            ValueError: the cursor is none that a list of this status gave.
        """
        self._declared_only()

    def history(self, id: str, *, after: str | None = None) -> RunHistory:
        """Return what happened to a run since the cursor of an earlier answer, or from the beginning.

        To follow a run, ask again with the cursor of the last answer: each event is returned once.

        Raises:
            RunNotFound: this workflow has no run of that id.
            ValueError: the cursor is none that was given.
        """
        self._declared_only()

    def pause(self, id: str) -> None:
        """Pause a run. A step that is at work ends first: until then the run is `waitingForPause`.

        This and all other transitions raise:
            RunNotFound: this workflow has no run of that id.
            RunConflict: the run is in no status for it; the message says why, and what to do instead.
            Throttled: it was not done, or not all of it; try the same again later.
        """
        self._declared_only()

    def resume(self, id: str, *, code: Literal["latest"] | None = None) -> None:
        """Let a paused run go on; with `code="latest"` also where the workflow has changed since it began."""
        self._declared_only()

    def terminate(self, id: str, *, rollback: bool = False) -> None:
        """End a run, and those that it called. With `rollback`, what its steps did is undone first, newest first."""
        self._declared_only()

    def restart(self, id: str, *, from_step: str | None = None, count: int = 1, result: Any = ...) -> None:
        """Begin a run again with the same params, on today's code.

        Args:
            from_step: begin at this step; what came before it is kept.
            count: in which of that step's rounds, 1 being the first.
            result: what that step has returned, so that only what was begun after it runs again; None is a result too.
        """
        self._declared_only()

    def retry(self, id: str, *, result: Any = ...) -> None:
        """Let a failed run go on at the step that failed, on today's code; completed steps do not run again.

        Args:
            result: what the step that failed has returned, so that it does not run again; None is a result too.
        """
        self._declared_only()

    def delete(self, id: str) -> None:
        """Delete a run that has ended or is paused, with all that is recorded of it."""
        self._declared_only()

    def delete_batch(self, ids: Sequence[str]) -> tuple[BatchResult, ...]:
        """Delete up to 100 runs. There is one result for each, in the same order; a refused one stops no other.

        A run that is not there is no error: `new` is then False.
        """
        self._declared_only()
