"""Runs with limits on a simulated AWS under a storm of faults: never more than the limit, nobody starves, nothing lost.

`DURABLE_SEEDS=100` plays so many of each.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from durable.bindings.limits import Limits
from durable.runs.admission import Admission
from durable.runs.pools import Pools
from tests.simulation.aws import CALM, STORM
from tests.simulation.kernel import MINUTE
from tests.simulation.load import RUNS, Load

SEEDS = int(os.environ.get("DURABLE_SEEDS", "2"))
BUSY = replace(STORM, table_busy=0.1)
SOME = range(4, 8)
"""Seeds of which one breaks a promise without each protection."""
LIMITS = {
    "one at once": Limits(concurrency=1),
    "three at once": Limits(concurrency=3),
    "four a minute": Limits(rate=4, period_ms=MINUTE),
    "two at once, three a minute": Limits(concurrency=2, rate=3, period_ms=MINUTE),
    "one of each customer": Limits(concurrency=1, key="customer"),
}
CASES = [(name, "served" if limits.key else "child") for name, limits in LIMITS.items()] + [("three at once", "trip")]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "workflow"), CASES)
def test_limits_hold_and_every_run_has_its_turn_in_a_storm(name: str, workflow: str) -> None:
    for seed in range(SEEDS):
        assert Load(seed, LIMITS[name], workflow, STORM).play().trouble == [], f"{workflow}, {name}, seed {seed}"


def test_in_a_calm_runs_begin_in_the_order_of_priority_and_time() -> None:
    load = Load(3, LIMITS["one at once"], operated=False)
    assert load.play().trouble == []
    rows = sorted(load._headers(), key=lambda each: each.created)
    first, rest = rows[0], rows[1:]
    assert len(load.begun) == RUNS
    ended = sorted(rows, key=lambda each: each.updated)
    late = [each for each in rest if each.created < first.updated]
    wanted = sorted(late, key=lambda each: (-each.priority, each.created))
    assert [each.priority for each in ended[1 : len(late) + 1]] == [each.priority for each in wanted]


def test_the_runs_of_one_customer_do_not_wait_for_those_of_others() -> None:
    load = Load(3, LIMITS["one of each customer"], "served", operated=False)
    assert load.play().trouble == []
    pools = Counter(pool for _, pool in load.begun)
    assert sorted(pools.values()) == [3, 3, 3]
    assert load.most_at_once == 3


def never_taken_back(patch: pytest.MonkeyPatch) -> None:
    """A slot whose run is over is taken back by whoever looks."""
    patch.setattr(Pools, "_take_back", lambda self, workflow, pool: None)


def no_second_look(patch: pytest.MonkeyPatch) -> None:
    """A run that was queued looks once more for a slot, and the reconciler looks at the pool."""
    patch.setattr(Admission, "look_soon", lambda self, header: None)
    patch.setattr(Pools, "_touch", lambda self, pool, row: None)


def slot_alone(patch: pytest.MonkeyPatch) -> None:
    """A slot is taken where it is free only."""
    free: Any = Pools._free

    def unconditional(self: Pools, limits: Limits, rows: Any, instance: str) -> Any:
        found = free(self, limits, rows, instance)
        return found and [type(each)(each.key, each.set) for each in found]

    patch.setattr(Pools, "_free", unconditional)


@pytest.mark.parametrize(
    ("protection", "limits"),
    [
        (never_taken_back, Limits(concurrency=1)),
        (no_second_look, Limits(concurrency=1)),
        (slot_alone, Limits(concurrency=2)),
        (slot_alone, LIMITS["one of each customer"]),
    ],
)
def test_a_promise_breaks_without(protection: Any, limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = "served" if limits.key else "child"
    with monkeypatch.context() as patch:
        protection(patch)
        breaks = (seed for seed in SOME if Load(seed, limits, workflow, BUSY, operated=False).play().trouble)
        broken = next(breaks, None)
    assert broken is not None
    assert Load(broken, limits, workflow, BUSY, operated=False).play().trouble == []


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 2])
def test_no_promise_breaks_where_the_table_is_busy(concurrency: int) -> None:
    limits = Limits(concurrency=concurrency)
    assert [seed for seed in SOME if Load(seed, limits, faults=BUSY, operated=False).play().trouble] == []


def test_without_faults_nothing_is_done_twice() -> None:
    world = Load(1, LIMITS["three at once"], faults=CALM, operated=False).play()
    assert world.trouble == []
    assert world.count["express"] <= 2 * RUNS
