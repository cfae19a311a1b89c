"""A wait on Express parks its run, or returns what came; nothing that comes between the two is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock, milliseconds_of
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.steps.callbacks import Callbacks
from durable.steps.events import EventHandler, Events
from durable.steps.parked import ParkedTokens, ParkingHandler
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Delete, Row, Write
from durable.testing.table import MemoryTable
from durable.wire import Run, WaitTask
from tests.unit.record.conftest import FakeMachines, FakeTokens
from tests.unit.record.test_segments import Timers

ENTERED = "2026-01-01T00:00:00.000Z"


class Raced(MemoryTable):
    """A table in which something happens just before a run is parked."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.before_park: Callable[[], object] = lambda: None

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        if any("parked" in getattr(each, "set", ()) for each in changes):
            happens, self.before_park = self.before_park, lambda: None
            happens()
        return super().write(*changes)


class Place:
    """A run `one` of `shop`, which comes to a wait for an event."""

    def __init__(self) -> None:
        self.clock = VirtualClock(milliseconds_of(ENTERED))
        self.table, self.machines = Raced(self.clock), FakeMachines()
        runs = Runs(self.table, self.machines, self.clock, segmented=["shop"])
        self.segments = Segments(self.table, runs, Timers(), self.clock)
        callbacks = Callbacks(self.table, ParkedTokens(FakeTokens(), self.segments), self.clock)
        self.events = Events(self.table, callbacks, self.clock)
        self.runs = runs
        begin = EventHandler(self.events, StepRecord(self.table, self.clock)).begin
        self.parking = ParkingHandler(begin, callbacks, self.segments, self.table, self.clock)
        runs.create("shop", None, id="one")

    @property
    def header(self) -> Header:
        return self.runs.load("shop", "one").header

    def wait(self) -> Any:
        run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ENTERED}
        run["incarnation"] = self.header.incarnation
        task: WaitTask = {
            "run": run,
            "execution": self.header.execution,
            "step": "approval",
            "entered": ENTERED,
            "type": "approved",
            "timeout": 86_400,
            "park": {"state": "approval", "vars": {}},
        }
        return self.parking(task)

    def send(self) -> None:
        self.events.send("shop", "one", "approved", "yes", "e")


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_wait_of_which_nothing_came_parks_its_run_until_the_deadline(place: Place) -> None:
    assert place.wait() == {"parked": True}
    assert (place.header.parked, place.header.due) == ("event", place.clock.now() + 86_400_000)


def test_an_event_that_comes_while_a_run_is_being_parked_is_returned_and_the_run_is_not_parked(place: Place) -> None:
    place.table.before_park = place.send
    assert place.wait()["result"] == "yes"
    assert place.header.parked is None
    assert len(place.machines.started) == 1


def test_an_event_that_comes_after_a_run_was_parked_wakes_it(place: Place) -> None:
    place.wait()
    place.send()
    assert place.header.parked is None
    assert len(place.machines.started) == 2
    assert place.wait()["result"] == "yes"


def test_a_wait_that_is_begun_again_by_the_execution_that_parked_its_run_leaves_it_parked(place: Place) -> None:
    place.wait()
    assert place.wait() == {"parked": True}
    assert (place.header.parked, place.header.due) == ("event", place.clock.now() + 86_400_000)


def test_an_event_whose_sender_died_before_the_run_was_woken_wakes_it_when_it_is_sent_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait()
    monkeypatch.setattr(place.segments, "wake_run", _die)
    with pytest.raises(RuntimeError):
        place.send()
    monkeypatch.undo()
    assert place.header.parked == "event"
    place.send()
    assert place.header.parked is None


def _die(*given: object, **named: object) -> bool:
    raise RuntimeError
