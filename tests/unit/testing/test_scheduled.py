"""Schedules in a sandbox: those of a declaration fire while time goes on, a class alone has none."""

from __future__ import annotations

from durable import Schedule, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.testing import Sandbox


class NightWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.sleep("rest", "2 days")
        return event.payload


def test_the_schedules_of_a_declaration_fire_while_time_goes_on() -> None:
    declared = Workflow("night", NightWorkflow, schedules=[Schedule("0 2 * * *", params="nightly")])
    sandbox = Sandbox(declared)
    sandbox.advance("3 days")
    assert len(sandbox.runs()) == 3


def test_a_class_alone_has_no_schedule_and_a_test_can_stop_at_a_wait() -> None:
    sandbox = Sandbox(NightWorkflow)
    run = sandbox.start("one")
    run.wait_for_status("waiting")
    sandbox.advance("1 hour")
    assert (run.status, len(sandbox.runs())) == ("waiting", 1)
    sandbox.settle()
    assert (run.output, len(sandbox.runs())) == ("one", 1)
