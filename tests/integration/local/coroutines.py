"""Steps that are coroutines, in a project of their own."""

from __future__ import annotations

import asyncio

from durable import (
    KVNamespace,
    Retries,
    StepContext,
    StepTimeoutError,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)

begun: list[str] = []
loops: set[int] = set()
cancelled: list[str] = []
gate: list[asyncio.Event] = []
"""Opened by the test; it belongs to the loop of the steps."""
taken_back: list[str] = []


async def opened() -> None:
    """Wait until the gate is open."""
    if not gate:
        gate.append(asyncio.Event())
    await gate[0].wait()


async def wait_long(name: str, context: StepContext) -> str:
    begun.append(name)
    loops.add(id(asyncio.get_running_loop()))
    await opened()
    return f"{name} waited"


async def hang(name: str) -> str:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled.append(name)
        raise
    return name


async def count(name: str, store: KVNamespace[int], context: StepContext) -> int:
    await asyncio.sleep(0)
    store.put(name, len(name))
    if context.attempt == 1:
        raise SystemExit(1)
    return store.get(name) or 0


async def take_back(result: int) -> None:
    await asyncio.sleep(0)
    taken_back.append(str(result))


def fail(number: int) -> None:
    raise ValueError


class WaitingWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        return await step.do("wait long", wait_long, event.payload)


class HangingWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            return await step.do("hang", hang, event.payload, timeout="30 seconds", retries=Retries(limit=0))
        except StepTimeoutError:
            return "timed out"


class CountingWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> None:
        number = await step.do("count", count, event.payload, undo=take_back, retries=Retries(delay="1 second"))
        await step.do("fail", fail, number, retries=Retries(limit=0))


counts = KVNamespace[int]("counts")
waiting = Workflow("waiting", WaitingWorkflow)
hanging = Workflow("hanging", HangingWorkflow)
counting = Workflow("counting", CountingWorkflow, bindings={"store": counts})
