"""What guards a run's header: conditions on what it was read as, and the flag that keeps executions out; which of its
fields go when the run goes on."""

from __future__ import annotations

from typing import Final

from durable.bindings.workflow import Status
from durable.store.parts import Wanted
from durable.store.rows import Header
from durable.store.table import Absent, Condition, Delete, Equals, Write

WAITING_FIELDS: Final = ("sleeps", "wake")
"""The fields of a header that say what its execution waits for: see `durable.runs.waiting`."""
PARKED_FIELDS: Final = ("parked", "due", "unexplained")
"""The fields of a header that say that a run is parked, and until when."""


def flag_at_the_end(header: Header, status: Status) -> tuple[Write | Delete, ...]:
    """Return the change to the flag row when an execution ends. During a rollback the flag stays set, so that a late
    step cannot start.
    """
    if status == "rollingBack":
        return (Write(header.flag, {"want": "rollback"}),)
    if status == "errored":
        # Step Functions does not end the Lambdas of branches that an error cut off, and a cold one begins its step
        # after this. It is to begin nothing: its row would miss the expiry that the others have by now.
        return (Write(header.flag, {"least": header.generation + 1}, remove=("want",)),)
    if header.wanted is None or status != "complete":
        return ()
    # The rest of the row keeps executions of earlier generations out.
    is_fenced = header.kind is not None or header.generation
    return (Write(header.flag, remove=("want",)) if is_fenced else Delete(header.flag),)


def unchanged(header: Header) -> tuple[Condition, ...]:
    """Return the conditions that a run has not moved since its header was read, and is not being deleted."""
    return *where_it_was(header), Absent("deleting")


def where_it_was(header: Header) -> tuple[Condition, ...]:
    """Return the conditions that a run has not moved since its header was read: same execution, status and wish."""
    return Equals("execution", header.execution), Equals("status", header.status), wanted_still(header.wanted)


def wanted_still(wanted: Wanted | None) -> Condition:
    """Return the condition that the same is wanted of a run as when its header was read."""
    return Absent("wanted") if wanted is None else Equals("wanted", wanted)
