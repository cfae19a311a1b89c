"""Orders on virtual time: the second of packing takes no time here."""

from __future__ import annotations

import pytest
from durable.testing import Sandbox

import app
from functions.orders.models import Order


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(app.order)


def test_an_order_is_shipped(sandbox: Sandbox) -> None:
    run = sandbox.run({"item": "book", "quantity": 2}, id="first")

    assert run.output == {"tracking": "2-book-first", "cents": 3_000}
    assert sandbox.kv(app.reservations).contents == {"first": Order(item="book", quantity=2)}


def test_a_payment_that_is_declined_releases_the_items(sandbox: Sandbox) -> None:
    run = sandbox.run({"item": "sofa", "quantity": 2})

    assert run.status == "errored"
    assert run.error is not None
    assert run.error.name == "DeclinedError"
    assert sandbox.kv(app.reservations).contents == {}


def test_a_charge_that_fails_once_is_tried_again(sandbox: Sandbox) -> None:
    sandbox.stub("charge").raises(ConnectionError(), attempt=1)

    run = sandbox.run({"item": "chair", "quantity": 1})

    assert run.status == "complete"
    assert run.step("charge").attempts == 2
