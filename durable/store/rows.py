"""The rows of a run, typed: every field that is stored, what it means and its unit.

`from_row` reads what a table returns: fields that are absent have their defaults, and fields that this version does
not know are left out, so rows of other versions can be read. `as_row` is the inverse: it leaves out what has its
default. Times are in milliseconds since 1970 unless something else is said. Most writes change a few fields only and
stay mappings of field names; they use the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from operator import attrgetter
from typing import Any, Final, Literal, Self

from durable.bindings.workflow import Status
from durable.store.failure import FailureRow, shortened
from durable.store.keys import era_of, flag_key, header_key, partition, path_of, payload_key
from durable.store.machines import Kind, segment_of
from durable.store.parts import AttemptRow, ChangeRow, Parent, Parked, Position, RollbackRow, SleepRow, Wanted
from durable.store.statuses import Outcome, StepState
from durable.store.stored import stored
from durable.store.table import Key, Row
from durable.wire import Undo

_MOST_HISTORY: Final = 20
"""How many earlier attempts a row keeps."""


@stored(frozen=True, slots=True)
class _Stored:
    """Reading and writing of a row, the same for all of them. Values are shared with the table, never copied."""

    @classmethod
    def from_row(cls, row: Row) -> Self:
        known = _FIELDS[cls].keys()
        if row.keys() <= known:
            return cls(**row)
        return cls(**{name: value for name, value in row.items() if name in known})

    def as_row(self) -> Row:
        """Return what is stored; not the sort key, which is part of the row's key."""
        values = zip(_DEFAULTS[type(self)].items(), _VALUES_OF[type(self)](self), strict=True)
        # By identity: False equals 0, and neither may be dropped for the other.
        return {name: value for (name, default), value in values if value is not default and name != "sort"}


@stored(frozen=True, slots=True, kw_only=True)
class Header(_Stored):
    """The row `run`: a run as a whole.

    Attributes:
        epoch: 1, and one more with each restart: steps of another epoch are another run's.
        incarnation: tells the run from others that had its id before; empty in runs of former versions.
        payload: JSON that was checked when the run was created; None where it is apart.
        payload_apart: the payload is in a row of its own: see `durable.runs.record.with_payload`.
        payload_hash: by which a repeated `create` is told from another one under the same id.
        execution: the name of the current execution; what others report is ignored.
        created: when the run was created.
        updated: when the header changed last; lists are sorted by it.
        begun: when this epoch began; None in the first one, unless that had to wait for a slot.
        definition: the hash of the definition that the current execution runs on.
        parent: which step waits for this run's end.
        sensitive: nobody is shown the payload.
        wanted: what is to happen when the execution has stopped.
        closed: nothing of the run executes any more; it was written together with the final status.
        output: what `run` returned, where the status is `complete`.
        error: name, message and perhaps step, where the status is `errored`.
        ended_by: the sort key of the step whose error ended the run; `retry` forgets it.
        refused: a PublicError ended the run: whoever started it is told why, and no operator has to look.
        expires: when all rows of the run vanish, in seconds since 1970; None while it is open.
        changes: what operators did, and earlier ends; the latest come last, 50 at most.
        sleeps: the Wait states that the execution is in.
        wake: when the reconciler looks at a waiting run again; AWS only.
        rollback: the rollback that runs, or the last one that did.
        reopens: it was over, and is about to go on: its rows may have been given another time than it has.
        deleting: its rows are being deleted; only another delete may follow.
        kind: on which machine a run that executes in segments executes now, or was parked; None for a run that one
            execution runs whole.
        code: the versions of the machines that a run in segments executes on, by type; None where they have none.
        generation: 0, and one more with each restart, retry and resume: executions of another generation begin nothing.
        at: where the current execution entered, or the next one will; None is the start.
        parked: why nothing executes; None while something does.
        awaits: the sort key of the wait that a run is parked for.
        due: when a parked run is woken at the latest, and when the reconciler looks at one that executes.
        unexplained: how often in a row the run was parked although the record does not say why.
        priority: a run of a higher one leaves the queue first.
        pool: the partition of the runs that it shares a limit with: see `durable.runs.pools`; None without a limit.
        place: the sort key under which it waits there; None where it does not wait.
        slot, grant: which slot it has there, and the grant that it executes under; they stay when it is closed.
    """

    workflow: str
    instance: str
    epoch: int
    status: Status
    payload: Any
    payload_hash: str
    execution: str
    created: int
    updated: int
    payload_apart: bool = False
    incarnation: str = ""
    begun: int | None = None
    definition: str | None = None
    parent: Parent | None = None
    sensitive: bool = False
    wanted: Wanted | None = None
    closed: bool = False
    output: Any = None
    error: Mapping[str, str] | None = None
    ended_by: str | None = None
    refused: bool = False
    expires: int | None = None
    changes: Sequence[ChangeRow] = ()
    sleeps: Sequence[SleepRow] = ()
    wake: int | None = None
    rollback: RollbackRow | None = None
    reopens: bool = False
    deleting: bool = False
    kind: Kind | None = None
    code: Mapping[Kind, str] | None = None
    generation: int = 0
    at: Position | None = None
    parked: Parked | None = None
    awaits: str | None = None
    due: int | None = None
    unexplained: int = 0
    priority: int = 0
    pool: str | None = None
    place: str | None = None
    slot: str | None = None
    grant: str | None = None

    @property
    def machine(self) -> str:
        """The name of the machine that executes the run."""
        # A run that one execution runs whole is executed by the machine that has the workflow's own name.
        return self.workflow if self.kind is None else segment_of(self.workflow, self.kind)

    @property
    def machine_version(self) -> str | None:
        """The version of that machine; None where it has none."""
        return None if self.kind is None or self.code is None else self.code.get(self.kind)

    @property
    def key(self) -> Key:
        return header_key(self.workflow, self.instance)

    @property
    def flag(self) -> Key:
        return flag_key(self.partition, self.incarnation)

    @property
    def payload_key(self) -> Key:
        return payload_key(self.partition, self.incarnation)

    @property
    def partition(self) -> str:
        return partition(self.workflow, self.instance)

    @property
    def era(self) -> str:
        return era_of(self.epoch, self.incarnation)

    @property
    def status_after_rollback(self) -> Status:
        """The status that follows the rollback which is under way."""
        return (self.rollback or {}).get("then", "terminated")


@stored(frozen=True, slots=True, kw_only=True)
class _Step(_Stored):
    """What the rows of all steps have, whether they are run or waited for.

    Attributes:
        sort: the row's sort key; empty where the row was read by its key.
        step: the name of the step.
        order: sorts steps as they were begun.
        started: when the first attempt began; a wait's is when its Task was entered.
        attempts: how many attempts were begun since the outcome was last forgotten.
        input_hash: of the input that the step was begun with; a recorded outcome fits no other.
        sensitive: nobody is shown the step's data.
        outcome: which of `result` and `error` ended the step; None while it has not ended.
        by_reference: the result is a reference to a value that is kept beside the record.
        error: why the last attempt failed.
        finished: when the step ended.
        handled: an `except` of the run catches the error, so `retry` leaves the step alone.
        again: how often a result was forgotten: each time the idempotency key is another one.
        history: the attempts before the current one, the latest last.
        begun: when the current attempt began, from the second one on.
        ended: when the last attempt failed that was not final.
        noted: when a wait was written.
        recorded: when the outcome of a wait was written.
        title: what the run calls it, where it computes the name.
    """

    sort: str = ""
    step: str
    status: StepState
    order: str
    started: int
    attempts: int
    input_hash: str
    sensitive: bool = False
    outcome: Outcome | None = None
    result: Any = None
    by_reference: bool = False
    error: FailureRow | None = None
    finished: int | None = None
    handled: bool = False
    again: int = 0
    history: Sequence[AttemptRow] = ()
    begun: int | None = None
    ended: int | None = None
    noted: int | None = None
    recorded: int | None = None
    title: str | None = None

    @property
    def path(self) -> str:
        """The path of blocks and rounds to the step: its key within the run."""
        return path_of(self.sort)

    @property
    def latest(self) -> int:
        """When the step began or ended, whichever was last."""
        return self.started if self.finished is None else self.finished

    @property
    def failed_finally(self) -> FailureRow | None:
        """The error that is the step's outcome; None where it has another one, or none."""
        return self.error if self.outcome == "error" else None

    def all_attempts(self) -> list[AttemptRow]:
        """Return the attempts so far with the current one, the latest last; 20 at most.

        Numbers go on when an outcome is forgotten.
        """
        earlier = list(self.history)
        if not self.attempts:
            return earlier
        error = self.error
        attempt: AttemptRow = {
            # From the last number and not from the length: the oldest attempts have fallen away.
            "number": earlier[-1].get("number", len(earlier)) + 1 if earlier else 1,
            "started": self.started if self.begun is None else self.begun,
            "finished": self.ended if self.finished is None else self.finished,
            "error": None if error is None else shortened(error),
        }
        if self.outcome is not None:
            attempt["outcome"] = self.outcome
        if self.noted is not None:
            attempt["noted"] = self.noted
        if self.recorded is not None:
            attempt["recorded"] = self.recorded
        return [*earlier, attempt][-_MOST_HISTORY:]


@stored(frozen=True, slots=True, kw_only=True)
class StepRow(_Step):
    """The row of a step that a function runs.

    Attributes:
        owner: the invocation that holds the lease; None between attempts and after the end.
        lease: until when nobody else may run the step.
        wake: when the next attempt is due: on one machine, and where the step says.
        input: the data arguments, where they are kept: see `durable.steps.step`.
        references: the parameters of the input that may hold a reference to a large value.
        lists: those that may hold a list of references.
        secret: of its callback, where it has one.
        undo: how the step is undone.
        undo_by: the rollback execution that tried to undo it.
        undo_attempts: how often that tried.
        undo_owner, undo_lease: as `owner` and `lease`, of the undo.
        undo_error, undo_ended: why and when the last try failed.
        undo_failed: there is no other try.
        undo_wake: when the next try is due, where the undo says.
    """

    owner: str | None = None
    lease: int = 0
    wake: int | None = None
    input: Mapping[str, Any] | None = None
    references: Sequence[str] = ()
    lists: Sequence[str] = ()
    secret: str | None = field(default=None, repr=False)
    undo: Undo | None = None
    undo_by: str | None = None
    undo_attempts: int = 0
    undo_owner: str | None = None
    undo_lease: int = 0
    undo_error: FailureRow | None = None
    undo_ended: int | None = None
    undo_failed: bool = False
    undo_wake: int | None = None

    @property
    def is_undoable(self) -> bool:
        """Whether the step has done what can be undone."""
        return self.undo is not None and self.outcome == "result"


@stored(frozen=True, slots=True, kw_only=True)
class WaitRow(_Step):
    """The row of a step that is answered by a task token: a wait for an event, or a call of another workflow.

    That of a race has no token: it is written when a branch has won, with what that returned.

    Attributes:
        token: of the Task that waits; a run that goes on waits under another one. None where the wait was let go.
        put: by which calls a token was put here, the latest last: see `durable.steps.callbacks`.
        tried: the execution whose Task waits, as a hash, and how often that Task was tried before.
        delivered: None until there is an outcome; then whether the token was answered with it.
        anew: how often the outcome was forgotten.
        teller, telling: which process is delivering the outcome, and until when that is left to it.
        caught: names of the errors that an `except` around the step catches.
        type: of the event that is waited for.
        deadline: until when an event must have been sent; a call of a workflow has none.
        calls: the workflow that is called.
        passes: whether the output of the called workflow may be a reference to a large value.
        read: what looks into that output, where anything does.
        first_in: the execution that called first; it is part of the child's id.
        races: the keys of the races around a wait for an event.
        branch: of a race, which branch has won, counted from 0.
    """

    kind: Literal["event", "child", "race"]
    token: str | None = None
    put: Sequence[str] = ()
    tried: tuple[str, int] | None = None
    delivered: bool | None = None
    anew: int = 0
    teller: str | None = None
    telling: int = 0
    caught: Sequence[str] = ()
    type: str = ""
    deadline: int | None = None
    calls: str = ""
    passes: bool = False
    read: str = ""
    first_in: str | None = None
    races: Sequence[str] = ()
    branch: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody waits for the outcome."""
        return self.outcome is None and self.status == "waiting"


AnyStep = StepRow | WaitRow


def step_row(row: Row) -> AnyStep:
    """Read the row of a step, whichever it is."""
    return WaitRow.from_row(row) if "kind" in row else StepRow.from_row(row)


@stored(frozen=True, slots=True, kw_only=True)
class EventRow(_Stored):
    """An event that was sent to a run.

    Attributes:
        sort: the row's sort key.
        payload: JSON; None once the event was taken, for then the wait has it.
        hash: of type and payload, by which a repeated event is told from another one under the same id.
        number: how many were sent to the run before, and one: waits get events in this order.
        sent: when it was sent; it is in time for a wait whose deadline is later.
        taken: the sort key of the wait that got it.
        failure: of an event that completes a callback with an error, what it says.
    """

    sort: str = ""
    type: str
    payload: Any = None
    hash: str
    number: int
    sent: int
    taken: str | None = None
    failure: str | None = None


_ROWS: Final = (Header, StepRow, WaitRow, EventRow)
_FIELDS: Final[Mapping[type, Mapping[str, None]]] = {
    cls: dict.fromkeys(each.name for each in fields(cls)) for cls in _ROWS
}
_VALUES_OF: Final[Mapping[type, Callable[[Any], tuple[Any, ...]]]] = {
    cls: attrgetter(*(each.name for each in fields(cls))) for cls in _ROWS
}
_DEFAULTS: Final[Mapping[type, Mapping[str, Any]]] = {
    cls: {each.name: each.default for each in fields(cls)} for cls in _ROWS
}
