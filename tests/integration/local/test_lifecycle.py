"""What operators do to runs, on the engine, the record and the clients of one machine, on virtual time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import pytest

from durable.build import Build, build
from durable.errors import RunConflict, RunNotFound
from durable.project import Project, declarations
from durable.runs.transitions import From, Order
from durable.testing.host import VirtualHost
from tests.integration.local import orders
from tests.integration.local.orders import Declined

DAY = 86_400_000
WHOLE = ["1/price", "1/charge", "1/parcels[0]/pack", "1/parcels[1]/pack", "1/ship"]


@pytest.fixture(scope="module")
def project() -> Build:
    return build(Project("orders", tuple(declarations(sys.modules[orders.__name__]))))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    orders.calls.clear()
    orders.meanwhile.clear()
    yield
    assert not orders.meanwhile, "what was to happen while a step runs did not"


@pytest.fixture
def virtual(host: Callable[[Build], VirtualHost], project: Build) -> VirtualHost:
    return host(project)


def tell(virtual: VirtualHost, order: Order, id: str = "one") -> str:
    virtual.host.operator.lifecycle.carry_out("order", id, order)
    return virtual.status("order", id).status


def begin(virtual: VirtualHost, *, until: int | None = None) -> None:
    virtual.start("order", 3, id="one")
    virtual.run(until=None if until is None else virtual.clock.now() + until)


def end(virtual: VirtualHost) -> str:
    virtual.run()
    status = virtual.status("order", "one")
    return str(status.output or status.error or status.status)


def raising(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_run_that_sleeps_is_paused_at_once_and_sleeps_on_to_its_own_end(virtual: VirtualHost) -> None:
    begin(virtual, until=1000)
    started = virtual.clock.now() - 1000
    assert tell(virtual, Order("pause")) == "paused"
    virtual.run(until=started + DAY // 2)
    assert tell(virtual, Order("resume")) == "running"
    assert end(virtual) == "paid 30, shipped 2"
    assert virtual.clock.now() == started + DAY
    assert orders.calls == WHOLE


def test_a_pause_waits_for_the_step_at_work_whose_result_is_kept(virtual: VirtualHost) -> None:
    orders.meanwhile["charge"] = lambda: seen.append(tell(virtual, Order("pause")))
    seen: list[str] = []
    begin(virtual)
    assert seen == ["waitingForPause"]
    assert virtual.status("order", "one").status == "paused"
    assert tell(virtual, Order("resume")) == "running"
    assert end(virtual) == "paid 30, shipped 2"
    assert orders.calls == WHOLE


def test_a_failed_run_is_retried_on_mended_code_and_done_steps_do_not_run_again(virtual: VirtualHost) -> None:
    orders.meanwhile["ship"] = raising(Declined())
    begin(virtual)
    assert virtual.status("order", "one").status == "errored"
    assert orders.calls == WHOLE
    assert tell(virtual, Order("retry")) == "running"
    assert end(virtual) == "paid 30, shipped 2"
    assert orders.calls == [*WHOLE, "1/ship"]


def test_a_retry_keeps_the_errors_that_the_run_has_caught(virtual: VirtualHost) -> None:
    orders.meanwhile["charge"] = raising(Declined())
    orders.meanwhile["ship"] = raising(Declined())
    begin(virtual)
    assert tell(virtual, Order("retry")) == "running"
    assert end(virtual) == "owes 30, shipped 2"
    assert [each for each in orders.calls if "pack" not in each] == [
        "1/price",
        "1/charge",
        "1/fallback",
        *["1/ship"] * 2,
    ]


def test_a_restart_is_a_new_epoch_that_sleeps_anew(virtual: VirtualHost) -> None:
    begin(virtual)
    ended = virtual.clock.now()
    assert tell(virtual, Order("restart")) == "running"
    assert end(virtual) == "paid 30, shipped 2"
    assert virtual.clock.now() == ended + DAY
    assert orders.calls == [*WHOLE, *(each.replace("1/", "2/", 1) for each in WHOLE)]


def test_a_restart_from_a_step_keeps_what_came_before_and_does_the_rest_once_more(virtual: VirtualHost) -> None:
    begin(virtual)
    assert tell(virtual, Order("restart", start=From("pack", 2))) == "running"
    assert end(virtual) == "paid 30, shipped 2"
    assert orders.calls == [*WHOLE, "1/parcels[1]/pack~1", "1/ship~1"]


def test_terminate_stops_a_run_and_a_restart_takes_it_up_again(virtual: VirtualHost) -> None:
    begin(virtual, until=1000)
    assert tell(virtual, Order("terminate")) == "terminated"
    assert end(virtual) == "terminated"
    assert orders.calls == WHOLE[:2]
    tell(virtual, Order("restart"))
    assert end(virtual) == "paid 30, shipped 2"


def test_a_restart_of_a_run_at_work_waits_for_its_step(virtual: VirtualHost) -> None:
    orders.meanwhile["charge"] = lambda: seen.append(tell(virtual, Order("restart")))
    seen: list[str] = []
    begin(virtual)
    assert seen == ["running"]
    assert end(virtual) == "paid 30, shipped 2"
    assert orders.calls == ["1/price", "1/charge", *(each.replace("1/", "2/", 1) for each in WHOLE)]


def test_a_pause_that_is_taken_back_goes_on(virtual: VirtualHost) -> None:
    orders.meanwhile["charge"] = lambda: seen.extend(tell(virtual, Order(verb)) for verb in ("pause", "resume"))
    seen: list[str] = []
    begin(virtual)
    assert seen == ["waitingForPause", "waitingForPause"]
    assert end(virtual) == "paid 30, shipped 2"
    assert orders.calls == WHOLE


def test_a_run_that_is_to_terminate_but_completes_is_complete(virtual: VirtualHost) -> None:
    orders.meanwhile["ship"] = lambda: tell(virtual, Order("terminate"))
    begin(virtual)
    assert end(virtual) == "terminated"
    assert orders.calls == WHOLE


def test_a_deleted_run_is_gone_and_its_id_is_free(virtual: VirtualHost) -> None:
    begin(virtual)
    virtual.host.operator.lifecycle.carry_out("order", "one", Order("delete"))
    with pytest.raises(RunNotFound):
        virtual.status("order", "one")
    assert [row["sort"].partition("@")[0] for row in virtual.host.table.query("order#one")] == ["flag"]
    begin(virtual)
    assert orders.calls == WHOLE * 2


def test_a_paused_run_whose_workflow_changed_says_so(virtual: VirtualHost) -> None:
    begin(virtual, until=1000)
    tell(virtual, Order("pause"))
    virtual.host.runs._definitions = {"order": "another"}
    with pytest.raises(RunConflict, match="The workflow has changed"):
        tell(virtual, Order("resume"))
    assert tell(virtual, Order("resume", latest=True)) == "running"
    assert end(virtual) == "paid 30, shipped 2"
