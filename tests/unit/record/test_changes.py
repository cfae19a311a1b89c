"""What CloudFormation asks before it changes what runs may need."""

from __future__ import annotations

from typing import Any

import pytest

from durable.aws.changes import NESTED, Changes
from durable.bindings.workflow import Status
from durable.clock import VirtualClock
from durable.store.table import TableBusy, Write
from durable.testing.table import MemoryTable
from tests.rows import header

BEFORE = {"nap": ["KVNamespace('notes') in step WakeUp", "step LieDown", "step WakeUp"], "tea": ["step Pour"]}
RENAMED = {"nap": ["KVNamespace('notes') in step GetUp", "step GetUp", "step LieDown"], "tea": ["step Pour"]}


class Asked:
    """Changes over a table of runs, and what was asked of it."""

    def __init__(self) -> None:
        self.table = MemoryTable(VirtualClock())
        self.emptied: list[str] = []
        self.rolling_back = False
        self.changes = Changes(self.table, rolls_back=lambda stack: self.rolling_back, empty=self.emptied.append)

    def run(self, workflow: str, instance: str, status: Status) -> None:
        run = header(workflow, instance, status)
        self.table.write(Write(run.key, run.as_row()))

    def ask(self, request: str, kind: str, properties: Any, before: Any = None) -> dict[str, str]:
        event = {
            "RequestType": request,
            "ResourceType": kind,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Logical",
            "ResourceProperties": properties,
        } | ({} if before is None else {"OldResourceProperties": before})
        return self.changes.answer(event)

    def update(self, after: Any) -> dict[str, str]:
        return self.ask("Update", "Custom::OpenRuns", {"Needs": after}, {"Needs": BEFORE})


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "waitingForPause", "rollingBack"])
def test_a_renamed_step_is_refused_while_a_run_is_open_and_the_run_is_named(asked: Asked, status: Status) -> None:
    asked.run("nap", "asleep", status)
    answer = asked.update(RENAMED)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == (
        "Workflow nap has open runs (asleep) that may still need: KVNamespace('notes') in step WakeUp; step WakeUp."
        " Let them end, or terminate them, and deploy again; or keep these too until they have ended."
    )
    assert {name: answer[name] for name in answer if name not in ("Status", "Reason")} == {
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Logical",
        "PhysicalResourceId": "Logical",
    }


@pytest.mark.parametrize("status", ["complete", "errored", "terminated", "paused"])
def test_a_run_without_an_execution_needs_nothing(asked: Asked, status: Status) -> None:
    asked.run("nap", "over", status)
    assert asked.update(RENAMED)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE | {"nap": [*BEFORE["nap"], "step GetUp"]},
        {"nap": BEFORE["nap"], "tea": []},
        {"nap": BEFORE["nap"]},
    ],
)
def test_what_is_added_or_taken_from_others_is_nothing_to_a_run(asked: Asked, after: Any) -> None:
    asked.run("nap", "asleep", "running")
    assert asked.update(after)["Status"] == "SUCCESS"


def test_a_workflow_that_moves_to_another_stack_is_refused_while_its_runs_are_open(asked: Asked) -> None:
    asked.run("nap", "asleep", "running")
    moved = {"nap": [*BEFORE["nap"], NESTED]}
    assert "its place in the main stack (which nested=False keeps)" in asked.update(BEFORE | moved)["Reason"]
    back = asked.ask("Update", "Custom::OpenRuns", {"Needs": BEFORE}, {"Needs": moved})
    assert "its place in a nested stack (which nested=True keeps)" in back["Reason"]
    assert asked.ask("Update", "Custom::OpenRuns", {"Needs": moved}, {"Needs": moved})["Status"] == "SUCCESS"


def test_a_workflow_that_goes_is_refused_while_its_runs_are_open(asked: Asked) -> None:
    asked.run("tea", "brewing", "running")
    assert "Workflow tea has open runs (brewing)" in asked.update({"nap": BEFORE["nap"]})["Reason"]
    assert asked.ask("Update", "Custom::OpenRuns", {}, {"Needs": BEFORE})["Status"] == "FAILED"


def test_of_many_runs_ten_are_named(asked: Asked) -> None:
    for number in range(12):
        asked.run("nap", f"r{number:02}", "running" if number % 2 else "queued")
    reason = asked.update(RENAMED)["Reason"]
    assert reason.count("r0") + reason.count("r1") == 10
    assert " and more)" in reason


def test_a_stack_may_always_go_back_to_what_it_was(asked: Asked) -> None:
    asked.run("nap", "asleep", "running")
    asked.rolling_back = True
    assert asked.update(RENAMED)["Status"] == "SUCCESS"


@pytest.mark.parametrize("request_type", ["Create", "Delete"])
def test_a_stack_that_comes_or_goes_is_not_held_up(asked: Asked, request_type: str) -> None:
    asked.run("nap", "asleep", "running")
    assert asked.ask(request_type, "Custom::OpenRuns", {"Needs": {}})["Status"] == "SUCCESS"


def test_a_bucket_is_emptied_when_it_goes_and_then_only(asked: Asked) -> None:
    for request_type in ("Create", "Update"):
        asked.ask(request_type, "Custom::Emptied", {"Bucket": "b"}, {"Bucket": "a"})
    assert asked.emptied == []
    assert asked.ask("Delete", "Custom::Emptied", {"Bucket": "b"})["PhysicalResourceId"] == "b"
    assert asked.emptied == ["b"]


def test_whatever_goes_wrong_is_answered(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*args: Any, **kwargs: Any) -> Any:
        raise TableBusy("secret")

    monkeypatch.setattr(asked.table, "list", busy)
    answer = asked.update(RENAMED)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("TableBusy; try again")
