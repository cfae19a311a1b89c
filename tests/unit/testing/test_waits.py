"""Events in a sandbox: sent before or after they are awaited, fixed, or withheld until the timeout."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import BaseModel

from durable import StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import EventUnknown, InvalidInput, RunClosed
from durable.testing import Sandbox


class Approval(BaseModel):
    by: str


def publish(by: str) -> str:
    return f"published by {by}"


class ArticleWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            approval = await step.wait_for_event("approval", type="approved", payload=Approval, timeout="7 days")
        except StepTimeoutError:
            return "nobody"
        return await step.do("publish", publish, approval.by)


class RoundsWorkflow(WorkflowEntrypoint[list[str]]):
    async def run(self, event: WorkflowEvent[list[str]], step: WorkflowStep) -> list[str]:
        done: list[str] = []
        for title in event.payload:
            approval = await step.wait_for_event("approval", type="approved", payload=Approval)
            published = await step.do("publish", publish, f"{approval.by} as {title}")
            done = [*done, published]
        return done


def test_an_event_is_sent_after_it_is_awaited() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    run = sandbox.start("draft")
    sandbox.advance("1 day")
    assert (run.status, run.step("approval").status) == ("waiting", "waiting")
    run.send_event("approved", {"by": "Ann"})
    sandbox.settle()
    assert (run.output, run.elapsed) == ("published by Ann", timedelta(days=1))
    assert run.step("approval").result == Approval(by="Ann")


def test_an_event_is_sent_before_it_is_awaited() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    run = sandbox.start("draft")
    run.send_event("approved", Approval(by="Ann"))
    run.wait_for_status("complete")
    assert (run.output, run.elapsed) == ("published by Ann", timedelta(0))


def test_nobody_sends_an_event() -> None:
    run = Sandbox(ArticleWorkflow).run("draft")
    assert (run.output, run.elapsed) == ("nobody", timedelta(days=7))
    assert run.step("approval").error is not None


def test_a_fixed_event_comes_at_once() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    sandbox.stub_event("approval").returns({"by": "Bob"})
    run = sandbox.run("draft")
    assert (run.output, run.elapsed) == ("published by Bob", timedelta(0))


def test_a_forced_timeout_withholds_what_was_sent() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    sandbox.stub_event("approval").times_out()
    run = sandbox.start("draft")
    run.send_event("approved", {"by": "Ann"})
    sandbox.settle()
    assert (run.output, run.elapsed) == ("nobody", timedelta(days=7))


def test_an_event_is_fixed_for_one_round_or_one_run() -> None:
    sandbox = Sandbox(RoundsWorkflow)
    sandbox.stub_event("approval", run="a").returns({"by": "any"}).returns({"by": "first"}, round=1)
    assert sandbox.run(["1", "2"], id="a").output == ["published by first as 1", "published by any as 2"]
    other = sandbox.run(["1"], id="b")
    assert other.status == "errored"
    assert other.error is not None
    assert other.error.name == "StepTimeoutError"


def test_what_was_fixed_when_a_wait_began_holds_through_a_restart() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    run = sandbox.start("draft")
    run.wait_for_status("waiting")
    sandbox.stub_event("approval").returns({"by": "late"})
    sandbox.restart()
    run.send_event("approved", {"by": "Ann"})
    sandbox.settle()
    assert run.output == "published by Ann"


def test_what_cannot_be_is_refused() -> None:
    sandbox = Sandbox(ArticleWorkflow)
    with pytest.raises(LookupError, match="article waits for no event as 'approved'; it waits as approval"):
        sandbox.stub_event("approved")
    with pytest.raises(ValueError, match=r"approval waits for another payload than the fixed one: payload.by"):
        sandbox.stub_event("approval").returns({})
    run = sandbox.start("draft")
    with pytest.raises(EventUnknown):
        run.send_event("approval", {"by": "Ann"})
    with pytest.raises(InvalidInput):
        run.send_event("approved", {})
    sandbox.settle()
    with pytest.raises(RunClosed):
        run.send_event("approved", {"by": "Ann"})
