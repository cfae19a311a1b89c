"""Undoing what a run did, on the engine, the record and the clients of one machine, on virtual time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from durable.build import Build, build
from durable.errors import RunConflict
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.project import Project, declarations
from durable.runs.description import Description
from durable.runs.record import load
from durable.runs.transitions import Order
from durable.testing.host import VirtualHost
from tests.integration.local import trips
from tests.integration.local.trips import SoldOut, Stubborn

DONE = ["train 7", "car 7", "bike 7", "hotel 1", "hotel 2"]
UNDONE = ["no hotel 2", "no hotel 1", "no car 7", "no train 7"]


@pytest.fixture(scope="module")
def project() -> Build:
    return build(Project("trips", tuple(declarations(sys.modules[trips.__name__]))))


@pytest.fixture(autouse=True)
def _forget() -> None:
    trips.done.clear()
    trips.fails.clear()
    trips.meanwhile.clear()


@pytest.fixture
def virtual(host: Callable[[Build], VirtualHost], project: Build) -> VirtualHost:
    return host(project)


def tell(virtual: VirtualHost, order: Order) -> str:
    virtual.host.operator.lifecycle.carry_out("trip", "one", order)
    return virtual.status("trip", "one").status


def shown(virtual: VirtualHost) -> Description:
    return virtual.host.operator.queries.describe("trip", "one")


def book(virtual: VirtualHost) -> Description:
    virtual.start("trip", 7, id="one")
    virtual.run()
    return shown(virtual)


def statuses(description: Description) -> dict[str, str]:
    return {each.key: each.status for each in description.steps}


def told(description: Description) -> list[tuple[Any, Any]]:
    assert description.rollback is not None
    return [(each["key"], each["status"]) for each in description.rollback["steps"]]


def test_a_run_that_completes_undoes_nothing(virtual: VirtualHost) -> None:
    trip = book(virtual)
    assert (trip.status, trip.rollback) == ("complete", None)
    assert trips.done == [*DONE, "pay"]


def test_a_run_that_fails_undoes_what_it_did_newest_first_and_tells_the_first_error(virtual: VirtualHost) -> None:
    trips.fails["pay"] = [SoldOut()]
    trip = book(virtual)
    assert trips.done == DONE + UNDONE
    assert (trip.status, trip.error) == (
        "errored",
        {"name": "SoldOut", "message": "Nothing is left.", "step": "pay"},
    )
    assert trip.rollback is not None
    assert trip.rollback["outcome"] == "complete"
    assert told(trip) == [
        ("nights[1]/book-hotel", "undone"),
        ("nights[0]/book-hotel", "undone"),
        ("book-car", "undone"),
        ("book-train", "undone"),
    ]
    assert statuses(trip)["book-train"] == "undone"
    assert statuses(trip)["book-bike"] == "complete"


def test_an_undo_has_the_retries_of_its_step(virtual: VirtualHost) -> None:
    trips.fails = {"pay": [SoldOut()], "no hotel 1": [ConnectionError(), ConnectionError()]}
    started = virtual.clock.now()
    trip = book(virtual)
    assert trip.rollback is not None
    assert (trips.done, trip.rollback["outcome"]) == (DONE + UNDONE, "complete")
    assert virtual.clock.now() == started + (10 + 20) * 1000


@pytest.mark.parametrize("errors", [[ConnectionError() for _ in range(3)], [Stubborn()]])
def test_the_first_undo_that_fails_for_good_is_the_last(virtual: VirtualHost, errors: list[Exception]) -> None:
    trips.fails = {"pay": [SoldOut()], "no hotel 1": list(errors)}
    trip = book(virtual)
    assert trips.done == [*DONE, "no hotel 2"]
    assert (trip.status, trip.error and trip.error["name"]) == ("errored", "SoldOut")
    assert trip.rollback is not None
    assert (trip.rollback["outcome"], trip.rollback["error"]["step"]) == ("failed", "book-hotel")
    assert told(trip) == [
        ("nights[1]/book-hotel", "undone"),
        ("nights[0]/book-hotel", "failed"),
        ("book-car", "left"),
        ("book-train", "left"),
    ]


def test_a_retry_runs_undone_steps_again_under_new_keys(virtual: VirtualHost) -> None:
    trips.fails["pay"] = [SoldOut()]
    book(virtual)
    assert tell(virtual, Order("retry")) == "running"
    virtual.run()
    assert shown(virtual).status == "complete"
    assert trips.done == [*DONE, *UNDONE, "train 7", "car 7", "hotel 1", "hotel 2", "pay"]


def test_a_failed_rollback_may_be_tried_again_by_a_run_that_fails_again(virtual: VirtualHost) -> None:
    trips.fails = {"pay": [SoldOut(), SoldOut()], "no hotel 1": [Stubborn()]}
    book(virtual)
    tell(virtual, Order("retry"))
    virtual.run()
    trip = shown(virtual)
    assert trip.rollback is not None
    assert (trip.status, trip.rollback["outcome"]) == ("errored", "complete")
    assert trips.done == [*DONE, "no hotel 2", "hotel 2", *UNDONE]


def test_terminate_with_rollback_undoes_when_the_step_at_work_has_ended(virtual: VirtualHost) -> None:
    trips.meanwhile["hotel 1"] = lambda: tell(virtual, Order("terminate", rollback=True))
    trip = book(virtual)
    assert (trip.status, trip.error) == ("terminated", None)
    assert trips.done[-3:] == ["no hotel 1", "no car 7", "no train 7"]
    assert trip.rollback is not None
    assert trip.rollback["outcome"] == "complete"


def test_a_paused_run_is_terminated_with_rollback_or_without(virtual: VirtualHost) -> None:
    trips.meanwhile["car 7"] = lambda: tell(virtual, Order("pause"))
    assert book(virtual).status == "paused"
    assert tell(virtual, Order("terminate", rollback=True)) == "rollingBack"
    virtual.run()
    assert shown(virtual).status == "terminated"
    assert trips.done[-2:] == ["no car 7", "no train 7"]


def test_while_it_rolls_back_a_run_takes_no_verb(virtual: VirtualHost) -> None:
    refused: list[str] = []

    def ask() -> None:
        for order in (Order("retry"), Order("resume"), Order("pause"), Order("terminate"), Order("restart")):
            with pytest.raises(RunConflict) as caught:
                tell(virtual, order)
            refused.append(str(caught.value))

    trips.fails["pay"] = [SoldOut()]
    trips.meanwhile["no car 7"] = ask
    assert book(virtual).status == "errored"
    assert refused == ["The run is rolling back: wait until that is over."] * 5


def test_a_rollback_goes_on_from_wherever_it_was_cut_off(host: Callable[[Build], VirtualHost], project: Build) -> None:
    for turns in range(1, 60):
        trips.done.clear()
        trips.fails["pay"] = [SoldOut()]
        first = host(project)
        first.start("trip", 7, id=f"cut-{turns}")
        try:
            first.run(turns=turns)
        except RuntimeError:
            ended = False
        else:
            ended = True
        first.close()
        second = host(project)
        second.clock.advance_to(first.clock.now() + 1)
        second.run()
        trip = second.host.operator.queries.describe("trip", f"cut-{turns}")
        second.close()
        assert trip.status == "errored"
        assert trips.done == DONE + UNDONE
        if ended:
            return
    pytest.fail("the run never came to rest by itself")


@pytest.mark.parametrize("seed", range(8))
def test_no_step_that_comes_late_begins_while_a_run_rolls_back(project: Build, seed: int) -> None:
    trips.fails["hotel 1"] = [SoldOut()]
    with VirtualHost(project, seed=seed) as virtual:
        assert book(virtual).status == "errored"
    undone = [each.startswith("no ") for each in trips.done]
    assert undone == sorted(undone)
    assert ("hotel 2" in trips.done) == ("no hotel 2" in trips.done)


def test_an_undo_is_given_its_bindings(virtual: VirtualHost) -> None:
    trips.fails["pay"] = [SoldOut()]
    book(virtual)
    ledger: SQLiteKVNamespace[str] = SQLiteKVNamespace("ledger", str, virtual.host.journal, virtual.clock)
    incarnation = load(virtual.host.table, "trip", "one").header.incarnation
    assert ledger.get("train") == f"trip/one/{incarnation}/1/book-train/undo"
