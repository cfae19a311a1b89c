"""What one sign-up asks of DynamoDB: a budget, which the documentation quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

import durable.runs.runs
from durable.aws.session import client
from durable.aws.table import DynamoDBTable
from durable.bindings.workflow import MachineKind
from durable.cost import Cost, Way
from durable.idle import QUERIES_OF_DUE, QUERIES_OF_EXPRESS, QUERIES_OF_STANDARD
from durable.runs.description import status_of
from durable.runs.record import load
from durable.runs.runs import Runs
from durable.runs.segments import Segments as RunSegments
from durable.store.machines import ExecutionState, segment_of
from durable.wire import Run
from tests.integration.aws.deployment import CONSUMER, Deployment
from tests.integration.aws.events import ended
from tests.integration.aws.meter import Meter, Usage
from tests.integration.aws.segments import Segments
from tests.integration.aws.test_segments import approving, decide, expense
from tests.unit.record.conftest import FakeMachines

RECORD: Final = Usage(write_units=15, index_units=5, read_units=10)
"""The table of instances: a header that is put, runs and closes; a lease, a look at the flag and an outcome, each
with the flag read after it, for each of four steps; and when it closes, a look at all rows and a last write of each,
which says when it may vanish, and another look."""
EXPRESS: Final = Usage(write_units=14, index_units=3, read_units=6)
"""The same on Express: the header is written when the run is created and when it closes, and no flag is read after an
outcome."""
APPROVAL: Final = Usage(write_units=22, index_units=5, read_units=16)
"""Of the record: two steps and an event that the run was parked for; the index of what is due takes two units more."""
BINDINGS: Final = Usage(write_units=4, index_units=0, read_units=1)
"""Address, profile, settings; and whether the e-mail was sent before, and that it is."""


def spent(meter: Meter, deployment: Deployment) -> tuple[Usage, Usage]:
    """Return what was asked of the record, and of all other tables together."""
    record = deployment.physical("DynamoDB::Table", "Instances")
    others = Usage()
    for table, usage in meter.usage.items():
        if table != record:
            others.requests += usage.requests
            others.write_units += usage.write_units
            others.index_units += usage.index_units
            others.read_units += usage.read_units
    return meter.usage[record], others


def units(usage: Usage) -> tuple[int, int, float]:
    return usage.write_units, usage.index_units, usage.read_units


def test_a_sign_up_keeps_to_its_budget(deployment: Deployment, meter: Meter, sent: list[Any]) -> None:
    deployment.sign_up()
    execution = deployment.execution()
    output = deployment.steps(execution)
    assert deployment.invoke(CONSUMER, deployment.received()).error is None
    deployment.close(ended(execution, output))
    record, bindings = spent(meter, deployment)
    assert (record.requests, bindings.requests) == (
        {"UpdateItem": 15, "GetItem": 8, "Query": 2},
        {"PutItem": 4, "GetItem": 1},
    )
    assert (units(record), units(bindings)) == (units(RECORD), units(BINDINGS))


def test_a_sign_up_on_express_keeps_to_its_budget(segments: Segments, meter: Meter, sent: list[Any]) -> None:
    deployment = segments.deployment
    deployment.sign_up()
    segments.run()
    assert deployment.invoke(CONSUMER, deployment.received()).error is None
    record, bindings = spent(meter, deployment)
    assert record.requests == {"UpdateItem": 14, "GetItem": 4, "Query": 2}
    assert (units(record), units(bindings)) == (units(EXPRESS), units(BINDINGS))


@approving
def test_an_approval_on_express_keeps_to_its_budget(segments: Segments, meter: Meter) -> None:
    id = expense(segments)
    segments.run()
    decide(segments, id)
    segments.run()
    record, _ = spent(meter, segments.deployment)
    assert len(segments.executed) == 2
    assert units(record) == units(APPROVAL)


class NoTimers:
    def at(self, workflow: str, instance: str, delay_ms: int) -> None: ...


@pytest.mark.parametrize(("most", "budget"), [(4_096, (35, 6)), (10**6, (43, 76))])
def test_a_large_payload_is_not_written_with_each_change_of_its_run(
    deployment: Deployment, meter: Meter, monkeypatch: pytest.MonkeyPatch, most: int, budget: tuple[int, int]
) -> None:
    """10 KB, of a run that is created, parked, woken and closed: in a row of its own, and as it was in the header."""
    monkeypatch.setattr(durable.runs.runs, "_MOST_PAYLOAD_CHARACTERS", most)
    clock = deployment.clock
    table = DynamoDBTable(deployment.physical("DynamoDB::Table", "Instances"), clock, dynamodb=client("dynamodb"))
    runs = Runs(table, FakeMachines(), clock, segmented=["shop"])
    segments = RunSegments(table, runs, NoTimers(), clock)
    runs.create("shop", {"text": "x" * 10_000}, id="one")
    run: Run = {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": ""}
    first = load(table, "shop", "one").header.execution
    parked = segments.park(run, first, {"state": "s", "vars": {}}, why="event", due=clock.now() + 1)
    assert parked is not None
    assert segments.wake(parked)
    second = load(table, "shop", "one").header.execution
    runs.close(segment_of("shop", "express"), second, ExecutionState("SUCCEEDED", output=1))
    record, _ = spent(meter, deployment)
    assert (record.write_units, record.index_units) == budget


def test_the_cost_that_is_told_counts_the_same() -> None:
    kinds: dict[MachineKind, Usage] = {"standard": RECORD, "express": EXPRESS}
    for kind, counted in kinds.items():
        cost = Cost(Way(4, 4), milliseconds=100, kind=kind)
        assert (cost.writes, cost.reads) == (counted.write_units + counted.index_units, counted.read_units)


def test_the_documentation_quotes_it() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "aws.md").read_text(encoding="utf-8")
    record = f"{RECORD.write_units} write units and {RECORD.index_units} of the index, {RECORD.read_units} read units"
    assert record in page
    assert f"{BINDINGS.write_units} write units, {BINDINGS.read_units} read unit" in page
    written, read = (getattr(RECORD, each) + getattr(BINDINGS, each) for each in ("write_units", "read_units"))
    status = 1
    express = EXPRESS.write_units + EXPRESS.index_units + BINDINGS.write_units
    assert f"{express} write units, {EXPRESS.read_units + BINDINGS.read_units + status} read units" in page
    assert f"{APPROVAL.write_units} write units, {APPROVAL.index_units + 2} of indexes, {APPROVAL.read_units}" in page
    assert f"{written + RECORD.index_units} write units at $0.625 a million, {read + status} read units at" in page


def test_a_look_at_the_status_is_one_query(deployment: Deployment, meter: Meter) -> None:
    id = deployment.sign_up()
    deployment.steps(deployment.execution())
    meter.usage.clear()
    deployment.status(id)
    record, _ = spent(meter, deployment)
    assert (record.requests, record.read_units) == ({"Query": 1}, 1)


def test_a_look_at_the_status_reads_no_large_payload(deployment: Deployment, meter: Meter) -> None:
    clock = deployment.clock
    table = DynamoDBTable(deployment.physical("DynamoDB::Table", "Instances"), clock, dynamodb=client("dynamodb"))
    runs = Runs(table, FakeMachines(), clock, segmented=["shop"])
    runs.create("shop", {"text": "x" * 10_000}, id="one")
    meter.usage.clear()
    assert status_of(runs.load_status("shop", "one")).status == "running"
    record, _ = spent(meter, deployment)
    assert (record.requests, record.read_units) == ({"Query": 1}, 1)


def test_a_second_start_is_one_refused_write(deployment: Deployment, meter: Meter) -> None:
    deployment.sign_up(Idempotency_Key="one")
    meter.usage.clear()
    deployment.sign_up(Idempotency_Key="one")
    record, _ = spent(meter, deployment)
    assert (record.requests, record.write_units) == ({"UpdateItem": 1}, 1)


def test_a_sweep_over_nothing_is_one_query_a_partition_of_each_status(deployment: Deployment, meter: Meter) -> None:
    deployment.reconcile()
    record, _ = spent(meter, deployment)
    asked = {"Query": QUERIES_OF_STANDARD, "GetItem": 1}  # where the look before stopped
    assert (record.requests, record.read_units) == (asked, QUERIES_OF_STANDARD / 2 + 1)


@pytest.mark.parametrize(("segments", "workflows"), [("express", 1), ("batches", 2)], indirect=["segments"])
def test_a_look_over_nothing_is_that_of_what_is_due_and_once_an_hour_one_at_each_workflow(
    segments: Segments, meter: Meter, workflows: int
) -> None:
    for queries in (QUERIES_OF_DUE + QUERIES_OF_EXPRESS * workflows, QUERIES_OF_DUE, QUERIES_OF_DUE):
        meter.usage.clear()
        segments.minute()
        record, _ = spent(meter, segments.deployment)
        assert (record.requests, record.read_units) == ({"Query": queries}, queries / 2)


def test_a_process_writes_the_watch_of_a_workflow_once_for_all_runs_of_two_minutes(
    segments: Segments, meter: Meter
) -> None:
    for _ in range(3):
        segments.deployment.sign_up()
    assert meter.watches == 1


def test_a_step_that_is_invoked_again_after_its_outcome_writes_nothing(deployment: Deployment, meter: Meter) -> None:
    deployment.sign_up()
    execution = deployment.execution()
    deployment.steps(execution)
    before = deployment.rows("Instances")
    meter.usage.clear()
    deployment.steps(execution)
    record, bindings = spent(meter, deployment)
    assert record.requests == {"UpdateItem": 4}
    assert bindings.requests.total() == 0
    assert deployment.rows("Instances") == before
