"""Every order is settled by a run of its own, and the report names those that failed."""

from __future__ import annotations

from durable.testing import Sandbox
from examples import night

ORDERS = {
    "o1": night.Order(id="o1", cents=1250),
    "o2": night.Order(id="o2", cents=99, paid=False),
    "o3": night.Order(id="o3", cents=300),
}


def test_paid_orders_are_settled_and_the_others_are_reported() -> None:
    sandbox = Sandbox(night.NightWorkflow, bindings={"orders": ORDERS})
    run = sandbox.run()

    assert run.output == ["o2"]
    assert sorted(each.status for each in sandbox.runs("order")) == ["complete", "complete", "errored"]
    assert sandbox.kv("ledger").contents == {"turnover": 1550}
    assert [letter.text for letter in sandbox.email("mail").sent] == ["o1: 12.50\no3: 3.00\nfailed: o2"]
