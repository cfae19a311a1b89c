"""Rows of a record, for tests that need one and not how it came about."""

from __future__ import annotations

from typing import Any

from durable.bindings.workflow import Status
from durable.store.rows import Header


def header(workflow: str, instance: str, status: Status, *, at: int = 1, **others: Any) -> Header:
    """Return the header of a run that was created and changed at a time in milliseconds since 1970."""
    return Header(
        workflow=workflow,
        instance=instance,
        epoch=1,
        status=status,
        payload=None,
        payload_hash="h",
        execution=f"{instance}.x",
        **{"created": at, "updated": at, **others},
    )
