"""Events: kept, matched, told; and what becomes of those that nobody hears."""

from __future__ import annotations

from typing import Any

import pytest

from durable.clock import VirtualClock, milliseconds_of
from durable.errors import EventExists, RunClosed, RunConflict, RunNotFound
from durable.runs.runs import Runs
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.steps.waits import EventHandler
from durable.store.keys import StepKey, header_key
from durable.store.machines import MachinesBusy
from durable.store.record import StepRecord
from durable.store.table import Delete, Key, Row, Write
from durable.testing.table import MemoryTable
from durable.wire import WaitTask
from tests.unit.record.conftest import FakeMachines, FakeTokens

ENTERED = "2026-01-01T00:00:00.000Z"
CREATED = milliseconds_of(ENTERED)


class Place:
    """A run `one` of `shop`, and a process that serves it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(CREATED)
        self.table = MemoryTable(self.clock)
        self.tokens = FakeTokens()
        self.answers = Callbacks(self.table, self.tokens, self.clock)
        self.events = Events(self.table, self.answers, self.clock)
        self.handler = EventHandler(self.events, StepRecord(self.table, self.clock))
        Runs(self.table, FakeMachines(), self.clock).create("shop", None, id="one")

    def wait(
        self, token: str, step: str = "reply", *, type: str = "replied", timeout: int = 60, execution: str = ""
    ) -> int | None:
        task: WaitTask = {
            "run": {
                "workflow": "shop",
                "instance": "one",
                "epoch": 1,
                "createdAt": ENTERED,
                "incarnation": self.key().incarnation,
            },
            "execution": execution or self.header()["execution"],
            "step": step,
            "token": token,
            "entered": ENTERED,
            "type": type,
            "timeout": timeout,
        }
        self.tokens.waiting.add(token)
        return self.handler(task)

    def send(self, payload: Any, id: str = "e", type: str = "replied") -> bool:
        return self.events.send("shop", "one", type, payload, id).new

    def key(self, step: str = "reply") -> StepKey:
        return StepKey("shop", "one", 1, step, self.header()["incarnation"])

    def row(self, step: str = "reply") -> Row:
        return self.table.get(self.key(step).row) or {}

    def later(self, seconds: int) -> None:
        self.clock.advance_to(self.clock.now() + seconds * 1000)

    def header(self) -> Row:
        return self.table.get(header_key("shop", "one")) or {}


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_event_sent_while_it_is_waited_for_is_told_at_once(place: Place) -> None:
    assert place.wait("t") == CREATED + 60_000
    place.later(5)
    assert place.send("yes")
    assert place.tokens.told == [("t", {"result": "yes", "at": CREATED + 5_000})]
    assert (place.row()["status"], place.row()["delivered"]) == ("complete", True)


def test_an_event_sent_before_is_told_when_the_wait_begins(place: Place) -> None:
    place.send("yes")
    place.wait("t")
    assert place.tokens.told == [("t", {"result": "yes", "at": CREATED})]


def test_an_event_under_one_id_is_one_and_cannot_be_two(place: Place) -> None:
    assert place.send("yes")
    assert not place.send("yes")
    with pytest.raises(EventExists):
        place.send("no")
    with pytest.raises(EventExists):
        place.send("yes", type="other")
    place.wait("t")
    assert not place.send("yes")
    place.wait("u", "again")
    assert [each for each, _ in place.tokens.told] == ["t"]


def test_of_two_that_send_under_one_id_at_once_one_does(place: Place) -> None:
    class Late(MemoryTable):
        """Reads no event, as one who read before it was sent."""

        def get(self, key: Key) -> Row | None:
            return None if "event#" in key.sort else place.table.get(key)

        def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
            return place.table.write(*changes)

    place.send("yes")
    late = Events(Late(place.clock), place.answers, place.clock)
    assert not late.send("shop", "one", "replied", "yes", "e").new
    with pytest.raises(EventExists):
        late.send("shop", "one", "replied", "no", "e")


def test_an_event_of_another_type_is_kept_for_its_own_wait(place: Place) -> None:
    place.send(1, "e1", "other")
    place.wait("t")
    assert not place.tokens.told
    place.wait("u", "other", type="other")
    assert place.tokens.told == [("u", {"result": 1, "at": CREATED})]


def test_a_wait_that_nothing_comes_for_fails_at_its_deadline_and_says_when(place: Place) -> None:
    place.wait("t")
    place.later(60)
    place.wait("t")
    cause = {
        "errorMessage": f"reply: \nNo event of type replied came in time. (at={CREATED + 60_000})",
        "errorType": "StepTimeoutError",
        "at": CREATED + 60_000,
    }
    assert place.tokens.told == [("t", ("StepTimeoutError", cause))]
    assert place.row()["outcome"] == "error"


def test_an_event_that_came_in_time_is_taken_even_after_the_deadline(place: Place) -> None:
    place.later(30)
    place.send("yes")
    place.later(60)
    place.wait("t")
    assert place.tokens.told == [("t", {"result": "yes", "at": CREATED + 30_000})]


def test_an_event_that_comes_too_late_is_kept(place: Place) -> None:
    place.wait("t")
    place.later(60)
    place.send("yes")
    assert [what[0] for _, what in place.tokens.told] == ["StepTimeoutError"]
    place.wait("u", "next", timeout=90)
    assert place.tokens.told[1] == ("u", {"result": "yes", "at": CREATED + 60_000})


def test_an_outcome_is_told_again_under_another_token(place: Place) -> None:
    place.wait("t")
    place.send("yes")
    place.wait("u")
    assert [each for each, _ in place.tokens.told] == ["t", "u"]


def test_a_task_of_another_execution_does_not_wait_in_the_place_of_the_one_that_does(place: Place) -> None:
    place.wait("t")
    assert place.wait("late", execution="one.before") is None
    place.send("yes")
    assert [each for each, _ in place.tokens.told] == ["t"]


def test_the_deadline_stays_when_a_task_waits_anew(place: Place) -> None:
    first = place.wait("t")
    place.later(10)
    assert place.wait("u") == first


def test_an_event_matched_to_a_wait_that_nobody_is_in_is_given_back(place: Place) -> None:
    place.wait("t")
    place.tokens.waiting.clear()
    place.send("yes")
    assert "outcome" not in place.row()
    place.wait("u", "next")
    assert place.tokens.told == [("u", {"result": "yes", "at": CREATED})]


def test_a_wait_that_was_let_go_is_matched_when_its_task_waits_again(place: Place) -> None:
    place.wait("t")
    place.tokens.waiting.clear()
    place.send("yes")
    place.later(90)
    place.wait("u")
    assert place.tokens.told == [("u", {"result": "yes", "at": CREATED})]


def test_an_outcome_that_was_refused_is_delivered_by_whoever_looks_next(place: Place) -> None:
    place.wait("t")
    place.tokens.busy = 1
    assert place.send("yes")
    assert not place.tokens.told
    assert place.events.settle("shop#one", place.key().era) == 1
    assert place.tokens.told == [("t", {"result": "yes", "at": CREATED})]


def test_an_outcome_whose_deliverer_died_is_delivered_when_that_had_its_time(place: Place) -> None:
    place.wait("t")
    place.tokens.dies = True
    with pytest.raises(SystemExit):
        place.send("yes")
    place.tokens.dies = False
    place.events.settle("shop#one", place.key().era)
    assert not place.tokens.told
    place.later(60)
    assert place.events.settle("shop#one", place.key().era) == 1
    assert place.tokens.told == [("t", {"result": "yes", "at": CREATED})]


def test_what_a_process_that_is_gone_was_about_to_tell_is_told_at_once_where_there_is_only_one(place: Place) -> None:
    place.wait("t")
    place.tokens.dies = True
    with pytest.raises(SystemExit):
        place.send("yes")
    place.tokens.dies = False
    answers = Callbacks(place.table, place.tokens, place.clock, alone=True)
    assert Events(place.table, answers, place.clock).settle("shop#one", place.key().era) == 1


@pytest.mark.parametrize("field", ["wake", "due"])
def test_a_run_that_rests_is_looked_at_in_a_minute_when_an_event_is_sent(
    place: Place, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the sender dies right after the event was written."""
    now = place.clock.now()
    standard = {"kind": "standard"} if field == "due" else {}
    place.table.write(Write(header_key("shop", "one"), {field: now + 1_000_000, **standard}))
    monkeypatch.setattr(place.events, "settle", _dies)
    with pytest.raises(KeyboardInterrupt):
        place.send("yes")
    assert place.header()[field] == now + 60_000


def _dies(*arguments: object) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_event_that_is_written_while_its_run_closes_vanishes_with_it(
    place: Place, is_deleted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, key, until = place.table.write, header_key("shop", "one"), place.clock.now() // 1000 + 1_000
    ended: Row = {"workflow": "shop", "status": "complete", "updated": 0, "closed": True, "expires": until}

    def late(*changes: Any) -> Any:
        if "number" in getattr(changes[0], "set", ()):
            monkeypatch.setattr(place.table, "write", write)
            write(Delete(key) if is_deleted else Write(key, ended))
        return write(*changes)

    monkeypatch.setattr(place.table, "write", late)
    place.send("yes", "late")
    rows = [row for row in place.table.query("shop#one", "event") if row["sort"] != "events"]
    assert rows == [] if is_deleted else [row["expires"] for row in rows] == [until]
    (counter,) = place.table.query("shop#one", "events")
    assert counter["expires"] == (place.clock.now() // 1000 + 24 * 3600 if is_deleted else until)


def test_an_event_whose_sender_dies_before_it_has_seen_whether_the_run_is_open_stays_for_a_day(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Events, "_keep_with_run", _dies)
        with pytest.raises(KeyboardInterrupt):
            place.send("yes", "e")
    a_day = place.clock.now() // 1000 + 24 * 3600
    assert [row["expires"] for row in place.table.query("shop#one", "event")] == [a_day, a_day]
    assert not place.send("yes", "e")
    assert not any("expires" in row for row in place.table.query("shop#one", "event"))


def test_an_event_of_an_open_run_stays_for_as_long_as_that(place: Place) -> None:
    for number in range(3):
        place.send("yes", f"e-{number}")
    rows = place.table.query("shop#one", "event")
    assert len(rows) == 4
    assert not any("expires" in row for row in rows)


def test_a_run_that_has_ended_takes_no_event_but_knows_those_it_had(place: Place) -> None:
    place.send("yes", "early")
    ended = {"workflow": "shop", "status": "complete", "updated": 0, "closed": True}
    place.table.write(Write(header_key("shop", "one"), ended))
    assert not place.send("yes", "early")
    with pytest.raises(RunClosed):
        place.send("yes", "late")


def test_a_run_that_is_not_there_takes_no_event(place: Place) -> None:
    with pytest.raises(RunNotFound):
        place.events.send("shop", "two", "replied", None, "e")


def test_a_wait_that_begins_while_the_run_is_stopped_says_so(place: Place) -> None:
    place.table.write(Write(place.key().flag, {"want": "pause"}))
    assert place.wait("t") is None
    assert [what[0] for _, what in place.tokens.told] == ["Stopped"]


def test_a_wait_whose_type_changed_is_stale(place: Place) -> None:
    place.wait("t")
    place.send("yes")
    assert place.wait("u", type="other") is None
    assert place.tokens.told[1][1][0] == "StaleResult"


def test_a_wait_whose_outcome_was_forgotten_begins_anew(place: Place) -> None:
    place.wait("t")
    place.later(60)
    place.wait("t")
    place.table.write(Write(place.key().row, remove=("outcome",)))
    assert place.wait("u", timeout=90) == CREATED + 90_000
    assert (place.row()["status"], place.row()["attempts"]) == ("waiting", 2)


def test_a_run_keeps_so_many_events_that_it_has_not_taken_and_refuses_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("durable.steps.events._MOST_UNTAKEN", 3)
    for number in range(3):
        place.send("yes", id=f"e{number}")
    with pytest.raises(RunConflict, match="has 3 events that it has not taken"):
        place.send("yes", id="e3")
    assert not place.send("yes", id="e2")
    place.wait("t")
    assert place.send("yes", id="e3")


def test_a_wait_that_is_called_while_its_outcome_is_delivered_looks_whether_that_succeeded(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait("t1")
    returned: list[int | None] = []

    def busy(token: str, output: Any) -> bool:
        returned.append(place.wait(token))  # the engine calls at once, before the sender leaves the outcome to others
        raise MachinesBusy("at something else")

    with monkeypatch.context() as patch:
        patch.setattr(place.tokens, "succeed", busy)
        place.send("yes")
    assert returned[0] is not None
    assert not place.row()["delivered"]
    place.clock.advance_to(returned[0])
    assert place.wait("t1") is None
    assert place.row()["delivered"]


def test_an_event_that_is_refused_since_its_run_has_closed_leaves_nothing_longer_than_the_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, until = place.table.write, place.clock.now() // 1000 + 1_000
    ended: Row = {"workflow": "shop", "status": "complete", "updated": 0, "closed": True, "expires": until}

    def late(*changes: Any) -> Any:
        if "sent" in getattr(changes[0], "add", ()):
            monkeypatch.setattr(place.table, "write", write)
            write(Write(header_key("shop", "one"), ended))
        return write(*changes)

    monkeypatch.setattr(place.table, "write", late)
    with pytest.raises(RunClosed):
        place.send("yes", "late")
    assert [row["expires"] for row in place.table.query("shop#one", "event")] == [until]
