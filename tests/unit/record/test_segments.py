from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock, timestamp
from durable.operations.segment_reconciler import DEAD_MS, SegmentReconciler
from durable.operations.waker import Waker
from durable.runs.description import describe
from durable.runs.record import load
from durable.runs.runs import Runs
from durable.runs.segments import LEASE_LOOK_MS, Segments
from durable.runs.timers import NoTimers
from durable.steps.turn import Park, TurnHandler
from durable.store.failure import Failure
from durable.store.keys import StepKey
from durable.store.leases import LEASE_MS
from durable.store.machines import ExecutionState
from durable.store.parts import Parked, Position
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Row, Write
from durable.testing.table import MemoryTable
from durable.wire import HAND_OVER, Run, failure_message
from tests.unit.record.conftest import FakeMachines

LARGE: Position = {"state": "wait", "vars": {"x": "a" * 40_000}}
SMALL: Position = {"state": "wait", "vars": {"x": "a"}}


class Place:
    """A run `one` of `shop` that executes in segments."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.table = MemoryTable(self.clock)
        self.machines = FakeMachines()
        self.runs = Runs(self.table, self.machines, self.clock, segmented=["shop"])
        self.segments = Segments(self.table, self.runs, NoTimers(), self.clock)
        self.record = StepRecord(self.table, self.clock)
        self.create("one")

    def create(self, id: str) -> None:
        self.runs.create("shop", None, id=id)

    @property
    def header(self) -> Header:
        return load(self.table, "shop", "one").header

    def park(self, at: Position, why: Parked, id: str = "one") -> None:
        header = load(self.table, "shop", id).header
        run: Run = {"workflow": "shop", "instance": id, "epoch": 1, "createdAt": ""}
        assert self.segments.park(run, header.execution, at, why=why, due=self.clock.now() + 90_000) is not None

    def fail(self, step: str = "pay") -> None:
        """Have a step fail, to be tried again."""
        key = StepKey("shop", "one", 1, step, self.header.incarnation)
        self.record.begin(key, step, owner="a", limit=9, input_hash="x")
        failure = Failure("Odd", "It is odd.")
        self.record.fail(key, owner="a", failure=failure, final=False, at=self.clock.now())

    def hand_over(self, cause: str) -> None:
        """Have a block of the run end because one of its steps did."""
        run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ""}
        run["incarnation"] = self.header.incarnation
        park: Park = {"state": "both", "vars": {}, "error": HAND_OVER, "cause": cause}
        park["retries"] = {"mail: send": {"delay": 30, "rate": 2}}
        turn = TurnHandler(self.table, self.runs, self.segments, self.clock)
        turn({"run": run, "execution": self.header.execution, "park": park})


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.mark.parametrize(
    ("at", "why", "kept"),
    [
        (SMALL, "sleep", SMALL),
        (LARGE, "sleep", None),
        (LARGE, "event", None),
        (LARGE, "call", None),
        (LARGE, "turn", LARGE),
    ],
)
def test_a_run_that_waits_with_much_is_entered_at_its_start_again(
    place: Place, at: Position, why: Parked, kept: Position | None
) -> None:
    place.park(at, why)
    assert place.segments.wake(place.header)
    _, _, given = place.machines.started[-1]
    assert given["at"] == (kept or {"state": None, "vars": {}})


@pytest.mark.parametrize(("why", "status"), [("retry", "running"), ("lease", "running"), ("sleep", "waiting")])
def test_a_parked_run_waits_unless_it_is_within_a_step(place: Place, why: Parked, status: str) -> None:
    place.park(SMALL, why)
    assert describe(load(place.table, "shop", "one")).status == status


def test_a_run_that_is_parked_for_a_retry_says_when_that_is(place: Place) -> None:
    place.fail()
    place.park(SMALL, "retry")
    (step,) = describe(load(place.table, "shop", "one")).steps
    assert (step.status, step.wake_at) == ("retrying", timestamp(place.clock.now() + 90_000))


def test_a_block_is_parked_until_the_next_attempt_of_its_step_whatever_the_name_of_that(place: Place) -> None:
    place.fail("mail: send")
    cause = json.dumps({"errorMessage": failure_message("mail: send", "It is odd.", place.clock.now())})
    place.hand_over(cause)
    assert (place.header.parked, place.header.due) == ("retry", place.clock.now() + 30_000)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_block_whose_step_outlives_its_execution_is_parked_until_the_end_of_the_lease(
    place: Place, is_named: bool
) -> None:
    """A step that is found at work is named by the cause; of one that a Task's timeout cuts off nothing is said."""
    key = StepKey("shop", "one", 1, "mail: send", place.header.incarnation)
    place.record.begin(key, "mail: send", owner="a", limit=9, input_hash="x")
    place.hand_over(json.dumps({"errorMessage": failure_message("mail: send", "", None)}) if is_named else "")
    assert (place.header.parked, place.header.due) == ("lease", place.clock.now() + LEASE_MS + LEASE_LOOK_MS)


def test_a_block_whose_time_is_over_between_two_steps_goes_on_at_once(place: Place) -> None:
    place.hand_over("")
    assert (place.header.parked, place.header.due) == ("turn", place.clock.now())


def test_a_run_that_cannot_be_looked_at_keeps_no_other_from_being_woken(place: Place) -> None:
    place.create("two")
    for id in ("one", "two"):
        place.park(SMALL, "sleep", id)

    class Stuck(Waker):
        def __init__(self) -> None: ...

        def look(self, workflow: str, instance: str) -> None:
            if instance == "one":
                raise ValueError("its input is too large")
            place.segments.wake(load(place.table, workflow, instance).header)

    failed: list[str] = []

    def fails(workflow: str, instance: str, error: Exception) -> None:
        failed.append(f"{workflow}/{instance} {error}")

    reconciler = SegmentReconciler(place.table, place.machines, place.clock, place.runs, place.segments, Stuck(), fails)
    place.clock.advance_to(place.clock.now() + 100_000)
    reconciler.reconcile(["shop"])
    assert failed == ["shop/one its input is too large"]
    assert load(place.table, "shop", "two").header.parked is None


def test_a_dead_run_is_found_behind_many_that_work(place: Place) -> None:
    """The list has the newest first, and those that are on Standard are in it too."""
    place.clock.advance_to(place.clock.now() + 60_000)
    for number in range(120):
        place.create(f"on-standard-{number}")
        run: Run = {"workflow": "shop", "instance": f"on-standard-{number}", "epoch": 1, "createdAt": ""}
        execution = load(place.table, "shop", f"on-standard-{number}").header.execution
        place.segments.move(run, execution, SMALL, "standard")
    place.clock.advance_to(place.clock.now() + DEAD_MS)

    class Idle(Waker):
        def __init__(self) -> None: ...

        def look(self, workflow: str, instance: str) -> None: ...

        def settle(self, header: Header) -> None: ...

    def fails(workflow: str, instance: str, error: Exception) -> None:
        raise error

    SegmentReconciler(place.table, place.machines, place.clock, place.runs, place.segments, Idle(), fails).reconcile(
        ["shop"]
    )
    assert place.header.kind == "standard"


def test_a_step_that_outlives_its_execution_is_waited_for_without_another_execution(place: Place) -> None:
    nobody: Any = None
    waker = Waker(place.table, place.clock, place.segments, nobody, nobody, nobody, place.runs)
    key = StepKey("shop", "one", 1, "pay", place.header.incarnation)
    place.record.begin(key, "pay", owner="a", limit=9, input_hash="x")
    place.park(SMALL, "lease")
    for _ in range(20):  # ten minutes
        place.clock.advance_to(place.header.due or 0)
        assert place.record.renew(key, "a")
        waker.look("shop", "one")
        assert place.header.parked == "lease"
    assert len(place.machines.started) == 1
    place.record.succeed(key, owner="a", result=1, at=place.clock.now())
    place.clock.advance_to(place.header.due or 0)
    waker.look("shop", "one")
    assert place.header.parked is None
    assert len(place.machines.started) == 2


HUGE: Position = {"state": "wait", "vars": {"x": "a" * 270_000}}


def test_a_run_with_more_variables_than_an_input_holds_is_entered_at_its_start(place: Place) -> None:
    place.park(HUGE, "retry")
    assert place.segments.wake(place.header)
    assert place.machines.started[-1][2]["at"] == {"state": None, "vars": {}}


def test_a_block_that_needs_more_than_an_input_holds_fails_its_run(place: Place) -> None:
    run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ""}
    place.segments.move(run, place.header.execution, HUGE, "standard")
    assert (place.header.status, len(place.machines.started)) == ("errored", 1)
    assert "256 KiB" in (place.header.error or {})["message"]


def test_a_run_that_waits_on_standard_is_not_listed_among_those_at_work(place: Place) -> None:
    """Or the reconciler would read all of them each minute, to find those of which an execution died."""

    class Standard(FakeMachines):
        def describe(self, workflow: str, name: str) -> ExecutionState | None:
            return ExecutionState("RUNNING")

    class Idle(Waker):
        def __init__(self) -> None: ...

        def settle(self, header: Header) -> None: ...

    def fails(workflow: str, instance: str, error: Exception) -> None:
        raise error

    run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ""}
    place.segments.move(run, place.header.execution, SMALL, "standard")
    reconciler = SegmentReconciler(place.table, Standard(), place.clock, place.runs, place.segments, Idle(), fails)
    key = StepKey("shop", "one", 1, "pay", place.header.incarnation)
    for status, begins in (("waiting", False), ("running", True)):
        if begins:
            place.record.begin(key, "pay", owner="a", limit=9, input_hash="x")
            assert place.record.renew(key, "a")
            assert describe(load(place.table, "shop", "one")).status == "running"
        place.clock.advance_to(place.header.due or 0)
        if begins:
            assert place.record.renew(key, "a")
        reconciler.reconcile(["shop"])
        assert place.header.status == status
    place.segments.move(run, place.header.execution, SMALL, "express")
    assert (place.header.status, place.header.due) == ("running", None)


def wake(segments: Segments, header: Header) -> object:
    return segments.wake(header)


def postpone(segments: Segments, header: Header) -> None:
    segments.postpone(header, 1)


def look_later(segments: Segments, header: Header) -> None:
    segments.look_later(header, 1, is_waiting=True)


def heard(segments: Segments, header: Header) -> None:
    segments.heard(header)


@pytest.mark.parametrize(
    ("act", "meanwhile"),
    [
        (wake, {"execution": "one.another"}),
        (wake, {"parked": "call"}),
        (wake, {"wanted": "pause"}),
        (wake, {"closed": True}),
        (postpone, {"execution": "one.another"}),
        (postpone, {"due": 7}),
        (look_later, {"execution": "one.another"}),
        (look_later, {"due": 7}),
        (look_later, {"wanted": "pause"}),
        (heard, {"execution": "one.another"}),
    ],
)
def test_what_is_decided_by_a_header_is_not_written_where_that_has_changed_since(
    place: Place, act: Callable[[Segments, Header], object], meanwhile: Row
) -> None:
    place.park(SMALL, "sleep")
    header, started = place.header, len(place.machines.started)
    place.table.write(Write(header.key, meanwhile))
    before = place.table.get(header.key)
    assert not act(place.segments, header)
    assert (place.table.get(header.key), len(place.machines.started)) == (before, started)
