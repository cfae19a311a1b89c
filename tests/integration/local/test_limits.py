"""Limits of runs on one machine: transitions of queued runs, and the queue after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from durable import Concurrency, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.build import build
from durable.errors import DeclarationError
from durable.project import Project
from durable.runs.transitions import Order
from durable.testing import Sandbox
from durable.testing.host import VirtualHost

MINUTE = 60_000


class Step:
    """What the step of the workflow does, set by a test."""

    begun: list[int] = []  # noqa: RUF012  # one for all runs


def note(number: int) -> int:
    Step.begun.append(number)
    return number


class Nap(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("note", note, event.payload)
        await step.sleep("a minute", "1 minute")
        return number


@pytest.fixture(autouse=True)
def _forget() -> None:
    Step.begun.clear()


def sandbox(**limits: Any) -> Sandbox:
    return Sandbox(Workflow("nap", Nap, **limits))


def test_runs_of_a_higher_priority_begin_first_and_equal_ones_in_their_order() -> None:
    box = sandbox(concurrency=1)
    client = box._virtual.host.workflows["nap"]
    for number, priority in enumerate([0, 0, 5, -1, 5, 0]):
        client.create(number, id=f"run-{number}", priority=priority)
    box.advance("7 minutes")
    assert Step.begun == [0, 2, 4, 1, 5, 3]


def test_a_queued_run_that_is_terminated_or_paused_leaves_the_queue() -> None:
    box = sandbox(concurrency=1)
    runs = [box.start(number, id=f"run-{number}") for number in range(4)]
    box.advance("1 second")
    client = box._virtual.host.workflows["nap"]
    client.terminate("run-1")
    client.pause("run-2")
    assert [run.status for run in runs] == ["waiting", "terminated", "paused", "queued"]
    client.resume("run-2")
    assert runs[2].status == "queued"
    box.advance("5 minutes")
    assert [run.status for run in runs] == ["complete", "terminated", "complete", "complete"]
    assert Step.begun == [0, 3, 2]


def test_a_paused_run_gives_its_slot_away_and_queues_for_another() -> None:
    box = sandbox(concurrency=1)
    runs = [box.start(number, id=f"run-{number}") for number in range(2)]
    box.advance("1 second")
    client = box._virtual.host.workflows["nap"]
    client.pause("run-0")
    box.advance("1 second")
    assert [run.status for run in runs] == ["paused", "waiting"]
    client.resume("run-0")
    assert runs[0].status == "queued"
    box.advance("3 minutes")
    assert [run.status for run in runs] == ["complete", "complete"]


def test_a_limit_that_was_lowered_or_taken_away_holds_for_what_begins_then(tmp_path: Path) -> None:
    with opened(tmp_path, concurrency=2) as virtual:
        for number in range(5):
            virtual.start("nap", number, id=f"run-{number}")
        virtual.run(until=virtual.clock.now() + 1_000)
        assert statuses(virtual) == ["waiting", "waiting", "queued", "queued", "queued"]
    with opened(tmp_path, concurrency=1) as virtual:
        virtual.run(until=virtual.clock.now() + 62_000)
        assert statuses(virtual) == ["complete", "complete", "waiting", "queued", "queued"]
    with opened(tmp_path) as virtual:
        virtual.run(until=virtual.clock.now() + 1_000)
        assert statuses(virtual) == ["complete", "complete", "waiting", "waiting", "waiting"]


def statuses(virtual: VirtualHost) -> list[str]:
    return [virtual.status("nap", f"run-{number}").status for number in range(5)]


@contextmanager
def opened(folder: Path, **limits: Any) -> Iterator[VirtualHost]:
    virtual = VirtualHost(build(Project("nap", (Workflow("nap", Nap, **limits),))), folder)
    try:
        yield virtual
    finally:
        virtual.close()


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"concurrency": 0}, r"concurrency 0; write 1 to 1,000"),
        ({"concurrency": 1_001}, r"concurrency 1001"),
        ({"rate": "100 a minute"}, r"rate '100 a minute'; write 1 to 1,000 per second, minute, hour or day"),
        ({"rate": "0 per minute"}, r"rate '0 per minute'"),
        ({"concurrency": Concurrency(1, key="customer")}, r"no field 'customer' in its payload; there are: none"),
        (
            {"concurrency": Concurrency(1, key="customer"), "rate": "1 per day"},
            r"a rate and a concurrency by 'customer'",
        ),
    ],
)
def test_a_limit_that_cannot_be_had_is_refused(limits: dict[str, Any], problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        Workflow("nap", Nap, **limits)


def test_an_order_of_an_operator_finds_a_queued_run(host: Callable[..., VirtualHost]) -> None:
    virtual = host(build(Project("nap", (Workflow("nap", Nap, concurrency=1),))))
    for number in range(2):
        virtual.start("nap", number, id=f"run-{number}")
    virtual.run(until=virtual.clock.now() + 1_000)
    assert [each.id for each in virtual.host.operator.queries.list("nap", status="queued").entries] == ["run-1"]
    virtual.host.operator.lifecycle.carry_out("nap", "run-1", Order("terminate", rollback=True))
    assert virtual.status("nap", "run-1").status == "terminated"
