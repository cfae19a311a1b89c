"""Which runs count as refused: those that a PublicError ended, whoever raised it."""

from __future__ import annotations

import asyncio
from types import ModuleType

import pytest

from durable import PublicError, Retries, Workflow, WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep
from durable.runs.record import is_refused, load_header
from durable.testing import Sandbox

ONCE = Retries(limit=0)


class TooOld(PublicError):
    """The order is too old."""


class Broken(WorkflowError):
    """The order cannot be handled."""


def ask(how: str) -> str:
    if how == "step":
        raise TooOld("of last year")
    return how


class OrderWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        how = await step.do("ask", ask, event.payload, retries=ONCE)
        if how == "run":
            raise TooOld("of last year")
        if how == "worked out":
            raise TooOld(f"of {how}")
        if how == "kept":
            try:
                raise TooOld("of last year")
            except TooOld as error:
                kept = error
            raise kept
        if how == "fault":
            raise Broken("public is true of it")

        async def other() -> str:
            if how == "branch":
                raise TooOld(f"of {how}")
            await step.sleep("rest", "1 second")
            return how

        both = await asyncio.gather(other(), step.do("ask again", ask, "fine"))
        return both[0]


class AskingWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        return await step.call("order", OrderWorkflow, event.payload)


@pytest.fixture
def sandbox() -> Sandbox:
    declared = ModuleType("declared")
    declared.__dict__.update(order=Workflow("order", OrderWorkflow), asking=Workflow("asking", AskingWorkflow))
    return Sandbox(declared)


@pytest.mark.parametrize("workflow", ["order", "asking"])
@pytest.mark.parametrize(
    ("how", "refused"),
    [("step", True), ("run", True), ("worked out", True), ("kept", True), ("branch", True), ("fault", False)],
)
def test_a_run_that_a_public_error_ended_is_refused(sandbox: Sandbox, how: str, workflow: str, refused: bool) -> None:
    run = sandbox.run(how, workflow=workflow)
    assert run.status == "errored"
    assert is_refused(sandbox._virtual.host.table, workflow, run.id) is refused


def test_a_retry_forgets_it(sandbox: Sandbox) -> None:
    run = sandbox.run("run", workflow="order")
    sandbox.workflow("order").retry(run.id)
    header = load_header(sandbox._virtual.host.table, "order", run.id)
    assert header is not None
    assert (header.refused, header.error) == (False, None)
