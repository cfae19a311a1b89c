"""What a change of a project's sources changed, and what open runs would miss."""

from __future__ import annotations

import json

import pytest

from durable.local.parts import Parts, WorkflowParts
from durable.wire import CALLS, EVENTS

BEFORE = Parts(
    {
        "order": WorkflowParts("d1", {"charge": "c1", "charge/undo": "c1", "ship": "s1"}, ("refund",)),
        "sync": WorkflowParts("d2", {"load": "l1"}, ()),
    }
)


def test_they_are_the_same_after_they_were_written_and_read() -> None:
    assert Parts.from_json(BEFORE.as_json()) == BEFORE
    json.loads(BEFORE.as_json())


def test_nothing_differs_from_itself() -> None:
    assert list(BEFORE.changes(BEFORE)) == []


def test_each_workflow_that_differs_is_named_once_with_what_differs() -> None:
    after = Parts(
        {
            "order": WorkflowParts("d1", {"charge": "c2", "charge/undo": "c2", "ship": "s1"}, ("refund",)),
            "report": WorkflowParts("d3", {}, ()),
        }
    )
    assert list(after.changes(BEFORE)) == [
        "sync is gone",
        "order has other code for charge, charge/undo",
        "report is new",
    ]
    changed = Parts({"order": WorkflowParts("d9", {"charge": "c2"}, ()), "sync": BEFORE.workflows["sync"]})
    assert list(changed.changes(BEFORE)) == [
        "order has another definition; runs under way keep the one that they began with"
    ]


@pytest.mark.parametrize(
    ("function", "payload", "lacks"),
    [
        ("order/charge", {}, None),
        ("order/charge/undo", {}, None),
        ("order/pay", {}, "pay"),
        ("gone/charge", {}, "charge"),
        (f"order//{EVENTS}", {}, None),
        (f"order/{EVENTS}", {}, None),
        ("order//rollback", {}, None),
        (f"order//{CALLS}", {"step": "refund"}, None),
        (f"order//{CALLS}", {"step": "other"}, "other"),
        (f"order/{CALLS}", {"step": "other"}, "other"),
    ],
)
def test_what_a_task_lacks_is_named(function: str, payload: dict[str, str], lacks: str | None) -> None:
    assert BEFORE.lacks(function, payload) == lacks
