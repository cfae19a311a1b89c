"""Watches: the reconciler asks for the runs of workflows of which some may execute, and of no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.operations.segment_reconciler import DEAD_MS, SegmentReconciler
from durable.operations.waker import Waker
from durable.runs.record import load
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.timers import NoTimers
from durable.runs.watches import is_watch
from durable.store.keys import StepKey
from durable.store.machines import ExecutionState, segment_of
from durable.store.record import StepRecord
from durable.store.table import Delete, Key, Page, Row
from durable.testing.table import MemoryTable
from tests.unit.record.conftest import FakeMachines

MINUTE = 60_000
WORKFLOWS = ("shop", "mill")


class Counted(MemoryTable):
    """A table that counts by workflow what is asked of its index of statuses."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.lists: Counter[str] = Counter()

    def list(self, workflow: str, **options: Any) -> Page:
        self.lists[workflow] += 1
        return super().list(workflow, **options)


class Place:
    """Two workflows on Express, and the reconciler, which comes each minute."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.table = Counted(self.clock)
        self.machines = FakeMachines()
        self.runs = self.process()
        self.segments = Segments(self.table, self.runs, NoTimers(), self.clock)
        self.reconciler = self.reconcile_in_a_new_process()

    def process(self) -> Runs:
        return Runs(self.table, self.machines, self.clock, segmented=WORKFLOWS)

    def reconcile_in_a_new_process(self) -> SegmentReconciler:
        nobody: Any = None
        waker = Waker(self.table, self.clock, self.segments, nobody, nobody, nobody, self.runs)
        return SegmentReconciler(self.table, self.machines, self.clock, self.runs, self.segments, waker, self.fails)

    def fails(self, workflow: str, instance: str, error: Exception) -> None:
        raise error

    def minutes(self, count: int, meanwhile: Callable[[], object] = lambda: None) -> Counter[str]:
        """Let the reconciler come so many times, and return what it asked of the index."""
        self.table.lists.clear()
        for _ in range(count):
            self.clock.advance_to(self.clock.now() + MINUTE)
            meanwhile()
            self.reconciler.reconcile(WORKFLOWS)
        return self.table.lists

    def create(self, id: str, runs: Runs | None = None) -> None:
        (runs or self.runs).create("shop", None, id=id)

    def end(self, id: str) -> None:
        execution = load(self.table, "shop", id).header.execution
        self.runs.close(segment_of("shop", "express"), execution, ExecutionState("SUCCEEDED", output=1))

    def incarnation(self, id: str) -> str:
        return load(self.table, "shop", id).header.incarnation

    def machine(self, id: str) -> str | None:
        return load(self.table, "shop", id).header.kind


@pytest.fixture
def place() -> Place:
    made = Place()
    made.minutes(1)  # at first it looks at all
    return made


def test_workflows_of_which_nothing_runs_are_not_asked_for(place: Place) -> None:
    assert place.minutes(50) == {}
    assert place.minutes(20).keys() == {*WORKFLOWS}, "once an hour"


def test_a_run_whose_execution_died_is_found_as_soon_as_in_a_busy_workflow(place: Place) -> None:
    place.create("one")
    asked = place.minutes(DEAD_MS // MINUTE + 1)
    assert place.machine("one") == "standard"
    assert asked["mill"] == 0


def test_a_workflow_is_watched_for_a_quarter_of_an_hour_after_its_last_run(place: Place) -> None:
    place.create("one")
    place.end("one")
    assert place.minutes(13)["shop"] > 0
    place.minutes(3)
    assert place.minutes(30) == {}


def test_a_workflow_is_watched_as_long_as_a_run_executes(place: Place) -> None:
    place.create("one")
    record, key = StepRecord(place.table, place.clock), StepKey("shop", "one", 1, "pay", place.incarnation("one"))
    record.begin(key, "pay", owner="a", limit=9, input_hash="x")
    for _ in range(40):
        assert place.minutes(1, lambda: record.renew(key, "a"))["shop"] > 0
    assert place.machine("one") == "express"
    place.minutes(10)
    assert place.machine("one") == "standard"


def test_a_process_that_leaves_a_watch_alone_has_its_runs_found(place: Place) -> None:
    """It wrote the watch just before another process's last run ended, and does not write it for its next run."""
    place.create("one")
    place.end("one")
    place.clock.advance_to(place.clock.now() + 100_000)
    place.minutes(10)
    place.create("two")
    place.end("two")
    place.minutes(1)
    place.create("three")
    place.minutes(30)
    assert place.machine("three") == "standard"


def test_a_watch_that_is_written_while_it_is_ended_goes_on(place: Place) -> None:
    place.create("one")
    place.end("one")
    place.clock.advance_to(place.clock.now() + 20 * MINUTE)
    get = place.table.get

    def begun_meanwhile(key: Key) -> Row | None:
        row = get(key)
        if is_watch(key.partition):
            place.table.get = get  # type: ignore[method-assign]  # once
            place.create("two", place.process())
        return row

    place.table.get = begun_meanwhile  # type: ignore[method-assign]  # what happens between a read and a write
    place.minutes(10)
    assert place.machine("two") == "standard"


def test_runs_that_a_former_version_began_are_found(place: Place) -> None:
    place.create("one")
    (watch,) = (key for key in place.table.all_keys() if is_watch(key.partition))
    place.table.write(Delete(watch))
    place.reconciler = place.reconcile_in_a_new_process()
    place.minutes(1)
    place.create("two")
    place.minutes(70)
    assert (place.machine("one"), place.machine("two")) == ("standard", "standard")
