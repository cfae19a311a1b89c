"""A wait on Express parks its run, or returns what came; nothing that comes between the two is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock, milliseconds_of
from durable.errors import EventExists
from durable.operations.waker import Waker
from durable.runs.record import load_header
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.timers import NoTimers
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.steps.parked import ParkedTokens, ParkingHandler
from durable.steps.waits import EventHandler
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Delete, Key, Row, Write
from durable.testing.table import MemoryTable
from durable.wire import Run, WaitTask
from tests.unit.record.conftest import FakeMachines, FakeTokens

ENTERED = "2026-01-01T00:00:00.000Z"


class Raced(MemoryTable):
    """A table in which something happens just before a run is parked."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.before_park: Callable[[], object] = lambda: None
        self.seen: Callable[[tuple[Write | Delete, ...]], object] = lambda changes: None
        self.asked: Callable[[str], object] = lambda sort: None
        self.rows_read = 0
        self.left: int | None = None

    def get(self, key: Key) -> Row | None:
        self.asked(key.sort)
        self.rows_read += 1
        return super().get(key)

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        self.asked(prefix or since)
        return super().query(partition, prefix, since=since, limit=limit)

    def dies_after(self, writes: int | None) -> None:
        """Have the process end that makes so many writes more."""
        self.left = writes

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        written = self._written(*changes)
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise KeyboardInterrupt
        return written

    def _written(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        self.seen(changes)
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
        self.segments = Segments(self.table, runs, NoTimers(), self.clock)
        callbacks = Callbacks(self.table, ParkedTokens(FakeTokens(), self.segments), self.clock)
        self.events = Events(self.table, callbacks, self.clock, self.segments)
        self.runs = runs
        begin = EventHandler(self.events, StepRecord(self.table, self.clock)).begin
        self.parking = ParkingHandler(begin, callbacks, self.segments, self.table, self.clock)
        runs.create("shop", None, id="one")

    @property
    def header(self) -> Header:
        header = load_header(self.table, "shop", "one")
        assert header is not None
        return header

    def wait(self, step: str = "approval") -> Any:
        run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ENTERED}
        run["incarnation"] = self.header.incarnation
        task: WaitTask = {
            "run": run,
            "execution": self.header.execution,
            "step": step,
            "entered": ENTERED,
            "type": "approved",
            "timeout": 86_400,
            "park": {"state": "approval", "vars": {}},
        }
        return self.parking(task)

    def waker(self) -> Waker:
        nobody: Any = None
        return Waker(self.table, self.clock, self.segments, self.events, nobody, nobody, self.runs)

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
    """A sender of the former version, which wrote the two one after the other."""
    place.wait()
    place.table.write(Write(place.header.key, remove=("awaits",)))
    monkeypatch.setattr(place.segments, "wake_run", _die)
    with pytest.raises(RuntimeError):
        place.send()
    monkeypatch.undo()
    assert place.header.parked == "event"
    place.send()
    assert place.header.parked is None


def test_an_event_wakes_a_parked_run_though_its_sender_dies_right_after_writing_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left to be done but to start the execution that the header names, which the reconciler does."""
    place.wait()
    monkeypatch.setattr(place.runs, "start", _die)
    with pytest.raises(RuntimeError):
        place.send()
    assert place.header.parked is None
    assert place.wait()["result"] == "yes"


def test_an_event_is_heard_in_a_minute_whatever_its_sender_wrote_last() -> None:
    for writes in itertools.count(1):
        place = Place()
        place.wait()
        place.table.dies_after(writes)
        try:
            place.send()
        except KeyboardInterrupt:
            place.table.dies_after(None)
        else:
            break
        place.clock.advance_to(place.clock.now() + 60_000)
        if (place.header.due or 0) <= place.clock.now():
            place.waker().look("shop", "one")
        if any(row["sort"].startswith("event#") for row in place.table.query("shop#one")):
            assert place.header.parked is None, writes
            assert place.wait()["result"] == "yes"
    assert writes > 1


def test_an_event_for_a_parked_run_is_written_with_all_that_follows_and_reads_the_wait_alone(place: Place) -> None:
    place.wait()
    written, read = list[int](), list[str]()
    place.table.asked = read.append

    def seen(changes: tuple[Write | Delete, ...]) -> None:
        written.append(len(changes))
        place.table.asked = lambda sort: None  # what it reads to check conditions

    place.table.seen = seen
    place.send()
    assert written == [3]
    assert [sort.partition("#")[0] for sort in read] == ["run", "step"]


def test_a_repeated_event_changes_nothing(place: Place) -> None:
    place.wait()
    place.send()
    place.wait()
    executions = len(place.machines.started)
    assert not place.events.send("shop", "one", "approved", "yes", "e").new
    with pytest.raises(EventExists):
        place.events.send("shop", "one", "approved", "no", "e")
    assert len(place.machines.started) == executions


def test_an_event_of_another_type_is_kept(place: Place) -> None:
    place.wait()
    place.events.send("shop", "one", "other", "yes", "e")
    assert place.header.parked == "event"


def test_an_event_for_a_run_that_is_to_stop_is_kept_with_its_wait_and_wakes_nobody(place: Place) -> None:
    place.wait()
    place.table.write(Write(place.header.key, {"wanted": "pause"}))
    place.send()
    assert place.header.parked == "event"
    assert len(place.machines.started) == 1


@pytest.mark.parametrize("written", [True, False])
def test_a_run_is_looked_at_in_a_minute_that_is_parked_while_an_event_is_under_way(
    place: Place, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender has read the header before, and dies when it has written the event, or before."""

    def parked_meanwhile(*arguments: Any) -> None:
        place.wait()
        assert place.header.parked == "event"
        if not written:
            raise KeyboardInterrupt

    monkeypatch.setattr(place.events, "_rouse", parked_meanwhile)
    monkeypatch.setattr(place.events, "settle", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        place.send()
    monkeypatch.undo()
    due = place.header.due
    assert due == place.clock.now() + 60_000
    place.clock.advance_to(due)
    place.waker().look("shop", "one")
    if written:
        assert place.header.parked is None
    else:  # to its deadline
        assert (place.header.parked, place.header.due) == ("event", milliseconds_of(ENTERED) + 86_400_000)
        assert len(place.machines.started) == 1


def test_the_thousandth_event_of_a_run_reads_as_little_as_the_first(place: Place) -> None:
    """Events that came to the parked run, which are not read again; nor are the rows of other steps."""
    rows = list[int]()
    for number in range(30):
        before = place.table.rows_read
        place.wait(f"approval[{number}]")
        place.events.send("shop", "one", "approved", "yes", f"e{number}")
        place.wait(f"approval[{number}]")
        rows.append(place.table.rows_read - before)
    assert rows[0] == rows[-1]


def _interrupt(*given: object) -> int:
    raise KeyboardInterrupt


def _die(*given: object, **named: object) -> bool:
    raise RuntimeError


def _before_the_wake(place: Place, happens: Callable[[], object]) -> None:
    """Have something happen before the write by which an event wakes the run."""

    def seen(changes: tuple[Write | Delete, ...]) -> None:
        if any("parked" in getattr(each, "remove", ()) for each in changes):
            place.table.seen = lambda changes: None
            happens()

    place.table.seen = seen


def test_an_event_that_is_sent_again_is_not_given_to_the_next_wait(place: Place) -> None:
    place.wait()
    place.send()
    place.wait()
    place.wait("second")
    place.send()
    assert place.header.parked == "event"


def test_an_event_is_not_given_to_a_wait_that_is_over_since_it_was_read(place: Place) -> None:
    place.wait()
    key = Key("shop#one", place.header.awaits or "")
    _before_the_wake(place, lambda: place.table.write(Write(key, {"outcome": "error", "status": "errored"})))
    place.send()
    row = place.table.get(key) or {}
    assert (row["outcome"], row["status"], row.get("result")) == ("error", "errored", None)
