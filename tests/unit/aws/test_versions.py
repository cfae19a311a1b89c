"""Versions of machines and Lambdas: those that a run may need are kept, all others go."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from durable.aws.versions import Deleted, Versions
from durable.bindings.workflow import Status
from durable.clock import VirtualClock, moment
from durable.store.table import Write
from durable.testing.table import MemoryTable
from tests.rows import header

ARN: Final = "arn:aws:states:us-east-1:123456789012:stateMachine:nap"
STEP: Final = "arn:aws:lambda:us-east-1:123456789012:function:nap-WakeUp"
UNDO: Final = "arn:aws:lambda:us-east-1:123456789012:function:nap-WakeUpUndo"
DAY: Final = timedelta(days=1)


def definition(step: int) -> str:
    """Return a definition that invokes a version of the step, and names the undo's of the same number."""
    task = {"Arguments": {"FunctionName": f"{STEP}:{step}", "Payload": {"undo": f"{UNDO}:{step}"}}}
    return json.dumps({"States": {"wake-up": task}})


@dataclass
class Account:
    """Step Functions and Lambda, with one machine of each type; each deployment publishes a version of all."""

    now: datetime
    machines: dict[str, dict[int, datetime]] = field(default_factory=lambda: {ARN: {}, f"{ARN}-express": {}})
    functions: dict[str, dict[int, datetime]] = field(default_factory=lambda: {STEP: {}, UNDO: {}})
    step: int = 0

    def deploy(self, *, days_ago: float) -> None:
        self.step += 1
        when = self.now - days_ago * DAY
        for versions in (*self.machines.values(), *self.functions.values()):
            versions[self.step] = when

    def list_state_machine_versions(self, *, stateMachineArn: str, nextToken: str = "") -> dict[str, Any]:
        versions = sorted(self.machines[stateMachineArn], reverse=True)
        first = int(nextToken or 0)
        page = [
            {
                "stateMachineVersionArn": f"{stateMachineArn}:{each}",
                "creationDate": self.machines[stateMachineArn][each],
            }
            for each in versions[first : first + 2]
        ]
        more = {"nextToken": str(first + 2)} if first + 2 < len(versions) else {}
        return {"stateMachineVersions": page, **more}

    def describe_state_machine(self, *, stateMachineArn: str) -> dict[str, Any]:
        number = stateMachineArn.rpartition(":")[2]
        return {"definition": definition(int(number) if number.isdigit() else self.step)}

    def delete_state_machine_version(self, *, stateMachineVersionArn: str) -> None:
        arn, _, number = stateMachineVersionArn.rpartition(":")
        del self.machines[arn][int(number)]

    def get_paginator(self, operation: str) -> Account:
        assert operation == "list_versions_by_function"
        return self

    def paginate(self, *, FunctionName: str) -> list[dict[str, Any]]:
        published = {str(number): when for number, when in self.functions[FunctionName].items()}
        versions = [
            {"Version": each, "LastModified": f"{when:%Y-%m-%dT%H:%M:%S.000+0000}"} for each, when in published.items()
        ]
        return [{"Versions": [{"Version": "$LATEST", "LastModified": ""}, *versions[:1]]}, {"Versions": versions[1:]}]

    def delete_function(self, *, FunctionName: str, Qualifier: str) -> None:
        del self.functions[FunctionName][int(Qualifier)]


class Stage:
    """An account, and the runs of one workflow."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = VirtualClock()
        self.table = MemoryTable(self.clock)
        self.account = Account(moment(self.clock.now()))
        monkeypatch.setattr("durable.aws.versions.client", lambda _: self.account)

    def run(self, instance: str, status: Status, *, code: int | None, days_ago: float = 0) -> None:
        created = self.clock.now() - round(days_ago * DAY.total_seconds() * 1000)
        versions: Any = None if code is None else {"express": str(code), "standard": str(code)}
        run = replace(header("nap", instance, status), created=created, code=versions)
        self.table.write(Write(run.key, run.as_row()))

    def sweep(self, *, kind: str = "express") -> Deleted:
        told = {"machine": ARN} | ({"express": f"{ARN}-express"} if kind == "express" else {})
        return Versions({"nap": told}, self.table, self.clock).sweep("nap")

    def left(self) -> tuple[list[int], ...]:
        """Return the versions of the two machines, of the step and of its undo."""
        return tuple([*each] for each in (*self.account.machines.values(), *self.account.functions.values()))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_versions_that_no_run_needs_go_but_for_the_newest_and_what_undoes_steps(stage: Stage) -> None:
    for days_ago in (9, 8, 7, 6, 5):
        stage.account.deploy(days_ago=days_ago)
    assert stage.sweep() == Deleted(machines=8, functions=4)
    assert stage.left() == ([5], [5], [5], [1, 2, 3, 4, 5])
    assert stage.sweep() == Deleted()


def test_a_parked_run_keeps_the_version_that_it_began_on_and_what_that_invokes(stage: Stage) -> None:
    for days_ago in (9, 8, 7, 6, 5):
        stage.account.deploy(days_ago=days_ago)
    stage.run("asleep", "waiting", code=2, days_ago=8)
    stage.run("over", "complete", code=3, days_ago=7)
    stage.sweep()
    assert stage.left()[:3] == ([2, 5], [2, 5], [2, 5])


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "waitingForPause", "rollingBack"])
def test_every_open_run_keeps_its_own(stage: Stage, status: Status) -> None:
    for days_ago in (9, 8, 7):
        stage.account.deploy(days_ago=days_ago)
    stage.run("open", status, code=1, days_ago=9)
    stage.sweep()
    assert stage.left()[:3] == ([1, 3], [1, 3], [1, 3])


def test_a_version_stays_for_a_day_after_another_took_its_place(stage: Stage) -> None:
    for days_ago in (9, 0.9, 0.1):
        stage.account.deploy(days_ago=days_ago)
    assert stage.sweep() == Deleted()
    stage.clock.advance_to(stage.clock.now() + round(DAY.total_seconds() * 200))
    stage.sweep()
    assert stage.left()[:3] == ([2, 3], [2, 3], [2, 3])


def test_a_run_that_one_execution_runs_whole_keeps_all_lambdas_since_it_began(stage: Stage) -> None:
    for days_ago in (9, 8, 6, 4, 2):
        stage.account.deploy(days_ago=days_ago)
    stage.run("asleep", "waiting", code=None, days_ago=5)
    assert stage.sweep(kind="standard").functions == 1
    assert stage.left()[2] == [2, 3, 4, 5]
