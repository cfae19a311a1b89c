"""A subscription is charged month by month, patiently, and ends in two ways."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.subscription import CardRefusedError, SubscriptionWorkflow

ANN = {"email": "ann@example.com", "cents": 900}


def test_it_is_charged_each_month_until_it_is_cancelled() -> None:
    sandbox = Sandbox(SubscriptionWorkflow)
    run = sandbox.start(ANN)
    sandbox.advance("70 days")
    run.send_event("cancelled", {"reason": "moved"})
    sandbox.settle()

    assert run.output == {"months": 3, "ended": "cancelled"}
    assert [letter.text for letter in sandbox.email("mail").sent] == ["Goodbye, after 3 months."]


def test_a_refused_card_is_tried_again_after_three_and_six_days() -> None:
    sandbox = Sandbox(SubscriptionWorkflow)
    sandbox.stub("charge").raises(CardRefusedError("expired"), times=2, round=2)
    run = sandbox.start(ANN)
    sandbox.advance("31 days")
    sandbox.advance("9 days")

    assert run.step("charge", round=2).attempted == (
        timedelta(days=30),
        timedelta(days=33),
        timedelta(days=39),
    )


def test_it_ends_when_the_card_stays_refused() -> None:
    sandbox = Sandbox(SubscriptionWorkflow)
    sandbox.stub("charge").raises(CardRefusedError("expired"))
    run = sandbox.run(ANN)

    assert run.output == {"months": 0, "ended": "unpaid"}
    assert "expired" in sandbox.email("mail").sent[0].text
