"""Keeping a child run from being created whose parent is being ended.

A call reads the flag of its run and creates the child afterwards: whoever ends the run may look for the child in
between, and find none. So a header is put in the child's place, on the same condition as that of the run would be: of
the two writes one is first, and the other meets it.
"""

from __future__ import annotations

import os

from durable.runs.ids import execution_name
from durable.store.parts import Parent
from durable.store.rows import Header
from durable.store.table import Absent, ConditionFailed, Table, Write


def forestall(table: Table, workflow: str, instance: str, parent: Parent, *, now: int, expires: int) -> bool:
    """Have a child not be created any more: to its parent it was terminated. False where it was created before.

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
