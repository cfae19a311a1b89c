"""Workflows that wait in every way that there is, and what is looked at of their runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from durable import NonRetryableError, Retries, StepError, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.runs.description import Description
from durable.runs.transitions import Order
from durable.testing.host import VirtualHost

SECOND, DAY = 1_000, 86_400_000
ORDERS = {"pause": Order("pause"), "resume": Order("resume")}
MANY = Retries(limit=3, delay="10 seconds", jitter=False)
failures: list[BaseException] = []
meanwhile: list[Callable[[], Any]] = []
"""What happens while the slow step runs, once."""


class RefusedError(NonRetryableError):
    """It was refused."""


def load(number: int) -> int:
    if failures:
        raise failures.pop()
    return number


def refuse(number: int) -> int:
    raise RefusedError


def slow(number: int) -> int:
    if meanwhile:
        meanwhile.pop()()
    return number


class NapWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        async def rested(number: int) -> int:
            await step.sleep("rest", "2 days")
            return await step.do("after", load, number)

        await step.sleep("first", "1 day")
        many = await step.map("each", rested, [1, 2])
        return many[0]


class BothWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        async def slow() -> int:
            await step.sleep("nap", "1 day")
            return 1

        async def busy() -> int:
            return await step.do("load", load, event.payload, retries=MANY)

        one, two = await asyncio.gather(slow(), busy())
        return one + two


class AskWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        answer = await step.wait_for_event("answer", type="answered", payload=int, timeout="3 days")
        return await step.do("load", load, answer)


class TwoWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        one, two, three = await asyncio.gather(
            step.wait_for_event("left", type="left", payload=int, timeout="3 days"),
            step.do("load", load, event.payload, retries=MANY),
            step.wait_for_event("right", type="right", payload=int, timeout="3 days"),
        )
        return one + two + three


class PoliteWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        async def refused() -> int:
            raise RefusedError("not now")

        times = 0
        for number in range(event.payload):
            try:
                await step.do("refuse", refuse, number)
            except RefusedError:
                await step.sleep("be polite", "1 day")
            try:
                await asyncio.gather(refused(), step.do("load", load, number))
            except RefusedError:
                await step.sleep("be polite once more", "1 day")
            times = times + 1
        return times


class AsksWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        first = await step.do("first", load, event.payload)
        second = await step.wait_for_event("second", type="second", payload=int, timeout="3 days")
        return first + second


class RaceWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        try:
            await asyncio.gather(step.do("slow", slow, event.payload), step.do("load", load, event.payload))
        except NonRetryableError:
            await step.sleep("nap", "1 day")
        return 1


class StubbornWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        name = "none"
        try:
            await step.do("load", load, event.payload, retries=MANY)
        except StepError as error:
            name = type(error).__name__
        await step.sleep("nap", "1 day")
        return name


class OuterWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.call("inner", NapWorkflow, event.payload)


nap = Workflow("nap", NapWorkflow)
both = Workflow("both", BothWorkflow)
ask = Workflow("ask", AskWorkflow)
two = Workflow("two", TwoWorkflow)
polite = Workflow("polite", PoliteWorkflow)
asks = Workflow("asks", AsksWorkflow)
race = Workflow("race", RaceWorkflow)
stubborn = Workflow("stubborn", StubbornWorkflow)
outer = Workflow("outer", OuterWorkflow)


def begin(virtual: VirtualHost, workflow: str) -> int:
    began = virtual.clock.now()
    virtual.start(workflow, 1, id="one")
    virtual.run(until=began)
    return began


def show(virtual: VirtualHost, workflow: str) -> Description:
    return virtual.host.operator.queries.describe(workflow, "one")


def listed(virtual: VirtualHost, workflow: str, status: str | None = None) -> list[str]:
    return [each.status for each in virtual.host.operator.queries.list(workflow, status=status).entries]


def naps(virtual: VirtualHost, workflow: str) -> list[tuple[str, str, str | None]]:
    return [(each.name, each.started_at, each.wake_at) for each in show(virtual, workflow).sleeps]
