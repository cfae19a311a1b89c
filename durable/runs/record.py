"""A run as it is read: its header and its steps, from one query of its partition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Self

from durable.errors import RunNotFound, public_message
from durable.store.keys import HEADER, STEP, header_key, incarnation_of, partition, step_prefix
from durable.store.rows import AnyStep, Header, step_row
from durable.store.search import search_rows
from durable.store.table import Absent, ConditionFailed, Equals, Row, Table, Write

INSTANCE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run.

    Attributes:
        steps: the rows of all its steps, of every epoch, by their sort keys.
        sorts: the sort keys of all its rows.
    """

    header: Header
    steps: tuple[AnyStep, ...]
    sorts: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Self | None:
        """Return the run that all rows of a partition make; None where there is no header among them."""
        # One query shows header and steps as of about one time; a transition is written under conditions of what it
        # read.
        found = {row["sort"]: row for row in rows}
        header = found.get(HEADER)
        if header is None:
            return None
        run = Header.from_row(header)
        if run.payload_apart:
            # It is not among the rows where only the status was read, which shows no payload.
            run = replace(run, payload=found.get(run.payload_key.sort, {}).get("payload"))
        return cls(run, tuple(_steps(run, rows=found.values())), tuple(found))

    @property
    def current(self) -> list[AnyStep]:
        """The steps of the current epoch in the order that they were begun, without those that were forgotten."""
        return current_steps(self.header, self.steps)

    @property
    def latest(self) -> int:
        """When something of the run changed last, in milliseconds since 1970."""
        return latest(self.header, self.current)

    @property
    def latest_activity(self) -> int:
        """When an execution last did something: the header changed, or an attempt of a step began or ended."""
        times = (each for row in self.current for each in (row.started, row.begun, row.ended, row.finished, row.noted))
        return max([self.header.updated, *(each for each in times if each is not None)])


def load(table: Table, workflow: str, instance: str) -> RunRecord:
    """Read a run.

    Raises:
        RunNotFound: the workflow has none of that id.
    """
    # An id from outside of another form could name a partition that is no run's, as a pool's.
    return _found(table.query(partition(workflow, instance)) if INSTANCE_ID.fullmatch(instance) else ())


def _found(rows: Iterable[Row]) -> RunRecord:
    run = RunRecord.of(rows)
    if run is None:
        raise RunNotFound(public_message(RunNotFound))
    return run


def load_status(table: Table, workflow: str, instance: str) -> RunRecord:
    """Read what of a run its status shows: no events and no payload that is apart; those come before the header.

    Raises:
        RunNotFound: the workflow has none of that id.
    """
    return _found(table.query(partition(workflow, instance), since=HEADER) if INSTANCE_ID.fullmatch(instance) else ())


def load_header(table: Table, workflow: str, instance: str) -> Header | None:
    """Read a run's header; None where the workflow has no run of that id."""
    row = table.get(header_key(workflow, instance)) if INSTANCE_ID.fullmatch(instance) else None
    return None if row is None else Header.from_row(row)


def expire_again(table: Table, header: Header) -> None:
    """Give all rows of a run its time once more, where it is over: an execution that was late may have left a row of a
    step whose process died before it saw that.

    Raises:
        TableBusy: not all have it; the same call goes on with it.
    """
    if header.expires is not None:
        same = (Equals("expires", header.expires), Absent("deleting"))
        with suppress(ConditionFailed):
            table.write(Write(header.key, {"expires": header.expires}, when=same))


def is_refused(table: Table, workflow: str, instance: str) -> bool:
    """Return whether a run was ended by a PublicError: whoever started it is told why, and no operator has to look."""
    header = load_header(table, workflow, instance)
    return header is not None and header.refused


def with_payload(table: Table, header: Header) -> Header:
    """Return a header with its payload, which is read where it is in a row of its own.

    A run that is being deleted may have none any more: what executes of it begins no step.
    """
    if not header.payload_apart or header.payload is not None:
        return header
    return replace(header, payload=(table.get(header.payload_key) or {}).get("payload"))


def load_steps(table: Table, header: Header) -> list[AnyStep]:
    """Read the steps of a run's current epoch in the order that they were begun, without those that were forgotten."""
    rows = table.query(header.partition, step_prefix(header.era))
    return current_steps(header, [step_row(row) for row in rows])


def load_all_steps(table: Table, header: Header) -> list[AnyStep]:
    """Read the steps of all epochs of a run."""
    return list(_steps(header, table.query(header.partition, STEP)))


def _steps(header: Header, rows: Iterable[Row]) -> Iterator[AnyStep]:
    """Yield the steps among rows, but for what an earlier run of this id left, or wrote late."""
    for row in rows:
        sort = row["sort"]
        if sort.startswith(STEP) and incarnation_of(sort) == header.incarnation:
            yield step_row(row)


def current_steps(header: Header, steps: Iterable[AnyStep]) -> list[AnyStep]:
    prefix = step_prefix(header.era)
    begun = (row for row in steps if row.sort.startswith(prefix) and row.status != "forgotten")
    # By the counter and not by the times: clocks of two Lambdas differ, and one machine's may be set back.
    return sorted(begun, key=lambda row: row.order)


def latest(header: Header, steps: Sequence[AnyStep]) -> int:
    """Return when something of a run changed last, in milliseconds since 1970."""
    return max([header.updated, *(row.latest for row in steps)])


def new_rows(header: Header, search: Sequence[str]) -> tuple[Row, list[Write]]:
    """Return the row of a new run's header, and the writes of what is kept beside it.

    Args:
        search: the fields of the payload by which the run is found.
    """
    row = header.as_row()
    found = search_rows(header.workflow, header.partition, header.instance, header.created, search, header.payload)
    others = list(found)
    if header.payload_apart:
        row["payload"] = None
        others.append(Write(header.payload_key, {"payload": header.payload}))
    return row, others
