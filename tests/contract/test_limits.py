"""Limits of runs on both tables: slots, the queue, and what is found that nobody gave back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from durable.bindings.limits import Limits
from durable.operations.reconciler import Reconciler
from durable.runs.pools import Pools
from durable.runs.record import load_header
from durable.runs.runs import Runs
from durable.store.machines import ExecutionState
from durable.store.pools import TAKEN, WAITING
from durable.store.table import TableBusy
from tests.contract.desk import DONE, Machines, fail
from tests.contract.worlds import World

MINUTE = 60_000
ALL = "shop#/pool/all"


class Timers:
    def __init__(self) -> None:
        self.set: list[tuple[str, str, int]] = []

    def at(self, workflow: str, instance: str, delay_ms: int) -> None:
        self.set.append((workflow, instance, delay_ms))


class Shop:
    """A record of a workflow with limits, and machines that run nothing."""

    def __init__(self, world: World, **limits: Any) -> None:
        self.clock, self.table, self.machines, self.timers = world.clock, world.table(), Machines(), Timers()
        self.limits: dict[str, Limits] = {"shop": Limits(**limits)}
        self.runs = Runs(self.table, self.machines, self.clock, limits=self.limits, timers=self.timers)

    def create(self, number: int, payload: Any = None, **options: Any) -> None:
        self.runs.create("shop", payload or {"n": number}, id=f"run-{number}", **options)
        self.later(1)

    def status(self, number: int) -> str:
        header = load_header(self.table, "shop", f"run-{number}")
        assert header is not None
        return "queued" if header.place else header.status

    def statuses(self, count: int) -> list[str]:
        return [self.status(number) for number in range(count)]

    def ends(self, number: int, state: ExecutionState = DONE) -> None:
        header = load_header(self.table, "shop", f"run-{number}")
        assert header is not None
        self.runs.close("shop", header.execution, state)

    def later(self, milliseconds: int) -> None:
        self.clock.advance_to(self.clock.now() + milliseconds)

    def rows(self, prefix: str, pool: str = ALL) -> list[Mapping[str, Any]]:
        return list(self.table.query(pool, prefix))


def test_runs_above_the_limit_wait_and_each_end_lets_the_next_one_go(world: World) -> None:
    shop = Shop(world, concurrency=2)
    for number in range(4):
        shop.create(number)
    assert shop.statuses(4) == ["running", "running", "queued", "queued"]
    assert len(shop.machines.states) == 2
    shop.ends(1)
    assert shop.statuses(4) == ["running", "complete", "running", "queued"]
    shop.ends(0)
    shop.ends(2)
    shop.ends(3)
    assert shop.statuses(4) == ["complete"] * 4
    assert shop.rows(TAKEN) == shop.rows(WAITING) == []


def test_a_higher_priority_leaves_the_queue_first(world: World) -> None:
    shop = Shop(world, concurrency=1)
    for number, priority in enumerate([0, -5, 0, 7, 7, 0]):
        shop.create(number, priority=priority)
    order = []
    for _ in range(6):
        (running,) = [number for number in range(6) if shop.status(number) == "running"]
        order.append(running)
        shop.ends(running)
    assert order == [0, 3, 4, 2, 5, 1]


def test_each_value_of_the_key_has_a_limit_of_its_own(world: World) -> None:
    shop = Shop(world, concurrency=1, key="customer")
    for number, customer in enumerate(["ann", "ann", "bob", None]):
        shop.create(number, {"customer": customer, "n": number})
    assert shop.statuses(4) == ["running", "queued", "running", "running"]
    shop.ends(2)
    assert shop.status(1) == "queued"
    shop.ends(0)
    assert shop.status(1) == "running"


def test_no_more_runs_begin_in_a_period_than_the_rate_allows(world: World) -> None:
    shop = Shop(world, rate=2, period_ms=MINUTE)
    for number in range(5):
        shop.create(number)
        shop.ends(number) if number < 2 else None
    assert shop.statuses(5) == ["complete", "complete", "queued", "queued", "queued"]
    (timer,) = shop.timers.set
    assert timer == ("shop", "/pool/all", MINUTE - 2)
    shop.later(MINUTE - 5)
    shop.runs.admission.look("shop", ALL)
    assert shop.statuses(5)[2:] == ["running", "queued", "queued"]
    shop.later(MINUTE)
    shop.runs.admission.look("shop", ALL)
    assert shop.statuses(5)[2:] == ["running", "running", "running"]


def test_the_same_create_again_takes_no_other_slot(world: World) -> None:
    shop = Shop(world, concurrency=2)
    for _ in range(3):
        shop.create(0)
        shop.create(1)
        shop.create(2)
    assert shop.statuses(3) == ["running", "running", "queued"]
    assert (len(shop.rows(TAKEN)), len(shop.rows(WAITING))) == (2, 1)


def test_a_slot_that_nobody_gave_back_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(world, concurrency=1)
    for number in range(3):
        shop.create(number)

    def busy(self: Pools, header: Any) -> bool:
        raise TableBusy("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(Pools, "release", busy)
        shop.ends(0)
    shop.runs.admission.look("shop", ALL)
    assert shop.statuses(3) == ["complete", "queued", "queued"]
    shop.runs.admission.reconcile("shop", ALL)
    assert shop.statuses(3) == ["complete", "running", "queued"]
    shop.runs.admission.reconcile("shop", ALL)
    assert shop.statuses(3) == ["complete", "running", "queued"], "a slot that is held is not taken"


def test_a_run_whose_slot_was_taken_meanwhile_finds_another_or_waits(world: World) -> None:
    shop = Shop(world, concurrency=1)
    query = shop.table.query
    taken: list[bool] = []

    def late(partition: str, prefix: str = "", **options: Any) -> Any:
        rows = query(partition, prefix, **options)
        if not taken:
            taken.append(True)
            shop.create(9)
        return rows

    shop.table.query = late  # type: ignore[method-assign]  # of this table alone
    shop.create(0)
    assert (shop.status(9), shop.status(0)) == ("running", "queued")


def test_a_queue_is_looked_at_by_the_reconciler_as_long_as_runs_wait(world: World) -> None:
    shop = Shop(world, concurrency=1)
    shop.create(0)
    assert shop.table.get(pool_head()) is None
    shop.create(1)
    head = shop.table.get(pool_head())
    assert head is not None
    assert head["due"] == head["touched"] + MINUTE
    shop.ends(0)
    shop.later(MINUTE)
    shop.runs.admission.reconcile("shop", ALL)
    shop.later(20 * MINUTE)
    shop.runs.admission.reconcile("shop", ALL)
    assert shop.table.get(pool_head()) is None


def pool_head() -> Any:
    from durable.store.pools import pool_key

    return pool_key(ALL)


def test_the_reconciler_starts_no_queued_run(world: World) -> None:
    shop = Shop(world, concurrency=1)
    shop.create(0)
    shop.create(1)
    shop.later(10 * MINUTE)
    reconciler = Reconciler(shop.table, shop.machines, shop.clock, shop.runs, lambda header: 0, fail)
    reconciler.reconcile(["shop"])
    assert shop.status(1) == "queued"
    assert len(shop.machines.states) == 1


def test_where_a_slot_is_missing_no_timer_is_set_for_starts_that_count_no_more(world: World) -> None:
    shop = Shop(world, concurrency=1, rate=1, period_ms=10_000)
    shop.create(0)
    shop.create(1)
    shop.later(10_000)  # the start of the first counts no more, and its row is still there
    shop.timers.set.clear()
    shop.runs.admission.look("shop", ALL)
    assert shop.timers.set == []
