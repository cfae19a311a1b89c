"""A small project in which every kind of work that the engine does is done once."""

from __future__ import annotations

import threading

from durable import Queue, Retries, Schedule, StepContext, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

ONCE = Retries(limit=1, delay="10 seconds", jitter=False)
NEVER = Retries(limit=0, delay="1 second")
released = threading.Event()
delivered: list[str] = []
stalling: list[str] = []
raises: dict[str, BaseException] = {}
"""What the next attempt of a step raises, or the next delivery, by the run's id."""


def work(number: int, letters: Queue[str], context: StepContext) -> int:
    error = raises.pop(context.instance_id, None)
    if error is not None:
        raise error
    letters.send(context.instance_id)
    return number


def fail_once(number: int, context: StepContext) -> int:
    if context.attempt == 1:
        raise ConnectionError
    return number


def undo(result: int, number: int) -> None:
    """Undo the step."""


def fail(number: int) -> int:
    raise LookupError


def stall(number: int, context: StepContext) -> int:
    stalling.append(context.instance_id)
    released.wait(30)
    return number


def deliver(letter: str) -> None:
    error = raises.pop(letter, None)
    if error is not None:
        raise error
    delivered.append(letter)


class Child(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        await step.sleep("nap", "2 minutes")
        return await step.do("fail-once", fail_once, event.payload, retries=ONCE)


class Everything(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("work", work, event.payload, retries=ONCE)
        told = await step.wait_for_event("told", type="tell", payload=int, timeout="3 days")
        child = await step.call("child", Child, number)
        return told + child


class Undone(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("begin", fail_once, event.payload, retries=ONCE, undo=undo)
        return await step.do("fail", fail, number, retries=NEVER)


class Stalled(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("stall", stall, event.payload, retries=NEVER, timeout="1 second")


class Tick(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> int:
        await step.sleep("second", "1 second")
        return await step.do("fail-once", fail_once, 1, retries=ONCE)


letters: Queue[str] = Queue("letters", consumer=deliver)
everything = Workflow("everything", Everything, bindings={"letters": letters})
child = Workflow("child", Child)
undone = Workflow("undone", Undone)
stalled = Workflow("stalled", Stalled)
tick = Workflow("tick", Tick, schedules=[Schedule(every="1 hour")])
