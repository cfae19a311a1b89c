"""What CloudFormation asks before it changes what runs may need."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from durable.aws.changes import PATIENCE_MS, SETTLE_MS, Changes
from durable.aws.open_runs import NESTED
from durable.bindings.workflow import Status
from durable.clock import VirtualClock
from durable.store.table import TableBusy, Write
from durable.testing.table import MemoryTable
from tests.rows import header

BEFORE = {"nap": ["KVNamespace('notes') in step WakeUp", "step LieDown", "step WakeUp"], "tea": ["step Pour"]}
# "lie-down" leads to "five minutes", that to "wake-up" or "snooze", and only "wake-up" needs the last two
NEEDS = ["step LieDown", "KVNamespace('notes') in step WakeUp", "step WakeUp"]
SHORTER = NEEDS[:1]
AT = {"": "7", "lie-down": "7", "five minutes": "6", "wake-up": "6", "snooze": "0"}
LONGER = {"Needs": {"nap": NEEDS}, "Reach": {"nap": {"definition": "old", "at": json.dumps(AT)}}}
RENAMED = {"nap": ["KVNamespace('notes') in step GetUp", "step GetUp", "step LieDown"], "tea": ["step Pour"]}


class Asked:
    """Changes over a table of runs, and what was asked of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.begun = self.clock.now()
        self.table = MemoryTable(self.clock)
        self.emptied: list[str] = []
        self.rolling_back = False
        self.happens: dict[int, Callable[[], None]] = {}
        self.changes = Changes(
            self.table,
            self.clock,
            rolls_back=lambda stack: self.rolling_back,
            empty=self.emptied.append,
            pause=self.pause,
        )

    @property
    def waited(self) -> int:
        """For how many milliseconds it has waited."""
        return self.clock.now() - self.begun

    def pause(self, milliseconds: int) -> None:
        """Let time pass, and what is to happen meanwhile."""
        self.clock.advance_to(self.clock.now() + milliseconds)
        for when in [each for each in self.happens if each <= self.waited]:
            self.happens.pop(when)()

    def run(self, workflow: str, instance: str, status: Status, **fields: Any) -> None:
        run = replace(header(workflow, instance, status), **fields)
        self.table.write(Write(run.key, run.as_row()))

    def ask(self, request: str, kind: str, properties: Any, before: Any = None) -> dict[str, Any]:
        event = {
            "RequestType": request,
            "ResourceType": kind,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "Logical",
            "ResourceProperties": properties,
        } | ({} if before is None else {"OldResourceProperties": before})
        return self.changes.answer(event)

    def update(self, after: Any) -> dict[str, Any]:
        return self.ask("Update", "Custom::OpenRuns", {"Needs": after}, {"Needs": BEFORE})

    def remove(self, *, needs: Any = None) -> dict[str, Any]:
        """Take the step that the longer workflow ends with, or other needs, away from its deployment."""
        after = {"Needs": {"nap": SHORTER if needs is None else needs}, "Reach": {"nap": {"definition": "new"}}}
        return self.ask("Update", "Custom::OpenRuns", after, LONGER)

    def drain(self, gone: str) -> dict[str, Any]:
        return self.ask("Update", "Custom::Drained", {"Gone": gone}, {"Gone": "{}"})


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


def express(state: str | None, **fields: Any) -> dict[str, Any]:
    at = None if state is None else {"state": state, "vars": {}}
    return {"kind": "express", "definition": "old", "at": at} | fields


def test_a_run_that_is_past_what_goes_holds_nothing_up(asked: Asked) -> None:
    asked.run("nap", "past", "waiting", **express("snooze", parked="event", due=asked.begun + PATIENCE_MS * 9))
    answer = asked.remove()
    assert answer["Status"] == "SUCCESS"
    assert asked.drain(answer["Data"]["Gone"])["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    "fields",
    [
        express("five minutes", parked="event"),
        express("a state of other code", parked="event"),
        express("snooze", parked="event", definition="older"),
        express("five minutes", parked="sleep", due=2 * PATIENCE_MS + VirtualClock().now()),
        express(None, parked=None),
        {"kind": None, "definition": "old"},
    ],
)
def test_a_run_that_waits_before_what_goes_is_refused_before_anything_is_changed(asked: Asked, fields: Any) -> None:
    asked.run("nap", "asleep", "waiting", **fields)
    assert "(asleep) that may still need: KVNamespace('notes') in step WakeUp; step WakeUp." in asked.remove()["Reason"]


def test_a_run_that_one_execution_runs_whole_or_that_waits_in_a_queue_is_refused_too(asked: Asked) -> None:
    asked.run("nap", "whole", "running", definition="old")
    asked.run("nap", "queued", "queued", **express(None, place="wait#1"))
    assert "(queued, whole)" in asked.remove()["Reason"]


def test_under_traffic_a_deployment_waits_for_runs_that_began_before_it(asked: Asked) -> None:
    asked.run("nap", "first", "running", **express(None))
    asked.run("nap", "second", "waiting", **express("five minutes", parked="sleep", due=asked.begun + 100_000))
    gone = asked.remove()["Data"]["Gone"]
    asked.run("nap", "new", "running", **express(None, definition="new"))
    asked.happens = {
        30_000: lambda: asked.run("nap", "first", "complete", **express("snooze")),
        60_000: lambda: asked.run("nap", "late", "running", **express(None)),  # by a Lambda that has not heard yet
        120_000: lambda: asked.run("nap", "second", "complete", **express("snooze")),
        200_000: lambda: asked.run("nap", "late", "complete", **express("snooze")),
    }
    assert asked.drain(gone)["Status"] == "SUCCESS"
    assert 200_000 <= asked.waited < 220_000


def test_the_first_deployment_that_can_wait_does(asked: Asked) -> None:
    asked.run("nap", "busy", "running", **express(None))
    gone = asked.remove()["Data"]["Gone"]
    asked.happens = {90_000: lambda: asked.run("nap", "busy", "complete", **express("snooze"))}
    assert asked.ask("Create", "Custom::Drained", {"Gone": gone})["Status"] == "SUCCESS"
    assert asked.waited >= 90_000


def test_where_nothing_goes_a_deployment_waits_for_nothing(asked: Asked) -> None:
    asked.run("nap", "first", "running", **express(None))
    answer = asked.remove(needs=NEEDS)
    assert answer["Data"] == {"Gone": "{}"}
    assert asked.drain("{}")["Status"] == "SUCCESS"
    assert asked.waited == 0


def test_it_waits_as_long_as_runs_may_begin_on_the_code_before(asked: Asked) -> None:
    assert asked.drain(asked.remove()["Data"]["Gone"])["Status"] == "SUCCESS"
    assert SETTLE_MS <= asked.waited < 2 * SETTLE_MS


def test_runs_that_do_not_end_are_named_in_the_end_and_those_that_begin_to_wait_at_once(asked: Asked) -> None:
    asked.run("nap", "busy", "running", **express(None))
    gone = asked.remove()["Data"]["Gone"]
    assert "Workflow nap has open runs (busy)" in asked.drain(gone)["Reason"]
    assert asked.waited >= PATIENCE_MS
    asked.run("nap", "busy", "waiting", **express("five minutes", parked="event"))
    waited = asked.waited
    assert "Workflow nap has open runs (busy)" in asked.drain(gone)["Reason"]
    assert asked.waited == waited
    asked.rolling_back = True
    assert asked.drain(gone)["Status"] == "SUCCESS"


def test_a_run_that_has_called_another_one_meanwhile_is_waited_for(asked: Asked) -> None:
    asked.run("nap", "busy", "running", **express(None))
    gone = asked.remove()["Data"]["Gone"]
    asked.happens = {
        10_000: lambda: asked.run("nap", "busy", "waiting", **express("five minutes", parked="call")),
        130_000: lambda: asked.run("nap", "busy", "complete", **express("snooze")),
    }
    assert asked.drain(gone)["Status"] == "SUCCESS"
    assert asked.waited >= 130_000


def test_what_goes_at_once_waits_for_no_run_to_end(asked: Asked) -> None:
    asked.run("nap", "busy", "running", **express("five minutes"))
    refused = asked.remove(needs=["step LieDown", "step WakeUp"])  # its rights go before the step does
    assert "(busy) that may still need: KVNamespace('notes') in step WakeUp." in refused["Reason"]


def test_of_many_states_and_workflows_no_more_is_told_than_cloudformation_takes(asked: Asked) -> None:
    states = {f"state {number}": "0" for number in range(300)}
    before = {"Needs": {"nap": NEEDS}, "Reach": {"nap": {"definition": "old", "at": json.dumps(states)}}}
    told = asked.ask("Update", "Custom::OpenRuns", {"Needs": {"nap": []}}, before)["Data"]["Gone"]
    assert json.loads(told)["nap"]["past"] == []
    before = {"Needs": {f"nap-{number}": NEEDS for number in range(99)}}
    assert "by more than one deployment" in asked.ask("Update", "Custom::OpenRuns", {}, before)["Reason"]


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
