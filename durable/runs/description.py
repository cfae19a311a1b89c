"""A run as people see it: all that the record knows, but for the data of steps that are marked sensitive.

There is one read model. Operators see the whole description, whoever started the run sees the part of it that is
`RunStatus`, and lists show what the header alone says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from durable.bindings.workflow import RunStatus, Status, StepStatus
from durable.clock import timestamp
from durable.runs.output import link_to, output_of
from durable.runs.record import RunRecord, latest
from durable.store.failure import FailureRow
from durable.store.large_values import LargeValues
from durable.store.parts import AttemptRow, SleepRow
from durable.store.rows import AnyStep, Header, StepRow, WaitRow
from durable.store.statuses import CLOSED, FAILED_ATTEMPT, UNDER_WAY
from durable.store.values import text_of

CAMEL: Final = ConfigDict(alias_generator=to_camel)


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as a list shows it."""

    __pydantic_config__ = CAMEL
    id: str
    workflow: str
    status: Status
    epoch: int
    created_at: str
    updated_at: str
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a step. `finished_at` is None while it runs, and for one whose process died.

    Attributes:
        number: which it was of all of this epoch; None where an older version recorded it.
    """

    __pydantic_config__ = CAMEL
    number: int | None
    started_at: str
    finished_at: str | None
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class StepDescription:
    """A step of a run, in one round.

    Attributes:
        key: the path of blocks and rounds to it; its name where there are none.
        title: what the run calls it, where it computes the name; else its name.
        attempts: the latest of them, also those before a retry or a restart from a step.
        attempts_used: how many of the attempts that it may have were begun; a retry of the run counts from 0 again.
        event_type: of the event that it waits for; None while it waits for none.
        wake_at: until when it waits at the latest, for what it waits for or for its next attempt, where that is known.
        input: the data by parameter; None where it is too large to be kept, or sensitive.
        output_url: where the output is read that is kept beside the record.
        error: of the last attempt: name, message, the exception's own class, and the frames it came through.
    """

    __pydantic_config__ = CAMEL
    name: str
    key: str
    title: str
    status: str
    attempts: tuple[Attempt, ...]
    attempts_used: int
    started_at: str
    finished_at: str | None
    wake_at: str | None
    event_type: str | None
    input: Any
    output: Any
    error: Mapping[str, Any] | None
    sensitive: bool
    output_url: str | None = None


@dataclass(frozen=True, slots=True)
class SleepDescription:
    """A sleep that a run is in; `wake_at` is None where it is not known."""

    __pydantic_config__ = CAMEL
    name: str
    started_at: str
    wake_at: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """A run. `params` are null where they may hold a secret; `wanted` is what happens when its execution stopped.
    An output that is too large to be shown is read at the `output_url`.

    `steps` are a page of them, and `next_step` is the number of the first on the next page; null on the last page.
    """

    __pydantic_config__ = CAMEL
    id: str
    workflow: str
    status: Status
    epoch: int
    execution: str
    created_at: str
    updated_at: str
    params: Any
    output: Any
    error: Mapping[str, str] | None
    wanted: str | None
    rollback: Mapping[str, Any] | None
    steps: tuple[StepDescription, ...]
    sleeps: tuple[SleepDescription, ...]
    next_step: int | None = None
    output_url: str | None = None


def entry(header: Header) -> Entry:
    """Return what lists show of a run."""
    return Entry(
        id=header.instance,
        workflow=header.workflow,
        status=header.status,
        epoch=header.epoch,
        created_at=timestamp(header.created),
        updated_at=timestamp(header.updated),
        error=header.error,
    )


def page_of(description: Description, first: int, most_bytes: int) -> Description:
    """Return a description with those of its steps that fit, from one on, which is there in any case."""
    # Lazily: of 10,000 steps only those are measured that fit into the answer.
    sizes = (_size(each) for each in description.steps[first:])
    fitting = list(itertools.takewhile(lambda total: total <= most_bytes, itertools.accumulate(sizes)))
    after = first + max(1, len(fitting))
    more = after if after < len(description.steps) else None
    return replace(description, steps=description.steps[first:after], next_step=more)


def _size(step: StepDescription) -> int:
    """Return about how many bytes a step takes in an answer."""
    return len(text_of([step.input, step.output]).encode("utf-8", "surrogatepass")) + _STEP_BYTES


def describe(run: RunRecord, values: LargeValues | None = None) -> Description:
    """Return what operators see of a run, but for the links to what its steps returned.

    Raises:
        ValuesBusy: its output cannot be read now.
    """
    header, steps = run.header, run.current
    output, output_url = output_of(values, header, steps)
    return Description(
        id=header.instance,
        workflow=header.workflow,
        status=_status(header, steps),
        epoch=header.epoch,
        execution=header.execution,
        created_at=timestamp(header.created),
        updated_at=timestamp(latest(header, steps)),
        params=None if header.sensitive else header.payload,
        output=output,
        output_url=output_url,
        error=header.error,
        wanted=header.wanted,
        rollback=header.rollback,
        steps=tuple(_step(header, row) for row in steps),
        sleeps=tuple(_sleep(each) for each in header.sleeps),
    )


def with_links(description: Description, run: RunRecord, values: LargeValues) -> Description:
    """Return a description in which results that are kept beside the record are links.

    Only of the steps that it shows: a link is signed, and a run may have 10,000.
    """
    kept = {row.path: row.result for row in run.current if row.by_reference and not row.sensitive}
    steps = (
        replace(each, output_url=link_to(values, run.header, kept[each.key])) if each.key in kept else each
        for each in description.steps
    )
    return replace(description, steps=tuple(steps))


def status_of(record: RunRecord, values: LargeValues | None = None) -> RunStatus:
    """Return what whoever started a run sees of it.

    Raises:
        ValuesBusy: its output cannot be read now.
    """
    header, steps = record.header, record.current
    output, output_url = output_of(values, header, steps)
    return RunStatus(
        id=header.instance,
        workflow=header.workflow,
        status=_status(header, steps),
        created_at=timestamp(header.created),
        updated_at=timestamp(latest(header, steps)),
        steps=tuple(_step_status(header, each) for each in steps),
        output=output,
        output_url=output_url,
        error=None if header.error is None else dict(header.error),
    )


_STEP_BYTES: Final = 2_000
"""What is said of a step besides its input and output, attempts included."""
_AT_WORK: Final = ("retry", "lease", "turn")
"""Runs that are parked so are within a step: it is tried again, or has outlived its execution."""


def _status(header: Header, steps: Iterable[AnyStep]) -> Status:
    """Return the status of a run: one that is open waits where a step does and none is under way.

    A header that the engine wrote is exact. The reconciler's, which has `wake` or is of a run on Standard, may be old,
    and so may be one that says running.
    """
    status = header.status
    if header.parked in _AT_WORK:
        return "running"
    is_exact = status == "waiting" and header.wake is None and header.kind != "standard"
    if status not in ("running", "waiting") or is_exact:
        return status
    doing = {row.status for row in steps}
    if not doing.isdisjoint({"running", "retrying"}):
        return "running"
    return "waiting" if "waiting" in doing else status


def _step(header: Header, row: AnyStep) -> StepDescription:
    data = row if isinstance(row, StepRow) else None
    hidden = row.sensitive
    return StepDescription(
        name=row.step,
        key=row.path,
        title=row.step if row.title is None else row.title,
        status=_step_state(header, row),
        attempts=tuple(_attempt(each) for each in row.all_attempts()),
        attempts_used=row.attempts,
        started_at=timestamp(row.started),
        finished_at=None if row.finished is None else timestamp(row.finished),
        wake_at=_wake_at(header, row),
        event_type=_event_type(header, row),
        input=None if hidden or data is None else data.input,
        output=None if hidden or row.by_reference else row.result,
        error=_error(row),
        sensitive=hidden,
    )


def _step_status(header: Header, row: AnyStep) -> StepStatus:
    error = _error(row)
    return StepStatus(
        name=row.step,
        status=_step_state(header, row),
        attempts=row.attempts,
        started_at=timestamp(row.started),
        finished_at=None if row.finished is None else timestamp(row.finished),
        error=None if error is None else {"name": error["name"], "message": error["message"]},
    )


def _step_state(header: Header, row: AnyStep) -> str:
    """Return a step's status; one that has no outcome when its run ends was stopped."""
    return "stopped" if header.status in CLOSED and row.status in UNDER_WAY else row.status


def _error(row: AnyStep) -> FailureRow | None:
    """Return the error of a step's last attempt, if that failed."""
    return row.error if row.status in FAILED_ATTEMPT else None


def _wake_at(header: Header, row: AnyStep) -> str | None:
    if header.status in CLOSED:
        return None
    if isinstance(row, WaitRow):
        at = row.deadline if row.status == "waiting" else None
    else:
        is_next = header.parked == "retry" and row.wake is None
        at = (header.due if is_next else row.wake) if row.status == "retrying" else None
    return None if at is None else timestamp(at)


def _event_type(header: Header, row: AnyStep) -> str | None:
    waits = isinstance(row, WaitRow) and row.status == "waiting" and header.status not in CLOSED
    return row.type or None if waits and isinstance(row, WaitRow) else None


def _sleep(sleep: SleepRow) -> SleepDescription:
    until = sleep.get("until")
    return SleepDescription(sleep["state"], timestamp(sleep["since"]), None if until is None else timestamp(until))


def _attempt(attempt: AttemptRow) -> Attempt:
    finished = None if attempt["finished"] is None else timestamp(attempt["finished"])
    return Attempt(attempt.get("number"), timestamp(attempt["started"]), finished, attempt["error"])
