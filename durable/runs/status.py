"""Which steps of a run are shown, and which status it and they are shown in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from durable.bindings.workflow import Status
from durable.store.keys import step_prefix
from durable.store.record import FORGOTTEN, RETRYING, WAITING
from durable.store.statuses import CLOSED
from durable.store.table import Row

_UNDER_WAY: Final = ("running", RETRYING, WAITING)


def current_steps(header: Row, rows: Iterable[Row]) -> list[Row]:
    """Return the step rows of the header's epoch, in the order that they were started; none that was forgotten."""
    prefix = step_prefix(header["epoch"])
    begun = (row for row in rows if row["sort"].startswith(prefix) and row["status"] != FORGOTTEN)
    return sorted(begun, key=lambda row: row["order"])


def shown_status(header: Row, steps: Iterable[Row]) -> Status:
    """Return the status of a run: one that is open waits where a step does and none is under way.

    A header that the engine wrote is exact. The sweep's, which has `wake`, may be old, and so may be one that says
    running.
    """
    status: Status = header["status"]
    if status not in ("running", "waiting") or (status == "waiting" and "wake" not in header):
        return status
    doing = {row["status"] for row in steps}
    if not doing.isdisjoint({"running", "retrying"}):
        return "running"
    return "waiting" if "waiting" in doing else status


def step_status(header: Row, row: Row) -> str:
    """Return the status of a step: one that has no outcome when its run ends was stopped."""
    status: str = row["status"]
    return "stopped" if header["status"] in CLOSED and status in _UNDER_WAY else status
