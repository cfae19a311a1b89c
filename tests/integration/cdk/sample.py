"""Workflows of each kind that is built in another way, and a plain one of four steps."""

from __future__ import annotations

from durable import KVNamespace, Queue, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


def again(rounds: int, relay: Workflow[int]) -> int:
    if rounds:
        relay.create(rounds - 1)
    return rounds


class RelayWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("again", again, event.payload)


class PatientWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return await step.wait_for_event("the reply", type="replied", payload=str, timeout="1 hour")


class CallingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        reply = await step.call("ask", PatientWorkflow, event.payload)
        return len(reply)


class RacingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.race(
            step.do("validate", validate, event.payload), step.do("validate again", validate, event.payload)
        )


def book(number: int) -> str:
    return f"booked {number}"


def cancel(booking: str, notes: KVNamespace[str]) -> None:
    notes.put(booking, "canceled")


class BookingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return await step.do("book", book, event.payload, undo=cancel)


def validate(number: int) -> int:
    return number


def charge(number: int, notes: KVNamespace[str]) -> int:
    notes.put(str(number), "charged")
    return number


def ship(number: int, notes: KVNamespace[str]) -> int:
    notes.put(str(number), "shipped")
    return number


def report(number: int, unread: Queue) -> int:
    unread.send(str(number))
    return number


class FourStepWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("validate the order", validate, event.payload)
        await step.do("charge the customer", charge, number)
        await step.do("ship the order", ship, number)
        return await step.do("report to the warehouse", report, number)
