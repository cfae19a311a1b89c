"""Which steps of a run are run again by a retry or a restart, and which may be given a result in place of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from durable.errors import RunConflict, StepError
from durable.runs.transitions import From
from durable.store.rows import AnyStep, Header, StepRow, WaitRow
from durable.wire import CALLBACK_WAIT


def failed_steps(header: Header, steps: Iterable[AnyStep]) -> Iterator[AnyStep]:
    """Yield the steps that a retry runs again: the one whose error ended the run, those whose errors nothing in the
    run catches, and those that have no outcome, for their attempts are counted anew; not those that wait, whose
    deadlines stay as they are."""
    for row in steps:
        is_unhandled = row.outcome == "error" and not row.handled
        if is_unhandled or _is_stopped(row) or row.sort == header.ended_by:
            yield row


def _is_stopped(row: AnyStep) -> bool:
    """Whether a step of a run that is over was not ended: its process has died, or the run went on without it."""
    return row.outcome is None and row.status != "waiting"


def begun_by(failed: Sequence[AnyStep], steps: Iterable[AnyStep]) -> Iterator[AnyStep]:
    """Yield the steps whose callbacks failed or were not completed in time: they are begun again, with new ones."""
    # The step itself has succeeded, but what it began will not complete it any more.
    names = {row.sort.replace(CALLBACK_WAIT, "") for row in failed if row.step.endswith(CALLBACK_WAIT)}
    yield from (row for row in steps if row.sort in names and row not in failed)


def steps_from(start: From, steps: Sequence[AnyStep]) -> Sequence[AnyStep]:
    """Return a step and all that were begun after it.

    Raises:
        RunConflict: the run has not begun the step.
    """
    rounds = [number for number, row in enumerate(steps) if row.step == start.name]
    if len(rounds) < start.count:
        raise RunConflict("The run has not begun that step: restart it from one that its steps show.")
    return steps[rounds[start.count - 1] :]


def failed_at(header: Header, steps: Sequence[AnyStep]) -> AnyStep:
    """Return the step whose error ended a run.

    Raises:
        RunConflict: it was none.
    """
    found = next((row for row in steps if row.sort == header.ended_by), None)
    # A step whose process died in each attempt may have no outcome: Step Functions does not say then which it was.
    by_a_step = header.ended_by is None and header.error is not None and header.error["name"] == StepError.__name__
    stopped = [row for row in steps if _is_stopped(row)] if by_a_step else []
    if len(stopped) == 1:
        return stopped[0]
    if found is None:
        raise RunConflict("The run failed in its own code and at no step: restart it from a step, with its result.")
    return found


def replaceable(row: AnyStep) -> StepRow:
    """Return a step that may be given a result.

    Raises:
        RunConflict: it may not; the message says what to do instead.
    """
    if isinstance(row, WaitRow):
        instead = {
            "event": "send it the event or complete its callback, and restart it from that step",
            "child": "operate the run that it called, or restart from that step",
            "race": "restart from a step of one of its branches",
        }
        raise RunConflict(f'"{row.step}" is no step whose function returns a result: {instead[row.kind]}.')
    if row.secret is not None:
        raise RunConflict(f'"{row.step}" is completed by its callback: restart from it, and complete that.')
    if row.sensitive:
        raise RunConflict(f'The step "{row.step}" is sensitive, and its result stands in no record: restart from it.')
    return row
