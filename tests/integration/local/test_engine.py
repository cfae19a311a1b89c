"""The engine, the record and the clients of one machine, together, on virtual time."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from durable.bindings import RunStatus
from durable.build import Build, build
from durable.clock import VirtualClock
from durable.errors import RunNotFound, StepTimeoutError
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.engine.executions import Executions, Stored
from durable.local.engine.functions import Functions
from durable.local.engine.timers import Timers
from durable.project import Project, declarations
from durable.runs.ids import instance_of
from durable.runs.transitions import Order
from durable.steps.attempt import Hang
from durable.testing.host import VirtualHost
from tests.integration.local import shop

MakeHost = Callable[[Build], VirtualHost]
DAY = 86_400_000
START = 1_767_225_600_000


@pytest.fixture(scope="module")
def project() -> Build:
    return build(Project("shop", tuple(declarations(sys.modules[shop.__name__]))))


@pytest.fixture(autouse=True)
def _forget() -> None:
    shop.calls.clear()
    shop.failures.clear()
    shop.delivered.clear()
    shop.lost.clear()


@pytest.fixture
def virtual(host: MakeHost, project: Build) -> VirtualHost:
    made = host(project)
    stock(made).put("apples", 100)
    return made


def stock(virtual: VirtualHost) -> SQLiteKVNamespace[int]:
    return SQLiteKVNamespace("stock", int, virtual.host.journal, virtual.clock)


def steps(status: RunStatus) -> list[tuple[str, str, int]]:
    return [(each.name, each.status, each.attempts) for each in status.steps]


def test_a_run_takes_the_branch_that_its_payload_decides(virtual: VirtualHost) -> None:
    status = virtual.run_workflow("order", 3)
    assert (status.status, status.output) == ("complete", {"reminder": "none", "shipped": "shipped 3"})
    assert steps(status) == [("reserve", "complete", 1), ("ship", "complete", 1)]
    assert stock(virtual).get("apples") == 97
    assert shop.delivered == [3]


def test_thirty_days_of_sleep_take_no_time(virtual: VirtualHost) -> None:
    status = virtual.run_workflow("order", 11)
    assert status.output == {"reminder": "reminded of 11", "shipped": "shipped 11"}
    assert virtual.clock.now() == START + 30 * DAY
    assert [each.started_at[:10] for each in status.steps] == ["2026-01-01", "2026-01-31", "2026-01-31"]


def test_retries_come_after_delays_that_double(virtual: VirtualHost) -> None:
    shop.failures["ship"] = [ConnectionError() for _ in range(3)]
    status = virtual.run_workflow("order", 1)
    assert steps(status)[-1] == ("ship", "complete", 4)
    assert virtual.clock.now() == START + (10 + 20 + 40) * 1000


def test_a_step_that_fails_for_good_fails_the_run_with_its_error(virtual: VirtualHost) -> None:
    shop.failures["ship"] = [ConnectionError() for _ in range(9)]
    status = virtual.run_workflow("order", 1)
    assert status.status == "errored"
    assert status.error == {"name": "StepError", "message": "The step failed.", "step": "ship"}
    assert steps(status) == [("reserve", "complete", 1), ("ship", "errored", 4)]
    assert virtual.clock.now() == START + (10 + 20 + 40) * 1000


def test_an_error_that_is_not_retryable_is_not_retried(virtual: VirtualHost) -> None:
    status = virtual.run_workflow("order", 101)
    assert status.error == {"name": "OutOfStockError", "message": "Nothing is left.", "step": "reserve"}
    assert shop.calls == [("reserve", 1)]


def test_a_raise_in_run_ends_it_with_its_message(virtual: VirtualHost) -> None:
    status = virtual.run_workflow("order", 0)
    assert status.error == {"name": "WorkflowError", "message": "an order is of one apple at least"}
    assert status.steps == ()


def test_a_timed_out_attempt_is_retried(virtual: VirtualHost) -> None:
    shop.failures["ship"] = [StepTimeoutError()]
    assert steps(virtual.run_workflow("order", 1))[-1] == ("ship", "complete", 2)


def test_a_failed_message_comes_again_and_at_last_is_a_dead_letter(virtual: VirtualHost) -> None:
    shop.lost[:] = [1, 1, 2, 2, 2]
    virtual.run_workflow("order", 1)
    assert shop.delivered == [1]
    assert virtual.clock.now() == START + (60 + 120) * 1000
    virtual.run_workflow("order", 2)
    assert shop.delivered == [1]


@pytest.mark.parametrize("amount", [3, 11])
def test_a_run_goes_on_from_wherever_it_was_cut_off(host: MakeHost, project: Build, amount: int) -> None:
    """The process ends after every possible number of turns; a second one ends the run, and no step runs twice."""
    whole: Any = None
    for turns in range(1, 40):
        shop.calls.clear()
        first = host(project)
        stock(first).put("apples", 100)
        id = first.start("order", amount, id=f"cut-{turns}")
        try:
            first.run(turns=turns)
        except RuntimeError:
            done = False
        else:
            done = True
        first.close()
        second = host(project)
        second.clock.advance_to(first.clock.now())
        second.run()
        status = second.status("order", id)
        second.close()
        assert status.status == "complete"
        assert len(shop.calls) == len(set(shop.calls)) == len(status.steps)
        whole = whole or status.output
        assert status.output == whole
        if done:
            return
    pytest.fail("the run never came to rest by itself")


def test_a_sleep_goes_on_to_its_own_end_after_a_restart(host: MakeHost, project: Build) -> None:
    first = host(project)
    stock(first).put("apples", 100)
    id = first.start("order", 11)
    first.run(until=START + 10 * DAY)
    first.close()
    second = host(project)
    second.clock.advance_to(START + 12 * DAY)
    second.run(until=START + 30 * DAY - 1)
    assert [each[0] for each in steps(second.status("order", id))] == ["reserve"]
    second.run(until=START + 30 * DAY)
    assert second.status("order", id).status == "complete"


def asleep(host: MakeHost, project: Build) -> tuple[str, Path]:
    """Return a run that sleeps for thirty days, and the folder that holds it."""
    virtual = host(project)
    stock(virtual).put("apples", 100)
    id = virtual.start("order", 11)
    virtual.run(until=START + DAY)
    virtual.close()
    assert virtual.folder is not None
    return id, virtual.folder


def test_a_run_that_wakes_while_the_others_are_still_read_is_not_begun_twice(
    host: MakeHost, project: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, folder = asleep(host, project)
    set_timer, read_at_work, invoke = Timers.set, Executions.at_work, Functions.invoke
    invoked: list[str] = []

    def fire_at_once(timers: Timers, key: Hashable, at: int, fire: Callable[[], None]) -> None:
        set_timer(timers, key, at, fire)
        timers.fire_due(START + 40 * DAY)

    def read_late(executions: Executions) -> Iterator[str]:
        executions._journal.flush()
        return read_at_work(executions)

    def count(functions: Functions, function: str, event: Any, owner: str, **options: Any) -> Any:
        invoked.append(function)
        return invoke(functions, function, event, owner, **options)

    monkeypatch.setattr(Timers, "set", fire_at_once)
    monkeypatch.setattr(Executions, "at_work", read_late)
    monkeypatch.setattr(Functions, "invoke", count)
    with VirtualHost(project, folder, clock=VirtualClock(START + 40 * DAY)) as second:
        second.run()
        assert second.status("order", id).status == "complete"
    assert invoked == ["order/remind", "order/ship"]


def test_a_run_whose_header_still_says_queued_runs_after_a_restart(host: MakeHost, project: Build) -> None:
    id, folder = asleep(host, project)
    with sqlite3.connect(folder / "durable.sqlite3") as database:
        database.execute(
            "UPDATE record SET status='queued', data=json_set(data, '$.status', 'queued') WHERE sort='run'"
        )
    second = host(project)
    assert [each["status"] for each in second.host.table.list("order").rows] == ["running"]
    second.run()
    assert second.status("order", id).status == "complete"


def test_a_run_that_sleeps_is_read_when_it_wakes_and_not_before(
    host: MakeHost, project: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = asleep(host, project)
    read: list[str] = []
    original = Executions.get

    def get(self: Executions, name: str) -> Stored:
        read.append(instance_of(name))
        return original(self, name)

    monkeypatch.setattr(Executions, "get", get)
    second = host(project)
    second.run(until=START + 30 * DAY - 1)
    assert read == []
    second.run()
    assert read == [id]
    assert second.status("order", id).status == "complete"
    assert second.host.journal.read("SELECT * FROM resting") == []


def test_a_run_that_sleeps_can_be_stopped(host: MakeHost, project: Build) -> None:
    id, _ = asleep(host, project)
    second = host(project)
    ((execution,),) = second.host.journal.read("SELECT name FROM resting")
    second.host.engine.stop("order", execution)
    second.run()
    assert second.status("order", id).status == "terminated"
    assert second.clock.now() == START
    assert second.host.journal.read("SELECT * FROM execution, resting") == []


def test_a_run_goes_on_from_a_folder_of_the_first_schema(host: MakeHost, project: Build) -> None:
    id, folder = asleep(host, project)
    with sqlite3.connect(folder / "durable.sqlite3") as database:
        database.executescript("DROP TABLE resting; ALTER TABLE kv DROP COLUMN version; PRAGMA user_version=1")
    database.close()
    second = host(project)
    second.run()
    assert second.status("order", id).status == "complete"
    assert second.clock.now() == START + 30 * DAY


def test_a_run_whose_execution_was_lost_before_it_was_acknowledged_begins(host: MakeHost, project: Build) -> None:
    first = host(project)
    stock(first).put("apples", 100)
    id = first.start("order", 1)
    first.close()
    assert first.folder is not None
    with sqlite3.connect(first.folder / "durable.sqlite3") as database:
        database.execute("DELETE FROM execution")
        database.execute("UPDATE record SET status='queued', data=json_set(data, '$.status', 'queued')")
    database.close()
    second = host(project)
    second.run()
    assert second.status("order", id).status == "complete"


@pytest.mark.parametrize("jump", [-5 * DAY, 5 * DAY, 50 * DAY])
def test_a_sleep_ends_by_its_deadline_although_the_clock_jumps(host: MakeHost, project: Build, jump: int) -> None:
    """Set back, it ends when its time has come again; set forward past its time, at once."""
    virtual = host(project)
    stock(virtual).put("apples", 100)
    id = virtual.start("order", 11)
    virtual.run(until=START + 10 * DAY)
    set_clock(virtual, START + 10 * DAY + jump)
    virtual.run()
    assert virtual.status("order", id).output == {"reminder": "reminded of 11", "shipped": "shipped 11"}
    assert virtual.clock.now() == max(START + 30 * DAY, START + 10 * DAY + jump)


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_retry_comes_by_its_deadline_although_the_clock_jumps(host: MakeHost, project: Build, jump: int) -> None:
    shop.failures["ship"] = [ConnectionError()]
    virtual = host(project)
    stock(virtual).put("apples", 100)
    id = virtual.start("order", 1)
    virtual.run(until=START + 9_999)
    set_clock(virtual, START + jump)
    virtual.run()
    assert steps(virtual.status("order", id))[-1] == ("ship", "complete", 2)
    assert virtual.clock.now() == START + max(jump, 10_000)


def set_clock(virtual: VirtualHost, when: int) -> None:
    virtual.clock._now = when


def test_a_lease_of_a_process_that_is_gone_is_void_although_the_clock_was_set_back(
    host: MakeHost, project: Build
) -> None:
    shop.failures["ship"] = [cast(Exception, Hang())]
    first = host(project)
    stock(first).put("apples", 100)
    id = first.start("order", 1)
    first.run(until=START + 1_000)
    assert steps(first.status("order", id))[-1] == ("ship", "running", 1)
    first.close()
    second = host(project)
    set_clock(second, START - DAY)
    second.run(until=START - DAY + 1_000)
    assert steps(second.status("order", id))[-1] == ("ship", "complete", 2)


def test_a_run_is_removed_when_it_has_been_kept_long_enough_and_what_it_stored_is_not(
    host: MakeHost, project: Build
) -> None:
    virtual = host(project)
    stock(virtual).put("apples", 100)
    old, failed = virtual.start("order", 1), virtual.start("order", 0)
    virtual.run()
    virtual.clock.advance_to(START + DAY)
    young, sleeping = virtual.start("order", 1), virtual.start("order", 11)
    virtual.run(until=START + 30 * DAY)
    assert virtual.host.purge() == 2
    virtual.run(until=START + 30 * DAY)
    for gone in (old, failed):
        with pytest.raises(RunNotFound):
            virtual.status("order", gone)
    rows = virtual.host.journal.read("SELECT DISTINCT partition FROM record")
    assert {partition for (partition,) in rows} - {"orders"} == {f"order#{young}", f"order#{sleeping}"}
    assert virtual.host.purge() == 0
    assert virtual.status("order", sleeping).status == "waiting"
    assert stock(virtual).get("apples") == 87


def test_a_run_that_goes_on_is_kept(host: MakeHost, project: Build) -> None:
    virtual = host(project)
    failed = virtual.start("order", 1)
    virtual.run()
    assert virtual.status("order", failed).status == "errored"
    stock(virtual).put("apples", 100)
    virtual.host.operator.lifecycle.carry_out("order", failed, Order("retry"))
    virtual.clock.advance_to(START + 40 * DAY)
    assert virtual.status("order", failed).status in ("queued", "running")
    virtual.run()
    assert virtual.status("order", failed).status == "complete"


def test_a_run_whose_execution_cannot_be_read_ends_with_a_reason_and_the_others_go_on(
    host: MakeHost, project: Build, caplog: pytest.LogCaptureFixture
) -> None:
    first = host(project)
    stock(first).put("apples", 100)
    ids = [first.start("order", amount) for amount in (11, 12, 1)]
    for _ in range(3):
        first.run(turns=100, enough=lambda: True)
    first.close()
    assert first.folder is not None
    with sqlite3.connect(first.folder / "durable.sqlite3") as database:
        query = "UPDATE execution SET data=substr(data, 1, 60) WHERE name LIKE ?"
        database.executemany(query, [(f"{id}.%",) for id in ids[1:]])
    second = host(project)
    broken = [second.status("order", id) for id in ids[1:]]
    assert [each.status for each in broken] == ["errored", "errored"]
    assert [each.error and each.error["name"] for each in broken] == ["WorkflowError", "WorkflowError"]
    lines = [each.getMessage() for each in caplog.records if "cannot go on" in each.getMessage()]
    assert [line.split(".")[0] for line in lines] == [f"order/{id}" for id in ids[1:]]
    second.run()
    assert second.status("order", ids[0]).status == "complete"
