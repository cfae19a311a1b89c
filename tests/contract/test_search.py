"""Runs are found by search attributes, on both tables."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from durable.operations.lifecycle import Lifecycle
from durable.operations.queries import Queries, attribute_of
from durable.runs.runs import Runs
from durable.runs.transitions import Order
from durable.steps.callbacks import Callbacks
from durable.steps.children import Children
from durable.store.leases import Leases
from tests.contract.desk import Machines
from tests.contract.worlds import World
from tests.unit.record.conftest import FakeTokens

ATTRIBUTES = {"customer_id": "customerId", "paid": "paid", "cents": "cents"}


class Shop:
    def __init__(self, world: World) -> None:
        self.clock, self.table, machines = world.clock, world.table(), Machines()
        self.runs = Runs(self.table, machines, self.clock, search={"shop": list(ATTRIBUTES.values())})
        self.queries = Queries(self.table, self.clock)
        children = Children(self.table, Callbacks(self.table, FakeTokens(), self.clock))
        self.lifecycle = Lifecycle(self.table, machines, self.clock, self.runs, children, Leases(self.clock))

    def create(self, number: int, **payload: Any) -> None:
        self.runs.create("shop", payload, id=f"run-{number}")
        self.clock.advance_to(self.clock.now() + 1_000)

    def found(self, name: str, value: object, **options: Any) -> list[str]:
        page = self.queries.list("shop", where=attribute_of(ATTRIBUTES, name, value), **options)
        return [each.id for each in page.entries]


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def test_runs_are_found_by_an_attribute_the_last_created_first(shop: Shop) -> None:
    shop.create(0, customerId="ann", paid=True, cents=5)
    shop.create(1, customerId="bob", paid=True, cents=7)
    shop.create(2, customerId="ann", paid=False, cents=7)
    shop.create(3, customerId=None)
    assert shop.found("customer_id", "ann") == ["run-2", "run-0"]
    assert shop.found("customerId", "bob") == ["run-1"]
    assert (shop.found("paid", True), shop.found("paid", "false")) == (["run-1", "run-0"], ["run-2"])
    assert shop.found("cents", 7) == shop.found("cents", "7") == ["run-2", "run-1"]
    assert shop.found("customer_id", "an") == []
    assert [each.id for each in shop.queries.list("shop").entries] == ["run-3", "run-2", "run-1", "run-0"]


def test_a_status_filters_besides_and_a_deleted_run_is_gone(shop: Shop) -> None:
    for number in range(3):
        shop.create(number, customerId="ann")
    shop.lifecycle.carry_out("shop", "run-1", Order("terminate"))
    assert shop.found("customer_id", "ann", status="terminated") == ["run-1"]
    shop.lifecycle.carry_out("shop", "run-1", Order("delete"))
    assert shop.found("customer_id", "ann") == ["run-2", "run-0"]


def test_rows_of_an_ended_run_vanish_with_it(shop: Shop) -> None:
    shop.create(0, customerId="ann")
    shop.lifecycle.carry_out("shop", "run-0", Order("terminate"))
    shop.clock.advance_to(shop.clock.now() + 31 * 86_400_000)
    assert shop.found("customer_id", "ann") == []


def test_pages_go_on_where_the_last_one_ended(shop: Shop) -> None:
    for number in range(5):
        shop.create(number, customerId="ann")
    asked = attribute_of(ATTRIBUTES, "customer_id", "ann")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = shop.queries.list("shop", where=asked, cursor=cursor, limit=2)
        seen += [each.id for each in page.entries]
        if page.cursor is None:
            break
        cursor = page.cursor
    assert seen == ["run-4", "run-3", "run-2", "run-1", "run-0"]
    first = shop.queries.list("shop", where=asked, limit=2)
    with pytest.raises(ValueError, match="another list"):
        shop.queries.list("shop", cursor=first.cursor)
    mark = (first.cursor or "")[:8]
    with pytest.raises(ValueError, match="cursor"):
        shop.queries.list("shop", where=asked, cursor=f"{mark}e30=")


FORGED = [
    ["", "search#paid", 1],
    ["other#run-1", "search#paid", 1],
    ["shop#" + "x" * 3_000, "search#paid", 1],
    ["shop#\ud800", "search#paid", 1],
    ["shop#run-1", "", 1],
    ["shop#run-1", "step#paid", 1],
    ["shop#run-1", "search#" + "x" * 3_000, 1],
    ["shop#run-1", "search#\ud800", 1],
    ["shop#run-1", "search#paid", -1],
    ["shop#run-1", "search#paid", 2**70],
    ["shop#run-1", "search#paid", True],
    ["shop#run-1", ["search#paid"], 1],
]


@pytest.mark.parametrize("place", FORGED)
def test_a_forged_cursor_is_refused(shop: Shop, place: list[object]) -> None:
    for number in range(3):
        shop.create(number, paid=True)
    asked = attribute_of(ATTRIBUTES, "paid", True)
    mark = (shop.queries.list("shop", where=asked, limit=2).cursor or "")[:8]
    for each in (place, [place[2], place[0]] if place[1] == "search#paid" else {}):  # as either table has it
        forged = base64.urlsafe_b64encode(json.dumps(each).encode()).decode()
        with pytest.raises(ValueError, match="cursor"):
            shop.queries.list("shop", where=asked, cursor=f"{mark}{forged}")


def test_what_is_no_attribute_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'customer' is no search attribute.*there are: customer_id, paid, cents"):
        attribute_of(ATTRIBUTES, "customer", "ann")
    with pytest.raises(ValueError, match="none; declare them"):
        attribute_of({}, "customer", "ann")
