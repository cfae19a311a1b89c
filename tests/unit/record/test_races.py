"""Races: who wins, what does not begin after that, and the waits of those who have lost."""

from __future__ import annotations

from typing import Any

import pytest

from durable.clock import VirtualClock, milliseconds_of
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.steps.races import RaceHandler
from durable.steps.waits import EventHandler
from durable.store.begun import Leased, Lost, Recorded
from durable.store.keys import StepKey, header_key
from durable.store.record import StepRecord
from durable.store.table import Delete, Key, Row, Write
from durable.testing.table import MemoryTable
from durable.wire import RaceTask, Run, WaitTask
from tests.unit.record.conftest import FakeMachines, FakeTokens

ENTERED = "2026-01-01T00:00:00.000Z"
CREATED = milliseconds_of(ENTERED)


class Place:
    """A run `one` of `shop`, in which `a | b` race."""

    def __init__(self) -> None:
        self.clock = VirtualClock(CREATED)
        self.table = MemoryTable(self.clock)
        self.tokens = FakeTokens()
        self.callbacks = Callbacks(self.table, self.tokens, self.clock)
        self.events = Events(self.table, self.callbacks, self.clock)
        self.record = StepRecord(self.table, self.clock)
        self.waits = EventHandler(self.events, self.record)
        self.races = RaceHandler(self.table, self.callbacks, self.clock, self.record.orders)
        Runs(self.table, FakeMachines(), self.clock).create("shop", None, id="one")

    def run(self, generation: int = 0) -> Run:
        return {
            "workflow": "shop",
            "instance": "one",
            "epoch": 1,
            "createdAt": ENTERED,
            "incarnation": self.header()["incarnation"],
            "generation": generation,
        }

    def header(self) -> Row:
        return self.table.get(header_key("shop", "one")) or {}

    def key(self, path: str) -> StepKey:
        return StepKey.within(self.run(), path)

    def task(self, **fields: Any) -> RaceTask:
        task: RaceTask = {"run": self.run(), "execution": self.header()["execution"], "step": "a | b"}
        return {**task, **fields}  # type: ignore[typeddict-item]  # fields of its own

    def claim(self, branch: int, value: Any, **fields: Any) -> str:
        """Claim the race, and return the name of the error that is answered, or "" where there is none."""
        try:
            answer = self.races(self.task(branch=branch, value=value, **fields))
        except Exception as error:
            return type(error).__name__
        assert answer["result"] is None
        return ""

    def begin(self, path: str, owner: str = "o") -> object:
        return self.record.begin(self.key(path), path, owner=owner, limit=3, input_hash="h", races=("a | b",))

    def wait(self, token: str, path: str = "a") -> None:
        task: WaitTask = {
            "run": self.run(),
            "execution": self.header()["execution"],
            "step": path,
            "token": token,
            "entered": ENTERED,
            "type": "replied",
            "timeout": 60,
            "races": ["a | b"],
        }
        self.tokens.waiting.add(token)
        self.waits(task)

    def send(self, payload: Any, id: str) -> None:
        self.events.send("shop", "one", "replied", payload, id)

    def untaken(self) -> int:
        """Return how many events no wait has taken."""
        rows = self.table.query(header_key("shop", "one").partition, "event#")
        return sum("taken" not in row for row in rows)

    def row(self, path: str) -> Row:
        return self.table.get(self.key(path).row) or {}


@pytest.fixture
def place() -> Place:
    return Place()


def test_the_first_claim_stands_and_no_claim_is_an_error(place: Place) -> None:
    assert place.claim(1, "b", at=CREATED + 5) == ""
    assert place.claim(0, "a") == ""
    assert place.races(place.task()) == {"result": "b", "at": CREATED + 5}
    assert (place.row("a | b")["branch"], place.row("a | b")["sensitive"]) == (1, True)


def test_a_step_that_has_not_begun_does_not_begin_once_the_race_is_over(place: Place) -> None:
    assert isinstance(place.begin("a"), Leased)
    place.claim(1, "b")
    assert place.begin("late") == Lost()
    assert "owner" not in place.row("late")


def test_a_step_that_has_an_outcome_says_so_though_the_race_is_over(place: Place) -> None:
    place.begin("a")
    place.record.succeed(place.key("a"), owner="o", result=1, at=CREATED)
    place.claim(1, "b")
    assert isinstance(place.begin("a", "p"), Recorded)


def test_a_step_at_work_ends_though_the_race_is_over_and_is_not_tried_again(place: Place) -> None:
    place.begin("a")
    place.claim(1, "b")
    assert place.record.succeed(place.key("a"), owner="o", result=1, at=CREATED) is None
    assert place.row("a")["outcome"] == "result"


def test_an_event_goes_to_no_wait_that_has_lost(place: Place) -> None:
    place.wait("t")
    place.claim(1, "b", waits=True)
    place.send("yes", "e")
    assert place.tokens.told == []
    assert (place.row("a")["status"], "token" in place.row("a")) == ("forgotten", False)


def test_an_event_stays_where_the_race_is_won_and_its_waits_are_not_ended_yet(place: Place) -> None:
    place.wait("t")
    place.claim(1, "b")
    place.send("yes", "e")
    assert (place.tokens.told, place.untaken()) == ([], 1)


def test_an_event_stays_where_the_race_is_won_while_a_wait_takes_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait("t")
    write = place.table.write

    def late(*changes: Write | Delete) -> tuple[Row | None, ...]:
        """Has the race won just before the event is matched."""
        if any("taken" in (each.set or {}) for each in changes if isinstance(each, Write)):
            monkeypatch.undo()
            place.claim(1, "b")
        return write(*changes)

    monkeypatch.setattr(place.table, "write", late)
    place.send("yes", "e")
    assert (place.tokens.told, place.untaken(), place.row("a | b")["branch"]) == ([], 1, 1)


def test_a_wait_that_begins_after_the_race_is_told_so_and_takes_no_event(place: Place) -> None:
    place.claim(1, "b", waits=True)
    place.wait("t")
    assert [told[0] for _, told in place.tokens.told] == ["RaceOver"]
    place.send("yes", "e")
    assert len(place.tokens.told) == 1


def test_a_wait_that_is_written_while_the_race_is_won_is_ended_by_one_of_both(place: Place) -> None:
    class Between(MemoryTable):
        """Has the wait begin just after the claim was written."""

        def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
            written = place.table.write(*changes)
            if len(changes) > 1:
                place.wait("t")
            return written

        def get(self, key: Key) -> Row | None:
            return place.table.get(key)

        def query(
            self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None
        ) -> tuple[Row, ...]:
            return place.table.query(partition, prefix, since=since, limit=limit)

    place.races = RaceHandler(Between(place.clock), place.callbacks, place.clock, place.record.orders)
    place.claim(1, "b", waits=True)
    place.send("yes", "e")
    assert "token" not in place.row("a")
    assert "RaceOver" in [told[0] for _, told in place.tokens.told]


def test_a_claim_of_a_run_that_is_to_stop_or_of_an_earlier_generation_is_none(place: Place) -> None:
    flag = place.key("").flag
    place.table.write(Write(flag, {"want": "paused"}))
    assert place.claim(0, "a") == "Stopped"
    place.table.write(Write(flag, {"least": 1}, remove=("want",)))
    assert place.claim(0, "a") == "Stopped"
    assert place.row("a | b") == {}
    assert place.claim(0, "a", run=place.run(generation=1)) == ""
    assert place.races(place.task())["result"] == "a"


def test_a_flag_that_comes_between_stops_the_claim(place: Place) -> None:
    class Late(MemoryTable):
        """Sees no flag at first, as one who looked before it was set."""

        looked = False

        def get(self, key: Key) -> Row | None:
            if key.sort.startswith("flag") and not self.looked:
                self.looked = True
                return None
            return place.table.get(key)

        def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
            return place.table.write(*changes)

    place.table.write(Write(place.key("").flag, {"want": "paused"}))
    place.races = RaceHandler(Late(place.clock), place.callbacks, place.clock, place.record.orders)
    assert place.claim(0, "a") == "Stopped"
    assert place.row("a | b") == {}


def test_a_race_within_one_that_is_over_is_over(place: Place) -> None:
    place.claim(1, "b")
    inner = place.task(step="c | d", races=["a | b"])
    for task in (inner, {**inner, "branch": 0, "value": 1}):
        with pytest.raises(Exception, match="Another branch") as raised:
            place.races(task)  # type: ignore[arg-type]  # a task with a branch
        assert type(raised.value).__name__ == "RaceOver"
    assert place.row("c | d") == {}
