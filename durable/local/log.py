"""What the local server says: one readable line for each event, and an error with the author's own lines, once.

It is the terminal of one's own machine and no log that is kept: it shows what exceptions say. On AWS no log does.
"""

from __future__ import annotations

import logging
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from durable.clock import Clock, SystemClock
from durable.modules import authors_frames, authors_traceback, is_authors, shown
from durable.runs.ids import instance_of
from durable.store.failure import Failure, frames_of, said_by
from durable.store.keys import StepKey

logger = logging.getLogger("durable")

_AGAIN_MS: Final = 1_000
"""How often the repeats of one error have a line, so that many failures at once do not hide everything else."""
_MOST_AGAIN: Final = 100
"""How many characters of an error are said when it was said in full before."""


class WorkingOn:
    """A block in which the lines that the author's code logs say where they are from.

    Attributes:
        attempt: of the step, once it has begun.
    """

    __slots__ = ("_token", "attempt", "step", "what")

    def __init__(self, what: str, step: StepKey | None = None) -> None:
        self.what = what
        self.step = step
        self.attempt: int | None = None

    def __enter__(self) -> None:
        self._token = at_work.set(self)

    def __exit__(self, *_: object) -> None:
        at_work.reset(self._token)


at_work: Final[ContextVar[WorkingOn | None]] = ContextVar("at_work", default=None)
"""For which step, message or request this thread calls the author's code."""


@dataclass(slots=True)
class _Known:
    """An error that was shown: how often it was seen, how often that was said, and when last."""

    what: str
    seen: int = 0
    said: int = 0
    at: int = 0


class ErrorLines:
    """Shows each distinct error once with the author's lines, and then in one line with how often it was seen.

    Two errors are the same when they are of one class and came through the same lines for the same step, queue or
    route.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[object, _Known] = {}

    def show(
        self,
        place: str,
        line: str,
        said: str,
        name: str,
        frames: tuple[str, ...],
        raised: BaseException | None,
    ) -> None:
        """Show an error.

        Args:
            place: the step, queue or route.
            line: the sentence on this occurrence, with `{}` for the error.
            said: the error, which may be long: it is cut once it was said in full.
            name: the error's class.
            frames: the lines that it came through.
            raised: the exception; None where its message must not be shown.
        """
        own, now = tuple(each for each in frames if is_authors(each)), self._clock.now()
        with self._lock:
            # Not by the message, which may differ each time: a thousand failures of one line are one error.
            known = self._known.setdefault((place, name, own), _Known(f"{place}: {name}"))
            known.seen += 1
            first = known.seen == 1
            if not first and now < known.at + _AGAIN_MS:
                return
            known.said, known.at = known.seen, now
        before, _, after = line.rpartition("{}")  # a name before it may have braces too
        line = before + (said if first else _cut(said)) + after
        if not first:
            logger.warning("%s (%d times)", line, known.seen)
        elif raised is not None and authors_frames(raised):
            logger.warning("%s", line, exc_info=(type(raised), raised, authors_traceback(raised)))
        else:
            logger.warning("%s", "\n    ".join([line, *map(shown, own)]))

    def close(self) -> None:
        """Say how often the errors were seen whose last repeats had no line."""
        for known in self._known.values():
            if known.said < known.seen:
                logger.warning("%s was seen %d times", known.what, known.seen)


class TextLog:
    """Writes the runtime's events as lines."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._errors: Final = ErrorLines(clock or SystemClock())
        self._ended: Final[set[tuple[str, str]]] = set()

    def attempt_begun(self, attempt: int) -> None:
        work = at_work.get()
        if work is not None:
            work.attempt = attempt

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None:
        line = f"{key.workflow}/{key.instance} step {step}: attempt {attempt} failed with {{}}"
        line += "" if final else "; it will be retried"
        self._show(f"{key.workflow} step {step}", line, failure)

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None:
        line = f"queue {queue} message {message}: delivery {attempt} failed with {{}}"
        self._show(f"queue {queue}", line, failure)

    def request_failed(self, route: str, error: BaseException) -> None:
        name, message = type(error).__name__, said_by(error)
        said = f"{name}: {message}" if message else name
        self._errors.show(route, f"{route} failed with {{}}", said, name, frames_of(error), error)

    def run_ended(self, workflow: str, execution: str, status: str, error: str = "") -> None:
        run = f"{workflow}/{instance_of(execution)}"
        if error:
            known = (workflow, error.partition(": ")[0])
            logger.warning("%s errored with %s", run, _cut(error) if known in self._ended else error)
            self._ended.add(known)
        else:
            logger.info("%s %s", run, "complete" if status == "SUCCEEDED" else "stopped")

    def close(self) -> None:
        """Say what was counted and not said."""
        self._errors.close()

    def _show(self, place: str, line: str, failure: Failure) -> None:
        name = failure.exception or failure.name
        self._errors.show(place, line, _named(failure), name, failure.frames, failure.raised)


def _cut(said: str) -> str:
    """Return the beginning of an error that was said in full before."""
    first, *others = said.splitlines()
    return f"{first[:_MOST_AGAIN]}…" if others or len(first) > _MOST_AGAIN else first


def _named(failure: Failure) -> str:
    """Return an error's own class, and what it says."""
    name = failure.exception or failure.name
    said = failure.detail or (failure.message if name == failure.name else "")
    return f"{name}: {said}" if said else name
