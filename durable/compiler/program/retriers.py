"""What the Retry and the Catch of a step's Task say: which errors are its outcome, and how it is tried again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from durable import wire

Json = dict[str, Any]

RETRY_SECONDS: Final = 30
"""How long the delays of retries may be in all, before the run parks until the next attempt."""
NO_OUTCOMES: Final = (
    *wire.CRASHES,
    *wire.LAMBDA_FAULTS,
    "States.Timeout",
    *wire.LEASE_HELD,
    wire.HAND_OVER,
    wire.RETRY_LATER,
)
"""Errors that are no outcome of a step: when the run enters the step again, the record decides how it goes on."""


def soon(author: Json) -> int:
    """Return how many of the author's retries are waited for, before the run parks."""
    # The delays as written: full jitter draws up to these, so the run never waits for longer.
    count, waited, delay = 0, 0.0, author["IntervalSeconds"]
    while count < author["MaxAttempts"] and waited + delay <= RETRY_SECONDS:
        count, waited, delay = count + 1, waited + delay, delay * author["BackoffRate"]
    return count


def finals_of(state: Json) -> set[str]:
    """Return the errors of a Task after which it is not tried again."""
    retriers = (each for each in state["Retry"] if each.get("MaxAttempts") == 0)
    # `MaxAttempts` of 0 is how a Retry says that these are not tried again, since the author's own names all that are
    # left.
    found = {name for each in retriers for name in each["ErrorEquals"] if name != "States.ALL"}
    # It has no retries in the Task, since a Catch leads to the wait for the next attempt: the step goes on.
    return found - {wire.RETRY_LATER}


def author_of(state: Json) -> Json:
    """Return the author's own retries of a Task."""
    # Step Functions takes the first retrier that matches, so the one that names all errors is the last.
    author: Json = state["Retry"][-1]
    assert author["ErrorEquals"] == ["States.ALL"], author
    return author


def retrying(author: Json) -> Json:
    """Return how a step is tried again, for whoever decides when a parked run is to go on."""
    delays = {"delay": author["IntervalSeconds"], "rate": author["BackoffRate"]}
    return delays | ({"jitter": True} if "JitterStrategy" in author else {})


def not_final(finals: set[str]) -> set[str]:
    """Return the errors of a Task that are no outcome of its step.

    An error that is tried again is none until it is reported as final: `MailDown` is `Final.MailDown` then.
    """
    return {*NO_OUTCOMES, *(name.removeprefix(wire.FINAL) for name in finals if name.startswith(wire.FINAL))}


def without_errors(catches: Iterable[Json], errors: Collection[str]) -> list[Json]:
    """Return Catch rules without some errors; a rule that catches nothing else is left out."""
    found = [{**each, "ErrorEquals": [name for name in each["ErrorEquals"] if name not in errors]} for each in catches]
    return [each for each in found if each["ErrorEquals"]]


def parking_retries(machine: Json) -> Json:
    """Return a machine without the waits for next attempts: there a run parks, until when the record says."""
    states: Json = {}
    for name, state in machine["States"].items():
        if name.endswith(wire.AGAIN):
            continue
        states[name] = changed = dict(state)
        if "Catch" in state:
            changed["Catch"] = [each for each in state["Catch"] if each["ErrorEquals"] != [wire.RETRY_LATER]]
        if "Branches" in state:
            changed["Branches"] = [parking_retries(each) for each in state["Branches"]]
        if "ItemProcessor" in state:
            changed["ItemProcessor"] = parking_retries(state["ItemProcessor"])
    return {**machine, "States": states}
