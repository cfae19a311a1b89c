"""The examples of docs/runs.md, as they stand there, in a sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from durable.bindings.workflow import BatchResult
from durable.testing import Sandbox

PAGE = Path(__file__).parents[3] / "docs" / "runs.md"
EXAMPLES = dict(re.findall(r"^#+ ([^\n]+)\n\n(?:[^#`]*?)```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.M))


def test_a_step_ends_the_run_of_a_workflow_that_is_declared_later(imported: Callable[[str], ModuleType]) -> None:
    example = imported(EXAMPLES["Runs from code"])
    sandbox = Sandbox(example)
    subscription = sandbox.start({"customer": "ann", "cents": 900}, workflow="subscription", id="ann")
    sandbox.advance("40 days")
    assert (subscription.status, len(subscription.steps)) == ("waiting", 2)
    assert sandbox.run("ann", workflow="leave").output == "unsubscribed"
    assert subscription.status == "terminated"
    assert sandbox.run("ann", workflow="leave").output == "had no subscription"
    assert sandbox.run("bob", workflow="leave").output == "had no subscription"


OWN_RUNS = '''
from durable import Queue, StepContext, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.bindings import BatchResult, Start

made: list[tuple[BatchResult, ...]] = []


def spread(rounds: int, context: StepContext, runs: Workflow[int], numbers: Queue[int]) -> int:
    """Start two more runs, and have the consumer end one of them."""
    if rounds:
        made.append(runs.create_batch([Start(rounds - 1, id="left"), Start(rounds - 1, id="right")]))
        numbers.send(rounds)
    else:
        runs.pause(context.instance_id)
    return rounds


def consume(number: int, runs: Workflow[int], numbers: Queue[int]) -> None:
    if number:
        numbers.send(0)
        return
    paused = [each.id for each in runs.list(status="paused").runs]
    made.append(runs.delete_batch([*paused, "nobody"]))


class Spread(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("spread", spread, event.payload)


numbers = Queue(
    "numbers", consumer=consume, bindings={"runs": Workflow.named("runs"), "numbers": Queue.named("numbers")}
)
runs = Workflow("runs", Spread, bindings={"runs": Workflow.named("runs"), "numbers": numbers})
'''


def test_a_step_and_a_consumer_operate_runs_of_declarations_that_name_themselves(
    imported: Callable[[str], ModuleType],
) -> None:
    example = imported(OWN_RUNS)
    sandbox = Sandbox(example)
    assert sandbox.run(1, workflow="runs", id="first").output == 1
    sandbox.settle()
    started, deleted = example.made
    assert started == (BatchResult("left", True), BatchResult("right", True))
    assert sorted(each.id for each in deleted if each.new) == ["left", "right"]
    assert [each for each in deleted if not each.new] == [BatchResult("nobody", False)]
    assert [run.id for run in sandbox.runs("runs")] == ["first"]
