"""Open runs whose code was removed or renamed: found before anything moves, and ended only when that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from durable import Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.build import build
from durable.clock import VirtualClock
from durable.local.engine.workers import InlineWorkers
from durable.local.host import Host
from durable.local.log import TextLog
from durable.local.removed import RunsNeedCode
from durable.local.storage.journal import Journal
from durable.project import Project
from durable.runs.transitions import Order
from durable.testing.host import VirtualHost

refunded: list[int] = []


def pay(amount: int) -> int:
    return amount


def refund(paid: int, amount: int) -> None:
    refunded.append(paid)


def ship(amount: int) -> str:
    return f"shipped {amount}"


def double(amount: int) -> int:
    return 2 * amount


class Shop(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        paid = await step.do("pay", pay, event.payload, undo=refund)
        await step.sleep("a day", "1 day")
        return await step.do("ship", ship, paid)


class RenamedShop(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        paid = await step.do("pay", pay, event.payload, undo=refund)
        await step.sleep("a day", "1 day")
        return await step.do("send", ship, paid)


class Nap(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        await step.sleep("a day", "1 day")
        return event.payload


class Parent(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.call("nap", Nap, event.payload)


shop, nap, parent = Workflow("shop", Shop), Workflow("nap", Nap), Workflow("parent", Parent)
renamed = Workflow("shop", RenamedShop)


def project(*declared: Workflow[Any]) -> Project:
    return Project("app", declared)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder in which a run of each workflow sleeps."""
    refunded.clear()
    with VirtualHost(build(project(shop, nap, parent)), tmp_path / "data") as virtual:
        for name in ("shop", "nap", "parent"):
            virtual.start(name, 5, id=f"{name}-1")
        virtual.run(until=virtual.clock.now() + 1_000)
    return tmp_path / "data"


@contextmanager
def opened(folder: Path, *declared: Workflow[Any]) -> Iterator[Host]:
    journal = Journal(folder, linger=0)
    clock = VirtualClock(VirtualClock().now() + 2_000)
    yield Host(
        build(project(*declared)),
        journal,
        folder,
        clock=clock,
        workers=InlineWorkers(),
        log=TextLog(),
        random=Random(1),
    )
    journal.close()


def test_nothing_is_lacking_where_all_is_there(begun: Path) -> None:
    with opened(begun, shop, nap, parent) as host:
        assert host.lacking() == []


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ((nap, parent), "Workflow 'shop' is declared no more and has open runs (shop-1)."),
        ((renamed, nap, parent), "Workflow 'shop' has open runs (shop-1) that need 'ship', which it has no more."),
    ],
)
def test_a_start_says_which_open_runs_lack_what(begun: Path, declared: Any, said: str) -> None:
    with opened(begun, *declared) as host:
        assert said in str(RunsNeedCode(host.lacking()))


def test_a_workflow_without_a_step_is_missed_too(begun: Path) -> None:
    with opened(begun, shop) as host:
        assert [each.workflow for each in host.lacking()] == ["nap", "parent"]


@pytest.mark.parametrize("declared", [(nap, parent), (renamed, nap, parent)])
def test_an_ended_run_undoes_nothing_and_goes_on_by_a_retry_once_its_code_is_there_again(
    begun: Path, declared: Any
) -> None:
    with opened(begun, *declared) as host:
        host.abandon(host.lacking())
        assert host.lacking() == []
        assert host.reopen() == 3
    with VirtualHost(build(project(shop, nap, parent)), begun) as virtual:
        status = virtual.status("shop", "shop-1")
        assert (status.status, status.error and status.error["message"]) == (
            "errored",
            "The code that the run needs was removed. Retry the run once it is there again.",
        )
        virtual.host.operator.lifecycle.carry_out("shop", "shop-1", Order("retry"))
        virtual.run()
        assert virtual.status("shop", "shop-1").output == "shipped 5"
    assert refunded == []


def test_a_rollback_whose_undo_was_removed_ends(tmp_path: Path) -> None:
    with VirtualHost(build(project(shop)), tmp_path / "data") as virtual:
        virtual.start("shop", 5, id="one")
        virtual.run(until=virtual.clock.now() + 1_000)
        virtual.host.operator.lifecycle.carry_out("shop", "one", Order("terminate", rollback=True))
        assert virtual.status("shop", "one").status == "rollingBack"
    with opened(tmp_path / "data", Workflow("shop", Nap)) as host:
        (lacking,) = [each for each in host.lacking() if "pay" in str(each.parts)]
        assert [each.instance for each in lacking.runs] == ["one"]
        host.abandon(host.lacking())
        assert host.workflows["shop"].get("one").status == "terminated"
        assert host.lacking() == []
