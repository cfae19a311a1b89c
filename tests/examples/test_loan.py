"""The cheapest of the banks that lend is offered; banks that refuse or are down do not matter."""

from __future__ import annotations

from datetime import timedelta

import pytest

from durable.testing import Sandbox
from examples.loan import LoanWorkflow

ASKED = {"customer": "ann", "amount": 5000}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(LoanWorkflow, bindings={"scores": {"ann": 9}, "rates": {"north": 4.5, "south": 3.9}})


def test_the_cheapest_offer_is_signed(sandbox: Sandbox) -> None:
    run = sandbox.start(ASKED)
    run.send_event("signed", {"name": "Ann"})
    sandbox.settle()

    assert run.output == {"status": "signed", "bank": "south", "percent": 3.9, "by": "Ann"}


def test_a_bank_that_is_down_is_left_out(sandbox: Sandbox) -> None:
    sandbox.stub("ask").raises(ConnectionError, key="bank[1]/ask")

    assert sandbox.run(ASKED).output == {"status": "lapsed", "bank": "north"}


def test_an_offer_lapses_after_three_days(sandbox: Sandbox) -> None:
    sandbox.disable_retry_delays()
    run = sandbox.run(ASKED)

    assert (run.output, run.elapsed) == ({"status": "lapsed", "bank": "south"}, timedelta(days=3))


def test_nobody_lends_too_much(sandbox: Sandbox) -> None:
    assert sandbox.run({"customer": "ann", "amount": 10_000}).output == {"status": "refused", "asked": 3}
