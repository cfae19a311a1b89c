"""Protections of which no seed of the simulator is needed: without each, a directed test fails.

`tests/simulation/test_protections.py` has those that seeds show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import durable.operations.lifecycle
import durable.steps.callbacks
import durable.steps.races
import durable.store.record
from durable.operations.lifecycle import Lifecycle
from durable.runs.transitions import Order
from durable.runs.watches import Watches
from durable.steps.events import Events
from durable.steps.parked import ParkingHandler
from durable.steps.races import RaceHandler
from durable.store.table import Absent, Key, Row, Write
from tests.unit.record import (
    test_children,
    test_children_of_ended,
    test_late_writes,
    test_parked,
    test_races,
    test_watches,
)
from tests.unit.record.conftest import Bench
from tests.unit.record.families import Place

Off = Callable[[pytest.MonkeyPatch], None]


def first_claim(patch: pytest.MonkeyPatch) -> None:
    """A race has one winner: a claim holds where nobody has won."""

    def write(key: Key, set: Row | None = None, **options: Any) -> Write:
        return Write(key, set or {}, **(options | ({"when": ()} if (set or {}).get("kind") == "race" else {})))

    patch.setattr(durable.steps.races, "Write", write)


def claim_looks_at_the_flag(patch: pytest.MonkeyPatch) -> None:
    """A race of a run that is to stop, or has gone on, gets no winner by an earlier execution."""
    patch.setattr(durable.steps.races, "halts", lambda flag, generation: False)


def claim_holds_for_the_flag(patch: pytest.MonkeyPatch) -> None:
    """A race gets no winner while its run is being stopped: the claim holds for the flag as it was read."""

    def write(key: Key, set: Row | None = None, **options: Any) -> Write:
        unguarded = {"when": (Absent("nothing"),)} if options.get("check_only") else {}
        return Write(key, set or {}, **(options | unguarded))

    patch.setattr(durable.steps.races, "Write", write)


def waits_of_losers(patch: pytest.MonkeyPatch) -> None:
    """Whoever wins a race ends the waits of the others."""
    patch.setattr(RaceHandler, "_end_waits", lambda self, key: None)


def late_wait(patch: pytest.MonkeyPatch) -> None:
    """A wait looks, once it is written, whether its race is over."""
    patch.setattr(durable.steps.callbacks, "is_lost", lambda table, key, races: False)


def late_step(patch: pytest.MonkeyPatch) -> None:
    """A step looks, once it has its lease, whether its race is over."""
    patch.setattr(durable.store.record, "is_lost", lambda table, key, races: False)


def earlier_try(patch: pytest.MonkeyPatch) -> None:
    """A call of an earlier try of a Task takes no later one's token away."""
    patch.setattr(durable.steps.callbacks, "_is_earlier", lambda begun, row: False)


def flag_of_the_deleted(patch: pytest.MonkeyPatch) -> None:
    """A run that is deleted leaves its flag for a while."""
    patch.setattr(durable.operations.lifecycle, "_LATE_SECONDS", 0)


def watch_as_read(patch: pytest.MonkeyPatch) -> None:
    """A watch ends only where nobody has written it for a while."""
    patch.setattr("durable.runs.watches._IDLE_MS", 0)


def watch_written_meanwhile(patch: pytest.MonkeyPatch) -> None:
    """A watch ends only where nobody has written it since it was read."""

    def end(self: Watches, workflow: str) -> None:
        key = Key(f"{workflow}#/watch", "pool")
        if self._table.get(key) is not None:
            self._table.write(Write(key, remove=("due",)))

    patch.setattr(Watches, "end", end)


def child_forestalled(patch: pytest.MonkeyPatch) -> None:
    """A child that is not there yet when its parent is ended is not created any more."""
    patch.setattr(durable.operations.lifecycle, "forestall", lambda *arguments, **options: True)


def children_of_the_dead(patch: pytest.MonkeyPatch) -> None:
    """Whoever goes on with a transition whose process has died ends the children, too."""
    patch.setattr(Lifecycle, "end_children", lambda self, header: None)


def wake_with_the_event(patch: pytest.MonkeyPatch) -> None:
    """An event for a parked run is written together with what wakes it."""
    patch.setattr(Events, "_wake_with", lambda self, header, id, event: False)


def look_for_senders(patch: pytest.MonkeyPatch) -> None:
    """Who parks a run looks whether an event is under way."""
    patch.setattr(ParkingHandler, "_look_for_senders", lambda self, parked: None)


def _watched() -> test_watches.Place:
    place = test_watches.Place()
    place.minutes(1)
    return place


def _of_a_late_child(place: Place) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_children_of_ended.test_a_child_that_is_created_after_its_parent_was_ended_does_not_begin(
            place, Order("terminate"), patch
        )


def _of_a_dead_sender(place: test_parked.Place) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_parked.test_a_run_is_looked_at_in_a_minute_that_is_parked_while_an_event_is_under_way(place, True, patch)


def _of_a_dead_operator(place: None) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_children_of_ended.test_a_run_is_closed_for_somebody_who_died_and_its_children_end_all_the_same(
            Order("terminate"), "the execution", ("shop",), patch
        )


@pytest.mark.parametrize(
    ("protection", "directed", "place"),
    [
        (first_claim, test_races.test_the_first_claim_stands_and_no_claim_is_an_error, test_races.Place),
        (
            claim_looks_at_the_flag,
            test_races.test_a_claim_of_a_run_that_is_to_stop_or_of_an_earlier_generation_is_none,
            test_races.Place,
        ),
        (claim_holds_for_the_flag, test_races.test_a_flag_that_comes_between_stops_the_claim, test_races.Place),
        (waits_of_losers, test_races.test_an_event_goes_to_no_wait_that_has_lost, test_races.Place),
        (late_wait, test_races.test_a_wait_that_begins_after_the_race_is_told_so_and_takes_no_event, test_races.Place),
        (
            late_step,
            test_races.test_a_step_that_has_not_begun_does_not_begin_once_the_race_is_over,
            test_races.Place,
        ),
        (
            earlier_try,
            test_children.test_a_call_that_comes_for_the_first_time_when_its_task_was_tried_again_takes_no_place,
            Place,
        ),
        (child_forestalled, _of_a_late_child, Place),
        (children_of_the_dead, _of_a_dead_operator, lambda: None),
        (
            wake_with_the_event,
            lambda _: test_parked.test_an_event_is_heard_in_a_minute_whatever_its_sender_wrote_last(),
            test_parked.Place,
        ),
        (look_for_senders, _of_a_dead_sender, test_parked.Place),
        (watch_as_read, test_watches.test_a_process_that_leaves_a_watch_alone_has_its_runs_found, _watched),
        (watch_written_meanwhile, test_watches.test_a_watch_that_is_written_while_it_is_ended_goes_on, _watched),
    ],
)
def test_a_directed_test_fails_without(
    protection: Off, directed: Callable[[Any], None], place: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    directed(place())
    protection(monkeypatch)
    with pytest.raises(AssertionError):
        directed(place())


def test_a_step_begins_after_its_run_was_deleted_without_its_flag(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag_of_the_deleted(monkeypatch)
    with pytest.raises(AssertionError):
        test_late_writes.test_a_step_that_is_invoked_after_its_run_on_standard_was_deleted_begins_nothing(bench)
