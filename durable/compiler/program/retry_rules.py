"""The Retry of Tasks: which errors are tried again, how often, and after which delays."""

from __future__ import annotations

import math
from typing import Any

from durable import wire
from durable.compiler.program.tree import StepCall
from durable.compiler.source.names import TOKEN_RETRIES
from durable.errors import NonRetryableError
from durable.store.leases import LEASE_MS

Json = dict[str, Any]

NEVER_RETRIED = (
    "InvalidInput",
    "InvalidResult",
    "NonRetryableError",
    "StaleResult",
    "States.QueryEvaluationError",
    "Stopped",
)
"""The errors that no attempt can mend; an expression around the step fails again too, after the step was done."""
_SOON: Json = {
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": TOKEN_RETRIES,
    "MaxDelaySeconds": 30,
    "JitterStrategy": "FULL",
}
_THROTTLED: Json = {
    "ErrorEquals": list(wire.LAMBDA_FAULTS),
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxAttempts": 20,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
"""Outlasts a throttle of minutes: up to 15, and half of that by the jitter's mean."""
TOKEN_RETRY: list[Json] = [
    {
        "ErrorEquals": sorted({*NEVER_RETRIED, "CallbackFailed", "ChildWorkflowError", "StepTimeoutError"}),
        "MaxAttempts": 0,
    },
    _THROTTLED,
    {"ErrorEquals": ["States.ALL"], **_SOON},
]
"""What is delivered by the token is final. All else is tried again, also when the Task's own time is over: the record
decides, under a new token, whether there was an event in time."""
RACE_ENDS: Json = {
    "ErrorEquals": sorted({wire.RACE_OVER, "StepError", "Stopped", "States.QueryEvaluationError"}),
    "MaxAttempts": 0,
}
"""What the function of races says is final."""
RACE_RETRY: list[Json] = [RACE_ENDS, _THROTTLED, {"ErrorEquals": ["States.ALL"], **_SOON}]
_HELD_SECONDS = 15
"""How often a lease that another attempt holds is asked for: each time costs a transition and a call of Lambda."""
_LEASE_SECONDS = LEASE_MS // 1000


def retries(step: StepCall) -> list[Json]:
    """Return the Retry of a step: held leases, faults and crashes of Lambda, final errors, the author's retries.

    The record counts the attempts. A lease that is held, a throttle and a crash are retried outside of the author's
    attempts: after a crash the record has counted one, and answers with the step's failure when there is no other.
    """
    attempts = step.retries.limit + 1
    # A live owner may hold its lease until its Lambda's time is over; one that crashed for its last 30 seconds.
    longest = wire.lambda_seconds(step.timeout_seconds) + _LEASE_SECONDS
    per_crash = math.ceil(_LEASE_SECONDS / _HELD_SECONDS) + 1
    # The step marks an error as final when it has no attempts left: the Task must not try it again by its own count.
    marked = (name for name in step.errors if name.startswith(wire.FINAL))
    final = {*step.signature.non_retryable(), *marked, *NEVER_RETRIED}
    if step.waits_by_itself:
        final.add(wire.RETRY_LATER)
    if step.place.races:
        final.add(wire.RACE_OVER)
    author: Json = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": step.retries.delay_seconds,
        "BackoffRate": step.retries.rate,
        "MaxAttempts": step.retries.limit,
    }
    if step.retries.jitter:
        author["JitterStrategy"] = "FULL"
    # The first that matches decides: so the author's, which names all, comes last.
    return [
        {
            "ErrorEquals": list(wire.LEASE_HELD),
            "IntervalSeconds": _HELD_SECONDS,
            "BackoffRate": 1,
            "MaxAttempts": math.ceil(longest / _HELD_SECONDS) + per_crash * attempts,
        },
        _THROTTLED,
        {
            "ErrorEquals": list(wire.CRASHES),
            # One second after the lease of the process that died is over: an earlier attempt would only find it held.
            "IntervalSeconds": _LEASE_SECONDS + 1,
            "BackoffRate": 1,
            "MaxAttempts": attempts,
        },
        {"ErrorEquals": sorted(final), "MaxAttempts": 0},
        author,
    ]


def tried_once(step: StepCall) -> list[str]:
    """Return the errors of a step that its `retry_if` leaves out; what is never retried anyway is not among them."""
    tried_again = (*step.retries.retry_if, NonRetryableError)
    own = (name for name in step.errors if name not in wire.REPORTED_BY_AWS and not name.startswith(wire.FINAL))
    return sorted(name for name in own if not issubclass(step.errors[name], tried_again))
