"""How long runs are kept, by how they ended; the same in what a deployment is told."""

from __future__ import annotations

import pytest

from durable import NonRetryableError, Retention, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.aws.registry import Registry
from durable.clock import VirtualClock
from durable.errors import DurationError
from durable.testing import Sandbox


def check(good: bool) -> bool:
    if not good:
        raise NonRetryableError("bad")
    return good


def uncheck(result: bool) -> None: ...


class CheckWorkflow(WorkflowEntrypoint[bool]):
    async def run(self, event: WorkflowEvent[bool], step: WorkflowStep) -> None:
        await step.do("first", check, True, undo=uncheck)
        await step.do("second", check, event.payload)
        await step.sleep("rest", "1 hour")


def test_runs_are_kept_as_long_as_their_outcome_says() -> None:
    kept = Retention(completed="2 days", failed="5 days")
    with Sandbox(Workflow("check", CheckWorkflow, retention=kept)) as sandbox:
        ended = {"complete": sandbox.run(True), "errored": sandbox.run(False), "terminated": sandbox.start(True)}
        sandbox.advance("1 minute")
        sandbox.workflow().terminate(ended["terminated"].id)
        sandbox.settle()
        assert {name: run.status for name, run in ended.items()} == {name: name for name in ended}
        found = []
        for _ in range(6):
            sandbox.advance("1 day")
            sandbox._virtual.host.purge()
            left = {each.id for each in sandbox.workflow().list().runs}
            found.append([name for name, run in ended.items() if run.id in left])
    every, failed = ["complete", "errored", "terminated"], ["errored", "terminated"]
    assert found == [every, failed, failed, failed, [], []]


@pytest.mark.parametrize(
    ("retention", "told"),
    [
        ("1 day", {"retention": 86_400}),
        (Retention("1 day", "1 day"), {"retention": 86_400}),
        (Retention(completed="1 hour"), {"retention": 3_600, "retention_failed": 2_592_000}),
    ],
)
def test_a_deployment_is_told_both(retention: str | Retention, told: dict[str, int]) -> None:
    declared = Workflow("check", CheckWorkflow, retention=retention)
    assert declared.retention.registered() == told
    (read,) = Registry({"check": told}, VirtualClock()).retentions.values()
    for status in ("complete", "errored", "terminated"):
        assert read.seconds(status) == declared.retention.seconds(status)


def test_what_is_no_whole_number_of_seconds_is_refused_where_it_is_declared() -> None:
    with pytest.raises(DurationError, match="whole seconds only"):
        Retention(failed=1.5)
