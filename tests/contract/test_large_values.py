"""The contract of large values: in S3, in a folder, in memory."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from durable.aws.large_values import S3Values
from durable.clock import VirtualClock
from durable.local.large_values import FileValues
from durable.operations.large_values import sweep
from durable.store.keys import StepKey, header_key
from durable.store.large_values import LargeValues, RunPlace, borrowed, lend
from durable.store.table import Write
from durable.testing.large_values import MemoryValues
from durable.testing.table import MemoryTable

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
