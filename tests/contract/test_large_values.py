"""The contract of large values: in S3, in a folder, in memory."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, cast
from uuid import uuid4

import pytest

from durable.aws.large_values import S3Values
from durable.clock import VirtualClock
from durable.local.large_values import FileValues
from durable.operations.large_values import sweep
from durable.signature import signature_of
from durable.steps.step import StepHandler
from durable.store.keys import StepKey, header_key
from durable.store.large_values import LargeValues, RunPlace, borrowed, lend
from durable.store.record import StepRecord
from durable.store.table import Write
from durable.testing.large_values import MemoryValues
from durable.testing.table import MemoryTable
from durable.wire import StepEvent
from tests.unit.testing import volumes

ONE, OTHER, LATER = RunPlace("order", "a", "1f"), RunPlace("order", "ab", ""), RunPlace("order", "a", "2f")


@pytest.fixture(params=["folder", "moto", "memory"])
def values(request: pytest.FixtureRequest, tmp_path: Any) -> LargeValues:
    if request.param == "memory":
        return MemoryValues()
    if request.param == "folder":
        return FileValues(tmp_path / "values")
    aws, name = request.getfixturevalue("aws"), uuid4().hex
    aws.s3.create_bucket(Bucket=name)
    return S3Values(name, s3=aws.s3)


def test_a_value_is_read_back_and_written_again(values: LargeValues) -> None:
    assert values.read(ONE, "x") is None
    values.write(ONE, "x", b"[1]")
    values.write(ONE, "x", b"[2]")
    assert (values.read(ONE, "x"), values.read(LATER, "x"), values.read(ONE, "y")) == (b"[2]", None, None)


def test_the_values_of_a_run_are_deleted_together(values: LargeValues) -> None:
    for run in (ONE, OTHER, LATER):
        for name in ("x", "y"):
            values.write(run, name, b"1")
    assert sorted(map(str, values.runs())) == ["order/a/1f", "order/a/2f", "order/ab/-"]
    values.delete(ONE)
    values.delete(ONE)
    assert sorted(values.runs(), key=str) == [LATER, OTHER]
    assert values.read(LATER, "x") == b"1"


def test_what_the_record_has_no_run_of_is_swept(values: LargeValues) -> None:
    table = MemoryTable(VirtualClock())
    for run in (ONE, OTHER, LATER):
        values.write(run, "x", b"1")
    header = {"workflow": "order", "instance": "a", "epoch": 1, "status": "running", "payload": None}
    header |= {"payload_hash": "", "execution": "", "created": 0, "updated": 0, "incarnation": "2f"}
    table.write(Write(header_key("order", "a"), header))
    assert sweep(values, table) == 2
    assert list(values.runs()) == [LATER]


def test_the_same_value_of_a_step_has_one_place(values: LargeValues) -> None:
    key = StepKey("order", "a", 1, "load[3]/page", "1f")
    first, again, another = lend(values, key, ["é"]), lend(values, key, ["é"]), lend(values, key, ["x"])
    assert first == again
    assert (
        len({str(each) for each in (first, another, lend(values, StepKey("order", "a", 2, "load", "1f"), ["x"]))}) == 3
    )
    assert (borrowed(values, key, first), borrowed(values, key, "plain")) == (["é"], "plain")
    values.delete(ONE)
    with pytest.raises(LookupError, match="no more"):
        borrowed(values, key, first)


class Quiet:
    """A log that nobody reads."""

    def attempt_failed(self, *_: Any, **__: Any) -> None: ...


def handler(function: Any, values: LargeValues | None, table: MemoryTable, clock: VirtualClock) -> StepHandler:
    record = StepRecord(table, clock)
    deadline = lambda seconds: nullcontext()  # noqa: E731
    return StepHandler(signature_of(function), {}, record, clock, deadline, Quiet(), values=values)  # type: ignore[arg-type]


def event(step: str, input: dict[str, Any], **more: Any) -> StepEvent:
    run = {"workflow": "order", "instance": "a", "epoch": 1, "createdAt": "", "incarnation": "1f"}
    made = {"run": run, "execution": "e", "step": step, "attempts": 1, "timeout": 60, "input": input, **more}
    return cast(StepEvent, made)


def test_a_step_answers_with_a_reference_and_the_next_one_is_given_the_value(values: LargeValues) -> None:
    clock = VirtualClock()
    table = MemoryTable(clock)
    writing, counting = (handler(each, values, table, clock) for each in (volumes.write, volumes.count))
    asked = event("write", {"pages": 7_000}, by_reference=True)
    sent = writing(asked, "x")["result"]
    assert (sorted(sent), sent["bytes"] > 6_000_000) == (["$value", "bytes"], True)
    assert writing(asked, "y")["result"] == sent  # as an execution that goes on is answered
    assert counting(event("count", {"volume": sent}, references=["volume"]), "x")["result"] == 7_000

    # `run` looks into it since: a recorded value that is small enough travels by itself, another one is stale.
    small = event("write few", {"pages": 100}, by_reference=True)
    assert "$value" in writing(small, "x")["result"]
    now = cast(StepEvent, {name: each for name, each in small.items() if name != "by_reference"})
    assert len(writing(now, "y")["result"]["pages"]) == 100
    with pytest.raises(Exception, match="write: ") as stale:
        writing(cast(StepEvent, {name: each for name, each in asked.items() if name != "by_reference"}), "z")
    assert type(stale.value).__name__ == "StaleResult"

    values.delete(ONE)
    with pytest.raises(Exception, match="there no more") as gone:
        counting(event("count again", {"volume": sent}, references=["volume"], says=["InvalidInput"]), "x")
    assert type(gone.value).__name__ == "InvalidInput"


def test_a_reference_that_data_poses_as_is_data(values: LargeValues) -> None:
    clock = VirtualClock()
    show = handler(volumes.show, values, MemoryTable(clock), clock)
    posing = {"$value": "x", "bytes": 1}
    assert show(event("show", {"value": posing}), "x")["result"] == posing
