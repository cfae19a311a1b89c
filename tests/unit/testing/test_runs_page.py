"""The examples of docs/runs.md, as they stand there, in a sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from durable.bindings.workflow import BatchResult
from durable.operations.routes import operations
from durable.testing import Sandbox
from tests.unit.http.doors import Answered, answered, proxy_event

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


def test_three_runs_execute_at_once_and_the_others_in_order_of_priority(imported: Callable[[str], ModuleType]) -> None:
    sandbox = Sandbox(imported(EXAMPLES["Flow control"]))
    order = {"customer_id": "ann", "cents": 900}
    runs = [sandbox.start(order, workflow="imports", id=f"run-{number}") for number in range(6)]
    sandbox.advance("1 minute")
    assert [run.status for run in runs] == ["waiting"] * 3 + ["queued"] * 3
    sandbox.advance("10 minutes")
    assert [run.status for run in runs] == ["complete"] * 3 + ["waiting"] * 3
    sandbox.advance("10 minutes")
    assert [run.status for run in runs] == ["complete"] * 6


def test_runs_of_one_customer_follow_each_other(imported: Callable[[str], ModuleType]) -> None:
    sandbox = Sandbox(imported(EXAMPLES["Flow control"]))
    ids = ["ann-1", "ann-2", "bob-1"]
    runs = [sandbox.start({"customer_id": id[:3], "cents": 1}, workflow="orders", id=id) for id in ids]
    sandbox.advance("1 minute")
    assert [run.status for run in runs] == ["waiting", "queued", "waiting"]
    sandbox.advance("12 minutes")
    assert [run.status for run in runs] == ["complete", "waiting", "complete"]


@pytest.mark.slow
def test_no_more_than_a_hundred_letters_begin_in_a_minute(imported: Callable[[str], ModuleType]) -> None:
    sandbox = Sandbox(imported(EXAMPLES["Flow control"]))
    order = {"customer_id": "ann", "cents": 900}
    runs = [sandbox.start(order, workflow="letters", id=f"run-{number}") for number in range(130)]
    sandbox.advance("59 seconds")
    assert [run.status for run in runs].count("queued") == 30
    sandbox.advance("2 seconds")
    assert [run.status for run in runs].count("queued") == 0


def test_the_open_orders_of_a_customer_are_found_and_ended(imported: Callable[[str], ModuleType]) -> None:
    sandbox = Sandbox(imported(EXAMPLES["Search attributes"]))
    for number in range(4):
        sandbox.start({"customer_id": "ab"[number % 2]}, workflow="orders", id=f"run-{number}")
    sandbox.advance("1 hour")
    assert sandbox.run("a", workflow="cancel").output == 2
    ended = {run.id for run in sandbox.runs("orders") if run.status == "terminated"}
    assert ended == {"run-0", "run-2"}
    assert sandbox.run("a", workflow="cancel").output == 0


def test_operators_list_by_an_attribute_and_are_told_what_attributes_there_are(
    imported: Callable[[str], ModuleType],
) -> None:
    sandbox = Sandbox(imported(EXAMPLES["Search attributes"]))
    for number, customer in enumerate(["ann", "a=b&c", "ann"]):
        sandbox.start({"customer_id": customer}, workflow="orders", id=f"run-{number}")
    host = sandbox._virtual.host
    api = operations(host.workflows, host.operator)

    def listed(query: str) -> Answered:
        return answered(api(proxy_event("GET", f"/api/workflows/orders/instances?{query}"), None))

    assert [each["id"] for each in listed("where=customer_id=ann").json["instances"]] == ["run-2", "run-0"]
    assert [each["id"] for each in listed("where=customer_id%3Da%3Db%26c").json["instances"]] == ["run-1"]
    assert listed("where=express=true").json["instances"] == []
    refused = listed("where=customer=ann")
    assert refused.status == 400
    assert "there are: customer_id, express" in refused.json["detail"]
    assert listed("where=ann").status == 400


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
