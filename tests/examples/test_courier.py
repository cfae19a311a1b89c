"""A parcel goes with the courier that accepts first; no other one is asked any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from durable.testing import Run, Sandbox
from examples.courier import CourierWorkflow, Offer

PARCEL = {"id": "P1", "address": "Main Street 5"}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(CourierWorkflow, bindings={"offers": {}})


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    return sandbox.start(PARCEL)


def answer(sandbox: Sandbox, courier: str, cents: int | None) -> bool:
    offer = Offer.model_validate(sandbox.kv("offers").contents[courier])
    if cents is None:
        return sandbox.workflow().fail_callback(offer.token, f"the {courier} is full")
    return sandbox.workflow().complete_callback(offer.token, {"courier": courier, "cents": cents})


def test_the_bicycle_takes_it_before_the_van_is_asked(sandbox: Sandbox, run: Run) -> None:
    sandbox.advance("40 minutes")
    answer(sandbox, "bicycle", 490)
    sandbox.settle()

    assert run.output == "P1 with bicycle for 4.90"
    assert run.elapsed == timedelta(minutes=40)
    assert "van" not in sandbox.kv("offers").contents


def test_the_van_takes_it_after_the_bicycle_declined(sandbox: Sandbox, run: Run) -> None:
    sandbox.advance("10 minutes")
    answer(sandbox, "bicycle", None)
    sandbox.advance("1 hour")
    answer(sandbox, "van", 1290)
    sandbox.settle()

    assert run.output == "P1 with van for 12.90"


def test_who_accepts_second_gets_nothing(sandbox: Sandbox, run: Run) -> None:
    sandbox.advance("90 minutes")
    answer(sandbox, "van", 1290)
    sandbox.settle()

    assert not answer(sandbox, "bicycle", 490)
    assert run.output == "P1 with van for 12.90"


def test_where_nobody_takes_it_the_desk_hears_of_it_after_three_hours(sandbox: Sandbox) -> None:
    run = sandbox.run(PARCEL)

    assert (run.output, run.elapsed) == ("P1 stays: The callback was not completed in time.", timedelta(hours=3))
