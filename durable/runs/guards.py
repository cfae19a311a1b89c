"""What guards a run's header: conditions on what it was read as, and the flag that keeps executions out; which of its
fields go when the run goes on; and what is put in the place of a run that is not to be created."""

from __future__ import annotations

import os
from typing import Final

from durable.bindings.workflow import Status
from durable.runs.ids import execution_name
from durable.store.parts import Parent, Wanted
from durable.store.rows import Header
from durable.store.table import Absent, Condition, ConditionFailed, Delete, Equals, Table, Write

WAITING_FIELDS: Final = ("sleeps", "wake")
"""The fields of a header that say what its execution waits for: see `durable.runs.waiting`."""
PARKED_FIELDS: Final = ("parked", "awaits", "due", "unexplained")
"""The fields of a header that say that a run is parked, and until when."""
_ENDED_FIELDS: Final = ("closed", "wanted", "output", "error", "ended_by", "refused", "rollback", "reopens")
_SLOT_FIELDS: Final = ("pool", "place", "slot", "grant")


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


def outlived(header: Header) -> tuple[str, ...]:
    """Return the fields of a header that go when its run goes on: how it ended, what it waited for, and its slot, which
    it asks for anew.
    """
    # To remove `expires` makes DynamoDB's table go through all rows of the partition.
    kept_until = () if header.expires is None else ("expires",)
    return (*_ENDED_FIELDS, *WAITING_FIELDS, *PARKED_FIELDS, *_SLOT_FIELDS, *kept_until)


def unchanged(header: Header) -> tuple[Condition, ...]:
    """Return the conditions that a run has not moved since its header was read, and is not being deleted."""
    return *where_it_was(header), Absent("deleting")


def where_it_was(header: Header) -> tuple[Condition, ...]:
    """Return the conditions that a run has not moved since its header was read: same execution, status and wish."""
    return Equals("execution", header.execution), Equals("status", header.status), wanted_still(header.wanted)


def wanted_still(wanted: Wanted | None) -> Condition:
    """Return the condition that the same is wanted of a run as when its header was read."""
    return Absent("wanted") if wanted is None else Equals("wanted", wanted)


def forestall(table: Table, workflow: str, instance: str, parent: Parent, *, now: int, expires: int) -> bool:
    """Have a child run not be created any more, to its parent it was terminated; False where it was created before.

    A call reads the flag of its run and creates the child afterwards: whoever ends the run may look for the child in
    between, and find none. So a header is put in the child's place, on the condition that the child's own is: of the
    two writes one is first, and the other meets it.

    Args:
        expires: when the header vanishes, in seconds since 1970: as long as that, the call may come late.
    """
    header = Header(
        workflow=workflow,
        instance=instance,
        epoch=1,
        status="terminated",
        payload=None,
        payload_hash="",  # no payload has it: so the `create` that comes later is refused
        incarnation=os.urandom(4).hex(),
        execution=execution_name(instance),
        created=now,
        updated=now,
        parent=parent,
        closed=True,
        deleting=True,  # nobody can restart what has no payload
        expires=expires,
    )
    try:
        table.write(Write(header.key, header.as_row(), when=(Absent("epoch"),)))
    except ConditionFailed as failed:
        return Header.from_row(failed.rows[0] or {}).payload_hash == ""
    return True
