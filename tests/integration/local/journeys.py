"""A small project to stop anywhere: steps in a try, in its arms, in a map, in branches, in a loop, around sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from durable import (
    NonRetryableError,
    Retries,
    StepContext,
    StepError,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Blocked(NonRetryableError):
    """There is no way through."""


fates: dict[str, list[str]] = {}
"""What becomes of the attempts of a step, by its key: each is ok, odd or blocked; those beyond are ok."""
calls: list[str] = []
on_call: list[Callable[[int], None]] = []


def go(number: int, context: StepContext) -> str:
    key = context.idempotency_key.split("/", 4)[4]
    calls.append(f"{key} {context.attempt}")
    for each in on_call:
        each(len(calls))
    fate = fates.get(key, [])[context.attempt - 1 : context.attempt]
    if fate == ["blocked"]:
        raise Blocked
    if fate == ["odd"]:
        raise ConnectionError
    return f"{key}={number}"


TWICE = Retries(limit=1, delay="10 seconds", jitter=False)


class JourneyWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[str]:
        async def leg(number: int) -> str:
            try:
                return await step.do("leg", go, number, retries=TWICE)
            except Blocked:
                return await step.do("detour", go, number, retries=TWICE)

        async def left() -> str:
            try:
                way = await step.do("left", go, 1, retries=TWICE)
            except StepError:
                way = await step.do("left-arm", go, 2, retries=TWICE)
            await step.sleep("rest", "1 hour")
            end = await step.do("left-end", go, 3, retries=TWICE)
            return f"{way} {end}"

        async def right() -> str:
            rounds = 0
            while rounds < event.payload:
                await step.do("round", go, rounds, retries=TWICE)
                rounds += 1
            return "rounded"

        try:
            first = await step.do("first", go, 0, retries=TWICE)
        except Blocked:
            await step.sleep("before the arm", "1 day")
            first = await step.do("first-arm", go, 1, retries=TWICE)
        legs = await step.map("legs", leg, [1, 2, 3], concurrency=2)
        both = await asyncio.gather(left(), right())
        try:
            last = await step.do("last", go, 4, retries=TWICE)
        except StepError:
            last = "lost"
        return [first, legs[0], legs[2], both[0], both[1], last]


journey = Workflow("journey", JourneyWorkflow)
