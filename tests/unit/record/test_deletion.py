"""A run whose deletion was begun is deleted, whatever became of the process that began."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from durable.operations.waker import Waker
from durable.runs.record import load
from durable.runs.segments import Segments
from durable.runs.timers import NoTimers
from durable.runs.transitions import Order, Transition
from durable.steps.events import Events
from durable.store.table import Delete, Row, Write
from tests.unit.record.families import Place


@pytest.mark.parametrize("before", ["pause", "terminate"])
def test_a_run_is_deleted_whatever_was_written_last_by_whoever_began(
    before: Transition, monkeypatch: pytest.MonkeyPatch
) -> None:
    for writes in itertools.count(1):
        place = Place(segmented=["shop"])
        place.call("t")
        place.lifecycle.carry_out("shop", "one", Order(before))
        _die_after(writes, place, monkeypatch)
        try:
            place.lifecycle.carry_out("shop", "one", Order("delete"))
        except KeyboardInterrupt:
            monkeypatch.undo()
        else:
            break
        _look(place)
        assert [row["sort"].partition("@")[0] for row in place.table.query("shop#one")] == ["flag"], writes
    assert writes > 2


def _die_after(writes: int, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the process end that deletes the run, after so many writes of its rows."""
    write, made = place.table.write, itertools.count(1)

    def dying(*changes: Write | Delete) -> tuple[Row | None, ...]:
        written = write(*changes)
        if changes[0].key.partition == "shop#one" and next(made) == writes:
            raise KeyboardInterrupt
        return written

    monkeypatch.setattr(place.table, "write", dying)


def _look(place: Place) -> None:
    """Look at what is due, as the reconciler does."""
    place.clock.advance_to(place.clock.now() + 60_000)
    segments = Segments(place.table, place.runs, NoTimers(), place.clock)
    events: Any = Events(place.table, place.children.callbacks, place.clock)
    waker = Waker(place.table, place.clock, segments, events, place.children, place.lifecycle, place.runs)
    for each in place.table.due(place.clock.now()):
        workflow, _, instance = each.partition("#")
        if not instance.startswith("#"):
            waker.look(workflow, instance)


def test_a_deletion_that_somebody_has_finished_is_no_error_where_the_id_is_used_again() -> None:
    place = Place(segmented=["shop"])
    place.call("t")
    header = load(place.table, "shop", "one").header
    # The index said that its deletion was to be gone on with; it is another run by now, and under way.
    place.lifecycle.finish_deleting(header)
    assert load(place.table, "shop", "one").header == header
