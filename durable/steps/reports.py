"""What a Task is told of a step that failed: an exception, whose class and message Lambda reports.

Lambda's runtime writes the message of an exception to the log, and to the trace, where personal data does not belong.
So what an outcome says is in it only where `run` reads that. Everybody else reads it in the record.
"""

from __future__ import annotations

from collections.abc import Sequence

from durable.errors import public_message
from durable.store.failure import Failure
from durable.store.large_values import ValuesBusy
from durable.store.table import TableBusy
from durable.wire import RETRY_LATER, CallTask, RaceTask, StepEvent, WaitTask, failure_message, retry_message

Event = StepEvent | WaitTask | CallTask | RaceTask


def refusal(error: type[Exception], event: Event) -> Exception:
    """Return what to raise in place of an outcome of the step: an error of ours, in our words."""
    return reported(Failure(error.__name__, public_message(error)), event)


def busy(error: ValuesBusy) -> Failure:
    """Return a fault of where large values are kept, as a failure that an operator reads."""
    return Failure(ValuesBusy.__name__, public_message(ValuesBusy), detail=str(error))


def fault(failure: Failure, event: Event) -> Exception:
    """Return what to raise for an attempt that was given back, since it failed by a fault which is not the step's.

    Its name is that of a busy table: the Retry of every Task that was ever compiled has it, beside held leases.
    """
    return _named(TableBusy.__name__, failure_message(_path(event), failure.message, None))


def retried_later(event: Event, due: int) -> Exception:
    """Return what to raise for an attempt that is followed by another at a time, in milliseconds since 1970."""
    return _named(RETRY_LATER, retry_message(_path(event), due))


def reported(
    failure: Failure,
    event: Event,
    at: int | None = None,
    *,
    says: Sequence[str] = (),
    mark: str = "",
) -> Exception:
    """Return an exception whose class has the wire's error name; its message says which step failed, and when.

    Args:
        at: when the step failed, in milliseconds since 1970; None for what is no outcome of it, whose words are ours.
        says: the errors whose messages `run` reads.
        mark: stands before the name.
    """
    text = failure.text if at is None or failure.name in says else ""
    return _named(mark + failure.name, failure_message(_path(event), text, at))


def _path(event: Event) -> str:
    return event.get("key", event["step"])


def _named(name: str, message: str) -> Exception:
    error: Exception = type(name, (Exception,), {})(message)
    return error
