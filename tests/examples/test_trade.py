"""A share is traded on the days on which its price says so, and somebody agrees."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.trade import TradeWorkflow


def test_it_buys_and_sells_when_somebody_agrees() -> None:
    sandbox = Sandbox(TradeWorkflow)
    sandbox.stub("price").returns(60).returns(40, round=2).returns(90, round=4)
    sandbox.stub_event("answer").returns({"agreed": True})
    run = sandbox.run({"symbol": "ACME", "pieces": 10})

    assert run.output == ["day 2: buy at 40, 10 held", "day 4: sell at 90, 0 held"]
    assert run.elapsed == timedelta(days=4)


def test_nothing_is_traded_unless_somebody_agrees() -> None:
    sandbox = Sandbox(TradeWorkflow)
    sandbox.stub("price").returns(40)
    sandbox.stub_event("answer").returns({"agreed": False}, round=1)
    run = sandbox.run({"symbol": "ACME", "pieces": 10, "days": 2})

    assert run.output == ["day 2: nobody answered"]
    assert sandbox.kv("depot").contents == {}
