"""Workflows that are built otherwise than most: one whose step starts the next run, and one that can be undone."""

from __future__ import annotations

from durable import KVNamespace, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


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


def book(number: int) -> str:
    return f"booked {number}"


def cancel(booking: str, notes: KVNamespace[str]) -> None:
    notes.put(booking, "canceled")


class BookingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        return await step.do("book", book, event.payload, undo=cancel)
