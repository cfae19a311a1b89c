"""A trip is booked whole or not at all."""

from __future__ import annotations

from durable.testing import Sandbox
from examples.trip import TripWorkflow

PLACES = {"LH 1": 2, "Ritz": 1, "Beetle": 0}


def test_a_trip_is_booked() -> None:
    sandbox = Sandbox(TripWorkflow, bindings={"places": PLACES})

    assert sandbox.run({"flight": "LH 1", "hotel": "Ritz"}).output == "booked"
    assert sandbox.kv("places").contents == {"LH 1": 1, "Ritz": 0, "Beetle": 0}


def test_without_a_car_nothing_stays_booked() -> None:
    sandbox = Sandbox(TripWorkflow, bindings={"places": PLACES})
    run = sandbox.run({"flight": "LH 1", "hotel": "Ritz", "car": "Beetle"})

    assert run.error is not None
    assert (run.error.name, run.error.step) == ("SoldOutError", "book car")
    assert sandbox.kv("places").contents == PLACES


def test_the_last_room_goes_to_one_of_two() -> None:
    sandbox = Sandbox(TripWorkflow, bindings={"places": PLACES})
    runs = [sandbox.start({"flight": "LH 1", "hotel": "Ritz"}) for _ in range(2)]
    sandbox.settle()

    assert sorted(run.status for run in runs) == ["complete", "errored"]
    assert sandbox.kv("places").contents == {"LH 1": 1, "Ritz": 0, "Beetle": 0}
