"""The contract of large values: in S3, in a folder, in memory."""

from __future__ import annotations

import errno
from contextlib import nullcontext
from functools import partial
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from durable.aws.large_values import S3Values
from durable.clock import VirtualClock
from durable.local.storage.large_values import FileValues
from durable.operations.large_values import sweep
from durable.signature import signature_of
from durable.steps.step import StepHandler
from durable.steps.undo import UndoHandler
from durable.store.keys import StepKey, header_key
from durable.store.large_values import LargeValues, RunPlace, ValuesBusy, borrowed, lend
from durable.store.leases import Leases
from durable.store.record import StepRecord
from durable.store.rows import StepRow
from durable.store.table import RowsUnreadable, Write
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


def test_a_value_is_copied_to_another_run(values: LargeValues) -> None:
    values.write(ONE, "x", b"[1]")
    assert (values.copy(ONE, "x", LATER, "y"), values.copy(ONE, "z", LATER, "y")) == (True, False)
    values.delete(ONE)
    assert values.read(LATER, "y") == b"[1]"


def test_a_link_names_the_value(values: LargeValues) -> None:
    assert "order/a/1f/x-y" in values.link(ONE, "x-y")


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
    with pytest.raises(LookupError, match="was deleted"):
        borrowed(values, key, first)


class Quiet:
    """A log that nobody reads."""

    def attempt_begun(self, attempt: int) -> None: ...
    def attempt_failed(self, *_: Any, **__: Any) -> None: ...


def handler(function: Any, values: LargeValues | None, table: MemoryTable, clock: VirtualClock) -> StepHandler:
    record = StepRecord(table, clock)
    return StepHandler(signature_of(function), {}, record, clock, lambda _: nullcontext(), Quiet(), values=values)  # type: ignore[arg-type]


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
    with pytest.raises(Exception, match="refers to was deleted") as gone:
        counting(event("count again", {"volume": sent}, references=["volume"], says=["InvalidInput"]), "x")
    assert type(gone.value).__name__ == "InvalidInput"


class Faulty(MemoryValues):
    """Values that cannot be reached, as long as it is said."""

    down = False

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        self._reach()
        super().write(run, name, data)

    def read(self, run: RunPlace, name: str) -> bytes | None:
        self._reach()
        return super().read(run, name)

    def _reach(self) -> None:
        if self.down:
            raise ValuesBusy("bucket: InternalError; try again")


def test_a_fault_of_where_values_are_counts_no_attempt() -> None:
    clock, values = VirtualClock(), Faulty()
    table = MemoryTable(clock)
    writing, counting = (handler(each, values, table, clock) for each in (volumes.write, volumes.count))
    asked = event("write", {"pages": 70}, by_reference=True)
    values.down = True
    for owner in "abc":
        with pytest.raises(Exception, match="write: ") as busy:
            writing(asked, owner)
        assert type(busy.value).__name__ == "TableBusy"  # which each Task retries, outside of the author's attempts
    row = StepRow.from_row(table.get(StepKey.of(asked).row) or {})
    assert (row.status, row.attempts, row.owner, row.history) == ("retrying", 0, None, [])
    assert row.error is not None
    assert row.error["detail"] == "bucket: InternalError; try again"

    values.down = False
    sent = writing(asked, "d")["result"]
    taking = event("count", {"volume": sent}, references=["volume"])
    values.down = True
    with pytest.raises(Exception, match="count: "):
        counting(taking, "a")
    values.down = False
    assert counting(taking, "b")["result"] == 70
    assert StepRow.from_row(table.get(StepKey.of(taking).row) or {}).attempts == 1


def test_a_fault_counts_no_try_of_an_undo() -> None:
    clock, values, undone = VirtualClock(), Faulty(), volumes.undone
    table = MemoryTable(clock)
    undo = {"function": "burn", "attempts": 1, "timeout": 60, "delay": 10, "rate": 2, "input": False}
    asked = event("write", {"pages": 70}, by_reference=True, undo=undo)
    handler(volumes.write, values, table, clock)(asked, "a")
    burning = UndoHandler(
        table, Leases(clock), signature_of(volumes.burn), {}, StepRecord(table, clock), clock,
        lambda seconds: nullcontext(), cast(Any, Quiet()), values=values,
    )  # fmt: skip
    asked = event("write", {})
    undone.clear()
    values.down = True
    for owner in "bc":
        with pytest.raises(Exception, match="write: "):
            burning(asked, owner)
    values.down = False
    burning(asked, "d")
    assert undone == [70]


@pytest.mark.parametrize(
    ("code", "status", "is_busy"),
    [
        ("SlowDown", 503, True),
        ("InternalError", 500, True),
        ("RequestTimeout", 400, True),
        ("AccessDenied", 403, False),
    ],
)
def test_faults_of_s3_are_told_from_errors_that_stay(code: str, status: int, is_busy: bool) -> None:
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    values = S3Values("bucket", s3=s3)
    for call, ask in (
        ("get_object", partial(values.read, ONE, "x")),
        ("put_object", partial(values.write, ONE, "x", b"1")),
    ):
        with Stubber(s3) as stub:
            stub.add_client_error(call, code, http_status_code=status)
            with pytest.raises(ValuesBusy if is_busy else ClientError):
                ask()


def test_a_delete_that_leaves_some_is_made_again() -> None:
    s3 = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="s")
    with Stubber(s3) as stub:
        stub.add_response("list_objects_v2", {"Contents": [{"Key": f"{ONE}/a"}], "IsTruncated": False})
        stub.add_response("delete_objects", {"Errors": [{"Key": f"{ONE}/a", "Code": "InternalError"}]})
        with pytest.raises(ValuesBusy, match="InternalError; try again"):
            S3Values("bucket", s3=s3).delete(ONE)


def test_a_disk_that_is_full_is_a_fault(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("durable.local.storage.large_values.write_whole", full)
    with pytest.raises(ValuesBusy, match="No space left on device; try again"):
        FileValues(tmp_path).write(ONE, "x", b"1")


def test_a_reference_that_data_poses_as_is_data(values: LargeValues) -> None:
    clock = VirtualClock()
    show = handler(volumes.show, values, MemoryTable(clock), clock)
    posing = {"$value": "x", "bytes": 1}
    assert show(event("show", {"value": posing}), "x")["result"] == posing


def test_a_run_whose_header_cannot_be_read_keeps_its_values_and_no_other(
    values: LargeValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = MemoryTable(VirtualClock())
    for run in (ONE, OTHER):
        values.write(run, "x", b"1")

    def torn(key: Any) -> None:
        if key == header_key(ONE.workflow, ONE.instance):
            raise RowsUnreadable

    monkeypatch.setattr(table, "get", torn)
    assert sweep(values, table) == 1
    assert list(values.runs()) == [ONE]
