"""Promises about what a run leaves behind: its rows, its values, its children, and what it has undone."""

from __future__ import annotations

import math
from typing import Final

from durable.store.rows import Header
from durable.store.table import Row
from tests.simulation.kernel import DAY, MINUTE
from tests.simulation.world import World

_LATE_SECONDS: Final = 3_600
"""How much later than its run a row may vanish that was written after its end."""


def hold_rows(world: World, header: Header) -> None:
    """All rows of a run that is over vanish with it; what a deleted run has left, or has written late, does so by
    itself: no other run takes it along. The row of a step whose process died just when it began is known to stay.
    """
    rows, own = world.table.rows, header.incarnation
    if header.expires is None:
        world.trouble.append("it is over, and stays for ever")
        return
    for key in rows.all_keys():
        row = rows.get(key) if key.partition == header.partition else None
        if (
            row is not None
            and row.get("owner") not in world.died
            and row.get("expires", math.inf) > header.expires + _LATE_SECONDS
        ):
            world.trouble.append(f"it outlives its run: {key.sort}, {row.get('expires')}")
    other = [key for key in rows.all_keys() if key.partition == header.partition and "@" in key.sort]
    strange = [(key.sort, row) for key in other if f"@{own}" not in key.sort and (row := rows.get(key)) is not None]
    left = [sort for sort, row in strange if "expires" not in row]
    if left:
        world.trouble.append(f"left of a deleted run: {left}")


def hold_values(world: World) -> None:
    """What a deleted run has kept beside its record is deleted with it, or swept within a day or two."""
    kernel = world.kernel
    kernel.run(lambda: not world.values.kept, kernel.clock.now() + 2 * DAY)
    if world.values.kept:
        world.trouble.append("values of a deleted run are left")


def hold_children(world: World, header: Header) -> None:
    """A run that was terminated has ended what it had called, and one that was restarted what it had called before."""
    begun = math.inf if header.begun is None else header.begun
    rows = (world.table.rows.get(key) for key in world.headers)
    for child in (Header.from_row(row) for row in rows if row is not None):  # some have vanished by now
        is_former = child.parent is not None and header.era not in child.parent["sort"]
        if is_former and child.status == "complete" and child.updated > begun + MINUTE:
            world.trouble.append(f"a child went on until {child.updated - begun} ms after its parent's restart")
    for key in world.headers if header.status == "terminated" else ():
        child = Header.from_row(world.table.rows.get(key) or {})
        if child.parent is None or child.status != "complete":
            continue
        # Nobody ends it sooner than the reconciler where the operator has died; and its end may be recorded late.
        done = max(row.get("finished", child.created) for row in world.table.rows.query(key.partition))
        if child.created > header.updated or done > header.updated + 3 * MINUTE:
            world.trouble.append(f"a child went on until {done - header.updated} ms after its parent")


def hold_undo(world: World, header: Header) -> None:
    """What could be undone of a refused run is."""
    rows = world.table.rows
    left = [key.sort for key in rows.all_keys() if _is_left(rows.get(key) or {}, header)]
    if left:
        world.trouble.append(f"not taken back: {left}")


def _is_left(row: Row, header: Header) -> bool:
    """Whether a step of the last epoch has done what can be undone; what an earlier epoch did stays."""
    order_of_epoch = f"{header.begun or 0:015d}"
    return "undo" in row and row.get("outcome") == "result" and row["order"] >= order_of_epoch
