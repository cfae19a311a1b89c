"""What a rollback reads and writes, on both tables: the machine's part is played by the test."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from durable.errors import NonRetryableError
from durable.local.log import TextLog
from durable.operations.queries import Queries
from durable.retries import RetryAfter
from durable.runs.runs import Runs
from durable.signature import signature_of
from durable.steps import undo
from durable.steps.step import StepHandler
from durable.steps.undo import Rollback, UndoHandler
from durable.store.begun import Halted, Leased
from durable.store.keys import StepKey, header_key
from durable.store.leases import Leases
from durable.store.machines import ExecutionState
from durable.store.record import StepRecord
from durable.store.rows import Header
from durable.store.table import Row, Write
from tests.contract.desk import Machines
from tests.contract.worlds import World

FAILED = ExecutionState("FAILED", error="Odd", cause="{}")
undone: list[tuple[str, int]] = []
errors: list[Exception] = []


class Stubborn(NonRetryableError):
    """It cannot be taken back."""


def book(number: int) -> str:
    return f"booking {number}"


def cancel(booking: str, number: int) -> None:
    if errors:
        raise errors.pop(0)
    undone.append((booking, number))


class Agency:
    """A run that has booked two things and failed."""

    def __init__(self, world: World) -> None:
        undone.clear()
        errors.clear()
        self.clock, self.table = world.clock, world.table()
        self.runs = Runs(self.table, Machines(), self.clock)
        self.runs.create("shop", {}, id="one")
        record = StepRecord(self.table, self.clock)
        parts: Any = ({}, record, self.clock, lambda seconds: nullcontext(), TextLog())
        step = StepHandler(signature_of(book), *parts)
        for number in (1, 2):
            step(self.event(number), "owner")
            self.clock.advance_to(self.clock.now() + 1)
        self.undo = UndoHandler(self.table, Leases(self.clock), signature_of(cancel), *parts)
        self.rollback = Rollback(self.table, self.clock, Leases(self.clock))
        self.runs.close("shop", self.header["execution"], FAILED)

    def event(self, number: int) -> Any:
        run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"}
        run["incarnation"] = self.header["incarnation"]
        undo = {"function": "cancel", "attempts": 3, "timeout": 60, "delay": 10, "rate": 2, "input": True}
        event = {"run": run, "execution": "one.x", "step": "book", "key": f"all[{number}]/book", "attempts": 3}
        return event | {"timeout": 60, "input": {"number": number}, "undo": undo}

    @property
    def header(self) -> Row:
        row = self.table.get(header_key("shop", "one"))
        assert row is not None
        return row

    def ask(self) -> dict[str, Any]:
        return self.rollback({"run": self.event(1)["run"], "execution": self.header["execution"]})

    def roll(self) -> list[str]:
        """Do what the rollback says until it is at its end, and return what that was."""
        did: list[str] = []
        while (answer := self.ask())["do"] != "end":
            did.append(answer["do"])
            if answer["do"] == "wait":
                did[-1] += f" {answer['seconds']}"
                self.clock.advance_to(self.clock.now() + answer["seconds"] * 1000)
                continue
            try:
                self.undo(answer["payload"], "owner")
            except Exception as error:
                did[-1] += f" {type(error).__name__}"
        return did


@pytest.fixture
def agency(world: World) -> Agency:
    return Agency(world)


def test_what_was_done_last_is_undone_first(agency: Agency) -> None:
    assert agency.header["status"] == "rollingBack"
    assert agency.roll() == ["undo", "undo"]
    assert undone == [("booking 2", 2), ("booking 1", 1)]
    assert (agency.header["status"], agency.header["rollback"]["outcome"]) == ("errored", "complete")
    assert agency.header["closed"]
    assert agency.header["expires"] * 1000 > agency.clock.now()


def test_what_was_undone_is_told_with_what_was_done(agency: Agency, world: World) -> None:
    queries = Queries(agency.table, world.clock)
    told = queries.history("shop", "one", None)
    before = [(each.type, each.attempt) for each in told.events]
    assert before[0] == ("created", None)
    assert sorted(before[1:]) == sorted([("stepStarted", 1), ("stepComplete", 1)] * 2)
    world.clock.advance_to(world.clock.now() + 1000)
    agency.roll()
    later = queries.history("shop", "one", told.cursor).events
    assert [(each.type, each.key) for each in later[:2]] == [
        ("stepUndone", "all[1]/book"),
        ("stepUndone", "all[2]/book"),
    ]
    assert [each.type for each in later[2:]] == ["errored"]
    assert len(queries.history("shop", "one", None).events) == 8


def test_a_failed_undo_is_tried_again_after_delays_that_grow(agency: Agency) -> None:
    errors[:] = [ConnectionError(), ConnectionError()]
    assert agency.roll() == ["undo StepError", "wait 10", "undo StepError", "wait 20", "undo", "undo"]


def test_one_that_fails_for_good_ends_the_rollback(agency: Agency) -> None:
    errors[:] = [Stubborn()]
    assert agency.roll() == ["undo Stubborn"]
    told = agency.header["rollback"]
    assert (told["outcome"], told["error"]["name"]) == ("failed", "Stubborn")
    assert [each["status"] for each in told["steps"]] == ["failed", "left"]


def test_an_undo_that_is_told_twice_happens_once(agency: Agency) -> None:
    answer = agency.ask()
    agency.undo(answer["payload"], "first")
    agency.undo(answer["payload"], "second")
    assert undone == [("booking 2", 2)]


def test_an_undo_at_work_is_waited_for_and_one_whose_process_died_is_tried_again(agency: Agency) -> None:
    answer = agency.ask()
    row = agency.undo._begin(StepKey.of(answer["payload"]), answer["payload"], "dead", agency.clock.now())
    assert row is not None
    agency.undo(answer["payload"], "second")
    assert undone == []
    *waits, first, second = agency.roll()
    assert (first, second) == ("undo", "undo")
    assert sum(int(each.removeprefix("wait ")) for each in waits) in range(30, 36)


def test_a_step_at_work_is_waited_for_and_then_undone(agency: Agency) -> None:
    assert agency.roll() == ["undo", "undo"]
    header = agency.runs.go_on(Header.from_row(agency.header), did="retried")
    record = StepRecord(agency.table, agency.clock)
    key = StepKey("shop", "one", 1, "all[3]/book", agency.header["incarnation"])
    kept = {"undo": agency.event(3)["undo"], "input": {"number": 3}}
    record.begin(key, "book", owner="x", limit=9, input_hash="h", kept=kept, generation=header.generation)
    agency.runs.close("shop", header.execution, FAILED)
    assert agency.ask() == {"do": "wait", "seconds": 1}
    record.succeed(key, owner="x", result="booking 3", at=agency.clock.now())
    assert agency.roll() == ["undo"]
    assert undone[-1] == ("booking 3", 3)


def test_a_step_that_comes_late_does_not_begin(agency: Agency) -> None:
    record = StepRecord(agency.table, agency.clock)
    key = StepKey("shop", "one", 1, "all[3]/book", agency.header["incarnation"])
    assert record.begin(key, "book", owner="x", limit=9, input_hash="h") == Halted()
    assert agency.roll() == ["undo", "undo"]
    assert record.begin(key, "book", owner="x", limit=9, input_hash="h") == Halted()
    header = agency.runs.go_on(Header.from_row(agency.header), did="retried")
    assert record.begin(key, "book", owner="x", limit=9, input_hash="h") == Halted()
    begun = record.begin(key, "book", owner="x", limit=9, input_hash="h", generation=header.generation)
    assert begun == Leased(1)


def test_the_rollback_of_another_execution_does_nothing(agency: Agency) -> None:
    other = agency.rollback({"run": agency.event(1)["run"], "execution": "one.other"})
    assert other == {"do": "end"}
    assert agency.header["status"] == "rollingBack"


def test_the_lease_of_a_process_that_is_known_to_be_gone_is_void(agency: Agency, world: World) -> None:
    payload = agency.ask()["payload"]
    assert agency.undo._begin(StepKey.of(payload), payload, "dead", agency.clock.now()) is not None
    leases = Leases(agency.clock, at_work=lambda owner: owner != "dead")
    agency.rollback = Rollback(agency.table, agency.clock, leases)
    agency.undo._leases = leases
    assert agency.roll() == ["undo", "undo"]


def test_an_undo_says_when_it_is_tried_again(agency: Agency) -> None:
    errors[:] = [RetryAfter("2 minutes"), ConnectionError()]
    assert agency.roll() == ["undo RetryAfter", "wait 120", "undo StepError", "wait 20", "undo", "undo"]


def test_the_delays_of_an_undo_grow_as_those_of_its_step(agency: Agency) -> None:
    row = StepKey.of(agency.event(2)).row
    agency.table.write(Write(row, {"undo": agency.event(2)["undo"] | {"linear": True, "rate": 1, "attempts": 4}}))
    errors[:] = [ConnectionError()] * 3
    assert [each for each in agency.roll() if each.startswith("wait")] == ["wait 10", "wait 20", "wait 30"]


def test_what_comes_after_the_rollback_is_called_when_all_is_undone(agency: Agency) -> None:
    row = StepKey.of(agency.event(2)).row
    agency.table.write(Write(row, {"undo": agency.event(2)["undo"] | {"last": True}}))
    assert agency.roll() == ["undo", "undo"]
    assert undone == [("booking 1", 1), ("booking 2", 2)]


def test_what_comes_after_the_rollback_is_not_called_where_an_undo_failed(agency: Agency) -> None:
    row = StepKey.of(agency.event(2)).row
    agency.table.write(Write(row, {"undo": agency.event(2)["undo"] | {"last": True}}))
    errors[:] = [Stubborn()]
    agency.roll()
    assert undone == []
    assert agency.header["rollback"]["outcome"] == "failed"


def test_the_report_of_a_rollback_of_very_many_steps_fits_into_the_header(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo, "_MOST_REPORTED", 1)
    agency.roll()
    assert [each["key"] for each in agency.header["rollback"]["steps"]] == ["all[2]/book"]
