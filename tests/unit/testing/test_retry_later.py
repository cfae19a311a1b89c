"""Delays that an attempt names, on the embedded engine."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from durable.testing import Sandbox
from tests.unit.testing.payments import BankBusy, PayingWorkflow

MINUTE = timedelta(minutes=1)


def test_the_next_attempt_is_made_when_the_error_says() -> None:
    sandbox = Sandbox(PayingWorkflow)
    sandbox.stub("pay").raises(BankBusy("3 days"), attempt=1).raises(ValueError, attempt=2)
    run = sandbox.run(500)
    assert run.output == "paid 500"
    assert run.step("pay").attempted == (timedelta(0), timedelta(days=3), timedelta(days=3) + 2 * MINUTE)


def test_a_run_that_waits_for_its_next_attempt_is_shown_as_retrying() -> None:
    sandbox = Sandbox(PayingWorkflow)
    sandbox.stub("pay").raises(BankBusy("3 days"), times=1)
    run = sandbox.start(500)
    sandbox.advance("1 hour")
    assert run.status == "running"
    assert run.step("pay").status == "retrying"


def test_delays_that_an_attempt_names_can_be_skipped() -> None:
    sandbox = Sandbox(PayingWorkflow)
    sandbox.stub("pay").raises(BankBusy("3 days"), times=2)
    sandbox.disable_retry_delays("pay")
    run = sandbox.run(500)
    assert (run.output, run.elapsed, len(run.step("pay").attempted)) == ("paid 500", timedelta(0), 3)


def test_a_restart_while_it_waits_keeps_the_time(tmp_path: Path) -> None:
    sandbox = Sandbox(PayingWorkflow, folder=tmp_path)
    sandbox.stub("pay").raises(BankBusy("3 days"), times=1)
    run = sandbox.start(500)
    sandbox.advance("2 days")
    sandbox.restart()
    run.wait_for_status("complete")
    assert run.step("pay").attempted == (timedelta(0), timedelta(days=3))
