"""A checkout sells what there is, and takes back what it did when it cannot go on."""

from __future__ import annotations

import pytest

from durable.testing import Sandbox
from examples.checkout import CardDeclinedError, CheckoutWorkflow

CART = {
    "customer": "ann",
    "items": [{"sku": "tea", "pieces": 2, "cents": 150_000}, {"sku": "pot", "pieces": 1, "cents": 250}],
}
STOCK = {"tea": 3, "pot": 1}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(CheckoutWorkflow, bindings={"stock": STOCK, "coupons": {"SPRING": 25_000}})


def test_a_cart_is_sold(sandbox: Sandbox) -> None:
    run = sandbox.run(CART | {"coupon": "SPRING"})

    assert run.output == {"receipt": run.step("charge").result.id, "total": "2,752.50"}
    assert sandbox.kv("stock").contents == {"tea": 1, "pot": 0}
    assert len(sandbox.queue("parcels").waiting) == 1


def test_what_is_sold_out_is_said_to_the_customer(sandbox: Sandbox) -> None:
    run = sandbox.run(CART | {"items": [*CART["items"], {"sku": "cup", "pieces": 6, "cents": 1}]})

    assert run.error is not None
    assert run.error.message == "only 0 of cup left"
    assert sandbox.kv("stock").contents == STOCK


def test_a_declined_card_gives_the_goods_back(sandbox: Sandbox) -> None:
    sandbox.stub("charge").raises(CardDeclinedError("insufficient funds"))
    run = sandbox.run(CART)

    assert run.error is not None
    assert run.error.message == "insufficient funds"
    assert sandbox.kv("stock").contents == STOCK


def test_a_parcel_that_cannot_be_sent_is_refunded(sandbox: Sandbox) -> None:
    sandbox.stub("send parcel").raises(ConnectionError)
    run = sandbox.run(CART)

    assert run.status == "errored"
    assert [receipt.cents for receipt in sandbox.queue("refunds").waiting] == [300_250]
    assert sandbox.kv("stock").contents == STOCK
