"""Races in a sandbox: on the embedded engine, with its record and its waits."""

from __future__ import annotations

from datetime import timedelta

from durable import Retries, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.testing import Sandbox

undone: list[str] = []
NONE = Retries(limit=0)


def remind(who: str) -> str:
    return f"reminded {who}"


def unbook(booked: str) -> None:
    undone.append(booked)


def fail(who: str) -> str:
    raise ValueError(who)


class ApprovalWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        async def reminded() -> str:
            await step.sleep("a week", "7 days")
            await step.do("remind", remind, event.payload)
            await step.sleep("another week", "7 days")
            return "nobody"

        first = await step.race(
            step.wait_for_event("approval", type="approved", payload=str, timeout="30 days"), reminded()
        )
        if first != "nobody":
            return first
        return "late: " + await step.wait_for_event("late approval", type="approved", payload=str, timeout="30 days")


class BookingWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        async def slow() -> str:
            booked = await step.do("book", remind, "slow", undo=unbook)
            await step.sleep("an hour", "1 hour")
            return booked

        await step.race(slow(), step.do("quick", remind, "quick", undo=unbook))
        return await step.do("fail", fail, "x", retries=Retries(limit=0))


class NobodyWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        one = event.payload
        return await step.race(step.do("one", fail, one, retries=NONE), step.do("two", fail, one, retries=NONE))


def test_an_event_wins_and_the_reminder_is_not_sent() -> None:
    sandbox = Sandbox(ApprovalWorkflow)
    run = sandbox.start("Ann")
    sandbox.advance("3 days")
    assert run.status == "waiting"
    run.send_event("approved", "Bob")
    sandbox.settle()
    assert (run.status, run.output, run.elapsed) == ("complete", "Bob", timedelta(days=3))
    assert "remind" not in [each.name for each in run.steps]


def test_an_event_that_comes_after_its_wait_has_lost_is_kept_for_the_next() -> None:
    sandbox = Sandbox(ApprovalWorkflow)
    run = sandbox.start("Ann")
    sandbox.advance("15 days")
    assert (run.status, run.step("remind").result) == ("waiting", "reminded Ann")
    run.send_event("approved", "Bob")
    sandbox.settle()
    assert run.output == "late: Bob"


def test_what_a_loser_did_is_undone_like_all_else_when_the_run_fails() -> None:
    undone.clear()
    run = Sandbox(BookingWorkflow).run("x")
    assert run.status == "errored"
    assert sorted(undone) == ["reminded quick", "reminded slow"]


def test_where_nobody_wins_the_run_fails_as_the_first_branch_did() -> None:
    run = Sandbox(NobodyWorkflow).run("x")
    assert (run.status, run.step("one").status, run.step("two").status) == ("errored", "errored", "errored")
