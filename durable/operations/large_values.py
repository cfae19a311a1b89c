"""Deleting the large values of runs that are gone: by the end of their retention, or while one was still written."""

from __future__ import annotations

from durable.runs.record import load_header
from durable.store.large_values import LargeValues
from durable.store.table import RowsUnreadable, Table


def sweep(values: LargeValues, table: Table) -> int:
    """Delete the values of runs that the record has no more, and return how many runs that were.

    The header of a run is written before its first step begins, so a run without one is gone for good.
    """
    gone = 0
    for run in values.runs():
        try:
            header = load_header(table, run.workflow, run.instance)
        except RowsUnreadable:
            continue  # the run is there, and may be restored from a copy
        if header is None or header.incarnation != run.incarnation:
            values.delete(run)
            gone += 1
    return gone
