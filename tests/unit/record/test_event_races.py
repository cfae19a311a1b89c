"""Waits for events, when two processes do something about one of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.steps.events import Events
from durable.store.machines import MachinesBusy
from durable.store.rows import WaitRow
from durable.store.table import Delete, Key
from tests.unit.record.test_events import CREATED, Place


@pytest.fixture
def place() -> Place:
    return Place()


def before_an_outcome(place: Place, patch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Do something just before the outcome of a wait is written."""
    write = place.table.write

    def late(*changes: Any) -> Any:
        if "outcome" in getattr(changes[0], "set", ()):
            patch.setattr(place.table, "write", write)
            act()
        return write(*changes)

    patch.setattr(place.table, "write", late)


def test_a_wait_that_got_an_event_meanwhile_does_not_end_because_its_time_is_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait("t")
    place.later(60)
    slow = Events(place.table, place.answers, VirtualClock(CREATED + 59_000))
    before_an_outcome(place, monkeypatch, lambda: slow.send("shop", "one", "replied", "yes", "e"))
    place.events.settle("shop#one", place.key().era)
    assert (place.row()["outcome"], place.row().get("result")) == ("result", "yes")
    assert [what for _, what in place.tokens.told] == [{"result": "yes", "at": CREATED + 59_000}]


def test_a_wait_that_is_let_go_meanwhile_takes_no_event_along(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.wait("t")
    before_an_outcome(place, monkeypatch, lambda: place.answers.let_go(place.key().row, "t"))
    place.send("yes")
    place.wait("u", "next")
    assert [each for each in place.tokens.told if each[0] == "u"] == [("u", {"result": "yes", "at": CREATED})]


def test_an_event_that_another_wait_has_taken_meanwhile_goes_to_one_of_them(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait("t")
    place.wait("u", "second")
    second = place.key("second")
    wait = WaitRow.from_row(place.row("second") | {"sort": second.row.sort})
    # A run is parked for one wait, which takes its event without a look at the others.
    before_an_outcome(place, monkeypatch, lambda: place.events.match(second, wait))
    place.send("yes")
    assert place.row("second")["result"] == "yes"
    assert "outcome" not in place.row()


def test_a_task_that_waits_again_while_its_former_token_is_found_dead_keeps_the_outcome(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.wait("t")
    succeed = place.tokens.succeed

    def dead(token: str, output: Any) -> bool:
        if token == "t":
            place.wait("u")
            return False
        return succeed(token, output)

    monkeypatch.setattr(place.tokens, "succeed", dead)
    place.send("yes")
    assert (place.row()["result"], place.row()["token"]) == ("yes", "u")
    assert place.tokens.told == [("u", {"result": "yes", "at": CREATED})]


def test_an_event_that_was_deleted_with_its_run_is_not_given_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Key("shop#one", f"event#{place.key().era}#e")
    place.wait("t")

    def dead(token: str, output: Any) -> bool:
        place.table.write(Delete(event))
        return False

    monkeypatch.setattr(place.tokens, "succeed", dead)
    place.send("yes")
    assert place.table.get(event) is None


def test_a_wait_that_has_an_outcome_or_another_token_is_not_let_go(place: Place) -> None:
    place.wait("t")
    place.answers.let_go(place.key().row, "before")
    assert place.row()["token"] == "t"
    place.send("yes")
    place.answers.let_go(place.key().row, "t")
    assert (place.row()["status"], place.row()["result"]) == ("complete", "yes")


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_outcome_is_noted_as_delivered_only_to_the_task_that_waits(place: Place, is_deleted: bool) -> None:
    place.wait("t")
    place.wait("u")
    if is_deleted:
        place.table.write(Delete(place.key().row))
    before = place.row()
    place.answers.delivered(place.key().row, "t")
    assert place.row() == before


def test_an_outcome_that_is_refused_leaves_a_deleted_row_deleted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.wait("t")

    def busy(token: str, output: Any) -> bool:
        place.table.write(Delete(place.key().row))
        raise MachinesBusy

    monkeypatch.setattr(place.tokens, "succeed", busy)
    place.send("yes")
    assert place.row() == {}
