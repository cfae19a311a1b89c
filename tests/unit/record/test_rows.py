"""Typed rows: what is stored is read, whichever version of the library wrote it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from durable.store.conditions import RESERVED
from durable.store.rows import EventRow, Header, StepRow, WaitRow, step_row
from durable.store.table import Row
from tests.rows import header

STEP: Row = {"step": "charge", "status": "running", "order": "1", "started": 5, "attempts": 1, "input_hash": "h"}
ROWS: list[tuple[type[Header | StepRow | WaitRow | EventRow], Row]] = [
    (Header, header("shop", "one", "running").as_row()),
    (StepRow, STEP),
    (WaitRow, STEP | {"kind": "event"}),
    (EventRow, {"type": "paid", "hash": "h", "number": 1, "sent": 5}),
]


@pytest.mark.parametrize(("cls", "row"), ROWS)
def test_a_row_is_read_and_written_as_it_was(cls: Any, row: Row) -> None:
    assert cls.from_row(row).as_row() == row


@pytest.mark.parametrize(("cls", "row"), ROWS)
def test_every_field_is_read_under_the_name_that_it_is_stored_under(cls: Any, row: Row) -> None:
    full = {each.name: row.get(each.name, f"a {each.name}") for each in fields(cls) if each.name != "sort"}
    read = cls.from_row(full | {"sort": "key"})
    assert {name: getattr(read, name) for name in full} == full
    assert read.as_row() == full
    assert RESERVED.isdisjoint(full)


@pytest.mark.parametrize(("cls", "row"), ROWS)
def test_a_field_of_a_newer_version_is_left_out(cls: Any, row: Row) -> None:
    assert cls.from_row(row | {"of_tomorrow": 1}) == cls.from_row(row)


def test_values_are_not_copied() -> None:
    payload = {"large": [1, 2, 3]}
    row = header("shop", "one", "running").as_row() | {"payload": payload}
    assert Header.from_row(row).payload is payload


def test_a_null_that_was_sent_is_a_null_that_is_read() -> None:
    assert Header.from_row(header("shop", "one", "complete").as_row() | {"output": None}).output is None
    assert "payload" in header("shop", "one", "queued").as_row()


def test_a_step_that_is_answered_by_a_token_is_told_from_one_that_runs() -> None:
    assert isinstance(step_row(STEP), StepRow)
    assert isinstance(step_row(STEP | {"kind": "child"}), WaitRow)
