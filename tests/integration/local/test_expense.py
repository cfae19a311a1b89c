"""Expenses as `app.py` declares their approval, on virtual time."""

from __future__ import annotations

from datetime import timedelta

import pytest

import app
from durable.testing import Sandbox
from functions.expenses.models import LIMIT_CENTS, Outcome, Settled

TRAIN = {"employee": "ann@example.com", "manager": "bob@example.com", "purpose": "A train to Lyon", "cents": 25_900}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(app.expense)


def letters(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(each.to, each.subject) for each in sandbox.email(app.mail).sent]


def test_up_to_the_limit_nobody_is_asked(sandbox: Sandbox) -> None:
    run = sandbox.run(TRAIN | {"cents": LIMIT_CENTS}, id="train")

    assert (run.output, run.elapsed) == ({"outcome": "paid", "by": "limit"}, timedelta(0))
    assert letters(sandbox) == [("ann@example.com", "Your expense was paid")]
    assert sandbox.kv(app.expenses).contents == {
        "train": Settled(outcome=Outcome.PAID, reason="It is within the limit.", cents=LIMIT_CENTS)
    }


def test_a_cent_over_the_limit_is_asked_about(sandbox: Sandbox) -> None:
    run = sandbox.start(TRAIN | {"cents": LIMIT_CENTS + 1})
    sandbox.advance("1 day")

    assert run.status == "waiting"
    assert letters(sandbox) == [("bob@example.com", "Approve an expense of 100.01?")]


def test_the_managers_approval_pays(sandbox: Sandbox) -> None:
    run = sandbox.start(TRAIN)
    sandbox.advance("1 day")
    run.send_event("decision", {"approved": True, "comment": "Good trip"})
    sandbox.settle()

    assert (run.output, run.elapsed) == ({"outcome": "paid", "by": "manager"}, timedelta(days=1))
    assert sandbox.kv(app.expenses).contents == {
        run.id: Settled(outcome=Outcome.PAID, reason="Good trip", cents=25_900)
    }


def test_a_decision_that_comes_before_it_is_asked_for_is_kept(sandbox: Sandbox) -> None:
    run = sandbox.start(TRAIN)
    run.send_event("decision", {"approved": True})
    sandbox.settle()

    assert (run.output, run.elapsed) == ({"outcome": "paid", "by": "manager"}, timedelta(0))


def test_the_managers_no_rejects(sandbox: Sandbox) -> None:
    run = sandbox.start(TRAIN)
    run.send_event("decision", {"approved": False})
    sandbox.settle()

    assert run.output == {"outcome": "rejected", "by": "manager"}
    assert letters(sandbox)[-1] == ("ann@example.com", "Your expense was rejected")


def test_a_manager_who_is_reminded_after_two_days_may_still_approve(sandbox: Sandbox) -> None:
    run = sandbox.start(TRAIN)
    sandbox.advance("2 days")
    assert letters(sandbox)[-1] == ("bob@example.com", "An expense still waits for you")
    sandbox.advance("4 days")
    run.send_event("decision", {"approved": True})
    sandbox.settle()

    assert (run.output, run.elapsed) == ({"outcome": "paid", "by": "manager"}, timedelta(days=6))


def test_a_week_of_silence_rejects(sandbox: Sandbox) -> None:
    run = sandbox.run(TRAIN)

    assert (run.output, run.elapsed) == ({"outcome": "rejected", "by": "silence"}, timedelta(days=7))
    assert [subject for _, subject in letters(sandbox)] == [
        "Approve an expense of 259.00?",
        "An expense still waits for you",
        "Your expense was rejected",
    ]
