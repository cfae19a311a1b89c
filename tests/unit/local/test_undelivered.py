"""Which waits certainly have no outcome: all others are looked at one by one."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from durable.local.storage.schema import EXECUTION, RECORD
from durable.local.undelivered import still_waiting
from durable.testing.journal import MemoryJournal

WAIT: Final = {"kind": "event", "status": "waiting", "token": "t", "deadline": 7, "type": "go"}
EXECUTION_NAME: Final = "one.0a1b2c3d"


def waiting(wait: Any = None, **others: Any) -> dict[str, int]:
    """Return what is found of a run with a step that waits, and with further rows."""
    journal = MemoryJournal()
    journal.put(EXECUTION, (EXECUTION_NAME,), (json.dumps(["orders", "hash", {}]),))
    rows = {"run": {"status": "waiting"}, "step#000001@ab#wait": WAIT | (wait or {}), **others}
    for sort, row in rows.items():
        journal.put(RECORD, ("orders#one", sort), (None, None, None, None, json.dumps(row)))
    return dict(still_waiting(journal, [EXECUTION_NAME, "two.0a1b2c3d"]))


def test_an_event_that_has_not_come_is_waited_for_until_its_deadline() -> None:
    assert waiting() == {"t": 7}


@pytest.mark.parametrize(
    ("wait", "others"),
    [
        ({"kind": "child"}, {}),
        ({"status": "complete", "outcome": "result"}, {}),
        ({"outcome": "result"}, {}),
        ({"status": "forgotten"}, {}),
        ({"token": None}, {}),
        ({"deadline": None}, {}),
        ({"races": ["race"]}, {"step#000001@ab#race": {"kind": "race", "outcome": "result"}}),
        ({}, {"flag": {"want": "pause"}}),
        ({}, {"flag@ab": {"want": "pause"}}),
        ({}, {"event#000001@ab#1": {"type": "go", "number": 1}}),
    ],
)
def test_what_may_have_an_outcome_is_left_out(wait: Any, others: Any) -> None:
    assert waiting(wait, **others) == {}


def test_a_race_that_no_branch_has_won_ends_none() -> None:
    assert waiting({"races": ["race"]}, **{"step#000001@ab#before": {"status": "complete"}}) == {"t": 7}


def test_an_event_that_another_wait_has_taken_ends_none() -> None:
    assert waiting(**{"event#000001@ab#1": {"type": "go", "number": 1, "taken": "step#000001@ab#before"}}) == {"t": 7}
