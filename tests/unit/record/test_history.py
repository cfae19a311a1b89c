"""What happened to a run: told to a follower once each, and told anew from the beginning."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from durable.clock import VirtualClock, timestamp
from durable.operations.history import HistoryEntry, HistoryPage
from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries
from durable.runs.runs import Runs
from durable.runs.transitions import From, Order
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.store.failure import Failure
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.parts import Parent
from durable.store.record import StepRecord
from durable.store.table import Row, Write
from durable.testing.table import MemoryTable
from durable.wire import Run, WaitTask
from tests.unit.record.conftest import FakeMachines, FakeTokens

DONE = ExecutionState("SUCCEEDED", output=1)
FAILED = ExecutionState("FAILED", error="Odd", cause='{"errorMessage": "a: It is odd.", "stackTrace": []}')
ODD = Failure("Odd", "It is odd.", "KeyError", detail="ann@example.com")
SECOND, HOUR = 1_000, 3_600_000


class Place:
    """A run `one` of `shop`, what works on it, and one who follows it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.table = MemoryTable(self.clock)
        self.runs = Runs(self.table, FakeMachines(), self.clock)
        self.answers = Callbacks(self.table, FakeTokens(), self.clock)
        leases = Leases(self.clock, at_work=lambda owner: False)
        self.owners = 0
        self.steps = StepRecord(self.table, self.clock, leases=leases)
        self.children = Children(self.table, self.answers)
        self.lifecycle = Lifecycle(self.table, FakeMachines(), self.clock, self.runs, self.children, leases)
        self.runs.create("shop", None, id="one")
        self.cursor: str | None = None

    def task(self, step: str, token: str) -> WaitTask:
        """Return what the current execution sends for a wait."""
        header = self.header()
        run: Run = {"workflow": "shop", "instance": "one", "epoch": header["epoch"], "createdAt": ""}
        run["incarnation"] = header["incarnation"]
        run["generation"] = self.generation
        return {"run": run, "execution": header["execution"], "step": step, "key": step, "token": token}

    def now(self) -> int:
        return self.clock.now()

    def later(self, milliseconds: int = SECOND) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def header(self) -> Row:
        return self.table.get(header_key("shop", "one")) or {}

    def key(self, step: str) -> StepKey:
        header = self.header()
        return StepKey("shop", "one", header["epoch"], step, header["incarnation"])

    @property
    def generation(self) -> int:
        """The generation of the current execution."""
        return int(self.header().get("generation", 0))

    def begin(self, step: str) -> None:
        self.owners += 1
        owner = str(self.owners)
        self.steps.begin(self.key(step), step, owner=owner, limit=99, input_hash="h", generation=self.generation)

    def owner(self, step: str) -> str:
        return str((self.table.get(self.key(step).row) or {})["owner"])

    def succeed(self, step: str) -> None:
        self.steps.succeed(self.key(step), owner=self.owner(step), result=1, at=self.now())

    def fail(self, step: str, *, final: bool = False) -> None:
        self.steps.fail(self.key(step), owner=self.owner(step), failure=ODD, final=final, at=self.now())

    def run(self, step: str, *, fails: bool = False) -> None:
        """Make an attempt of a step, which takes a second."""
        self.begin(step)
        self.later()
        self.fail(step, final=True) if fails else self.succeed(step)

    def wait(self, step: str, entered: int | None = None) -> None:
        fresh = {"kind": "event", "input_hash": "h", "type": "t", "deadline": self.now() + HOUR, "caught": []}
        self.answers.wait(self.task(step, f"t{self.now()}"), f"t{self.now()}", fresh, self.steps, entered or self.now())

    def answer(self, step: str, at: int) -> None:
        """Record what a step waited for, which came at a time."""
        self.table.write(Write(self.key(step).row, self.answers.result("yes", at)))

    def ends(self, state: ExecutionState) -> None:
        self.runs.close("shop", self.header()["execution"], state)

    def order(self, verb: Any, start: str | None = None) -> None:
        self.lifecycle.carry_out("shop", "one", Order(verb, start=None if start is None else From(start)))

    def page(self, after: str | None = None) -> HistoryPage:
        return Queries(self.table, self.clock).history("shop", "one", after)

    def follow(self) -> list[HistoryEntry]:
        """Ask for what is new."""
        told = self.page(self.cursor)
        self.cursor = told.cursor
        return list(told.events)

    def follow_on(self) -> list[HistoryEntry]:
        """Ask until there is no more, a second between."""
        found: list[HistoryEntry] = []
        while True:
            told = self.page(self.cursor)
            self.cursor = told.cursor
            found += told.events
            if not told.more:
                return found
            self.later()

    def anew(self) -> list[HistoryEntry]:
        """Ask from the beginning until there is no more."""
        mine, self.cursor = self.cursor, None
        found = self.follow_on()
        self.cursor = mine
        return found


@pytest.fixture
def place() -> Place:
    return Place()


def briefly(events: list[HistoryEntry]) -> list[tuple[str, str | None, int | None]]:
    return [(each.type, each.key, each.attempt) for each in events]


def types(events: list[HistoryEntry]) -> list[str]:
    return [each.type for each in events]


def test_the_cursor_of_many_things_at_once_is_short_and_is_taken(place: Place) -> None:
    for number in range(700):
        place.begin(f"items[{number}]/load")
        place.succeed(f"items[{number}]/load")
    told = place.follow()
    assert len(place.cursor or "") < 4_000
    assert len(told) < 1_401
    told += place.follow_on()
    assert len(place.cursor or "") < 4_000
    assert sorted(types(told)) == sorted(["created", *["stepStarted", "stepComplete"] * 700])
    assert place.anew() == told
    assert place.follow() == []


def test_what_is_held_back_is_told_as_soon_as_it_has_settled(place: Place) -> None:
    for number in range(200):
        place.run(f"items[{number}]/load")
    assert not place.page().more
    place.later(HOUR)
    for number in range(200, 900):
        place.begin(f"items[{number}]/load")
    told = place.page(place.page().cursor)
    assert (told.events, told.more) == ((), True)
    place.later(4_999)
    assert place.page(told.cursor) == told
    place.later(1)
    told = place.page(told.cursor)
    assert (len(told.events), told.more) == (400, False)


def test_a_follower_at_rest_gets_the_same_cursor(place: Place) -> None:
    place.run("a")
    first = place.page()
    assert place.page(first.cursor) == HistoryPage((), first.cursor, more=False)
    place.later(HOUR)
    assert place.page(first.cursor) == HistoryPage((), first.cursor, more=False)


def test_what_came_about_long_before_it_was_recorded_is_told(place: Place) -> None:
    place.wait("reply")
    place.later()
    sent = place.now()
    place.later(HOUR)
    for number in range(400):
        place.run(f"items[{number}]/load")
    place.follow_on()
    place.answer("reply", at=sent)
    (told,) = place.follow()
    assert (told.type, told.key, told.at) == ("stepComplete", "reply", timestamp(sent))
    assert place.follow() == []


def test_a_wait_that_is_noted_long_after_it_was_entered_is_told(place: Place) -> None:
    entered = place.now()
    for number in range(400):
        place.run(f"items[{number}]/load")
    place.follow_on()
    place.wait("reply", entered)
    (told,) = place.follow()
    assert (told.type, told.key, told.at) == ("stepStarted", "reply", timestamp(entered))


def test_a_child_that_ended_while_its_parent_was_paused_is_told(place: Place) -> None:
    fresh = {"kind": "child", "input_hash": "h", "calls": "child", "caught": []}
    place.answers.wait(place.task("grow", "t"), "t", fresh, place.steps, place.now())
    parent: Parent = {"partition": "shop#one", "sort": place.key("grow").row.sort, "anew": 0}
    place.runs.create("child", None, id="child-1", parent=parent)
    place.later()
    place.order("pause")
    place.later()
    execution = place.table.get(header_key("child", "child-1")) or {}
    place.runs.close("child", execution["execution"], DONE)
    closed = place.now()
    place.later(HOUR)
    place.order("resume")
    for number in range(400):
        place.run(f"items[{number}]/load")
    place.follow_on()
    assert place.children.report("child", "child-1")
    (told,) = place.follow()
    assert (told.type, told.key, told.at) == ("stepComplete", "grow", timestamp(closed))


def test_what_is_written_late_is_told(place: Place) -> None:
    place.begin("slow")
    started = place.now()
    place.later(2 * SECOND)
    place.run("quick")
    place.follow()
    place.steps.succeed(place.key("slow"), owner=place.owner("slow"), result=1, at=started + 1)
    assert briefly(place.follow()) == [("stepComplete", "slow", 1)]


def test_attempts_keep_their_numbers_and_are_told_once(place: Place) -> None:
    told: list[HistoryEntry] = []
    for _ in range(34):
        place.begin("a")
        place.later(10 * SECOND)
        place.fail("a")
        told += place.follow()
        place.later(10 * SECOND)
    place.run("a")
    told += place.follow()
    numbers = [each for number in range(1, 35) for each in (("stepStarted", number), ("attemptFailed", number))]
    assert [(each.type, each.attempt) for each in told] == [
        ("created", None),
        *numbers,
        ("stepStarted", 35),
        ("stepComplete", 35),
    ]
    assert place.anew() == [told[0], *told[-40:]]
    assert len((place.table.get(place.key("a").row) or {})["history"]) == 20


def test_a_number_goes_on_when_an_outcome_was_forgotten(place: Place) -> None:
    place.run("a", fails=True)
    place.ends(FAILED)
    place.order("retry")
    place.run("a")
    assert [each.attempt for each in place.follow() if each.type == "stepStarted"] == [1, 2]


def test_what_a_retry_forgot_is_told_anew(place: Place) -> None:
    place.run("a", fails=True)
    place.later()
    place.ends(FAILED)
    told = place.follow()
    place.later()
    place.order("retry")
    place.later()
    place.run("a")
    place.later()
    place.ends(DONE)
    told += place.follow()
    assert types(told) == [
        *("created", "stepStarted", "attemptFailed", "stepErrored", "errored"),
        *("retried", "stepStarted", "stepComplete", "complete"),
    ]
    assert told[2].error == {"name": "Odd", "message": "It is odd.", "exception": "KeyError"}  # not what it said
    assert told[4].error == {"name": "Odd", "message": "It is odd.", "step": "a"}
    assert place.anew() == told


def test_what_a_restart_forgot_is_told_anew(place: Place) -> None:
    place.run("a")
    place.later()
    place.wait("b")
    place.later()
    place.answer("b", at=place.now() - 500)
    place.later()
    place.ends(DONE)
    told = place.follow()
    for start in ("a", None):
        place.later()
        place.order("restart", start)
        place.later()
        place.run("a")
        told += place.follow()
    assert types(told) == [
        *("created", "stepStarted", "stepComplete", "stepStarted", "stepComplete", "complete"),
        *("restarted from a", "stepStarted", "stepComplete", "restarted", "stepStarted", "stepComplete"),
    ]
    assert place.anew() == told


def test_what_was_told_before_the_execution_was_stopped_from_outside_is_told_anew(place: Place) -> None:
    place.later()
    place.order("pause")
    place.later()
    place.order("resume")
    place.later()
    place.ends(ExecutionState("ABORTED"))
    assert types(place.follow()) == ["created", "paused", "resumed", "terminated"]


def test_an_end_of_long_ago_is_kept_without_a_long_message(place: Place) -> None:
    said = '{"errorMessage": "' + "x" * 20_000 + '"}'
    place.ends(ExecutionState("FAILED", error="Odd", cause=said))
    assert len((place.follow()[-1].error or {})["message"]) == 300
    for _ in range(60):
        place.later()
        place.order("retry")
        place.ends(ExecutionState("FAILED", error="Odd", cause=said))
    assert len(str(place.header()["changes"])) < 30_000


@pytest.mark.parametrize("cursor", ["x", "WzAsW11d", "AgAA", "AgAAAAAAAAAAAA==", "", "AQAAAAAAAAAA"])
def test_a_cursor_that_was_never_given_is_refused(place: Place, cursor: str) -> None:
    with pytest.raises(ValueError, match=r"cursor|base64|padding"):
        place.page(cursor)


def test_a_cursor_holds_no_data(place: Place) -> None:
    place.run("secret-step")
    assert b"secret" not in base64.urlsafe_b64decode(place.page().cursor)


@pytest.mark.slow
def test_a_run_of_ten_thousand_steps_is_told_whole_with_a_short_cursor(place: Place) -> None:
    for number in range(10_000):
        place.begin(f"items[{number}]/load")
        place.succeed(f"items[{number}]/load")
        place.later(1)
    told = place.follow()
    told += place.follow_on()
    assert len(told) == 20_001
    assert len(place.cursor or "") < 4_000
