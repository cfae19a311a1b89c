"""What a project's own code and errors look like in the terminal, by the engine that runs them."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator

import pytest

from durable import Queue, Retries, Workflow, WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep
from durable.build import Build, build
from durable.local.log import logger
from durable.local.terminal import Lines
from durable.project import Project
from durable.testing.host import VirtualHost

log = logging.getLogger("orders")


def reserve(amount: int, parcels: Queue[int]) -> int:
    log.info("reserving %d", amount)
    if amount > 10:
        raise LookupError(f"there are no {amount} apples")
    return amount


def deliver(parcel: int) -> None:
    log.info("delivering %d", parcel)
    raise TypeError("no address")


class OrderWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        if event.payload < 1:
            raise WorkflowError("an order is of one apple at least")
        return await step.do("reserve", reserve, event.payload, retries=Retries(limit=1))


parcels = Queue("parcels", consumer=deliver, retries=Retries(limit=0))
order = Workflow("order", OrderWorkflow, bindings={"parcels": parcels})


@pytest.fixture
def terminal() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(coloured=False))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    for each in (root, logger):
        each.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    logger.setLevel(logging.NOTSET)


@pytest.fixture
def virtual(host: Callable[[Build], VirtualHost]) -> VirtualHost:
    return host(build(Project("shop", (order, parcels))))


def said(terminal: io.StringIO) -> list[str]:
    """Return the lines that have a time, without it."""
    return [line[9:] for line in terminal.getvalue().splitlines() if line[2:3] == ":"]


def test_a_step_logs_and_fails_with_its_run_and_its_own_lines(virtual: VirtualHost, terminal: io.StringIO) -> None:
    virtual.run_workflow("order", 11, id="eleven")

    assert said(terminal) == [
        "order/eleven reserve: reserving 11",
        "warning: order/eleven step reserve: attempt 1 failed with LookupError: there are no 11 apples"
        "; it will be retried",
        "order/eleven reserve: reserving 11",
        "warning: order/eleven step reserve: attempt 2 failed with LookupError: there are no 11 apples (2 times)",
        "warning: order/eleven errored with StepError in reserve: there are no 11 apples",
    ]
    assert terminal.getvalue().count('raise LookupError(f"there are no {amount} apples")') == 1


def test_a_consumer_logs_and_fails_with_its_queue_and_its_own_lines(
    virtual: VirtualHost, terminal: io.StringIO
) -> None:
    virtual.host.messages.send("parcels", ["7"], 0)
    virtual.run()

    first, second, dead = said(terminal)
    assert first == "queue parcels: delivering 7"
    assert second.startswith("warning: queue parcels message ")
    assert second.endswith("delivery 1 failed with TypeError: no address")
    assert dead.endswith("is a dead letter")
    assert terminal.getvalue().count('raise TypeError("no address")') == 1


def test_a_run_that_ends_itself_says_why(virtual: VirtualHost, terminal: io.StringIO) -> None:
    virtual.run_workflow("order", 0, id="none")

    assert said(terminal) == ["warning: order/none errored with WorkflowError: an order is of one apple at least"]
