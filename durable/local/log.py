"""What the local server says: one readable line for each event."""

from __future__ import annotations

import logging
from typing import Final

from durable.runs.ids import instance_of
from durable.store.failure import Failure
from durable.store.keys import StepKey

logger = logging.getLogger("durable")


_WORDS: Final = {"SUCCEEDED": "complete", "ABORTED": "stopped", "TIMED_OUT": "timed out"}


class TextLog:
    """Writes the runtime's events as lines."""

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None:
        logger.warning(
            "%s/%s step %s: attempt %d failed with %s%s%s%s",
            key.workflow,
            key.instance,
            step,
            attempt,
            failure.name,
            f" ({failure.exception})" if failure.exception not in ("", failure.name) else "",
            _said(failure),
            "" if final else "; it will be retried",
        )
        for frame in failure.frames:
            logger.debug("    %s", frame)

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None:
        logger.warning(
            "queue %s message %s: delivery %d failed with %s%s",
            queue,
            message,
            attempt,
            failure.exception or failure.name,
            _said(failure),
        )

    def run_ended(self, workflow: str, execution: str, status: str) -> None:
        logger.info("%s/%s %s", workflow, instance_of(execution), _WORDS.get(status, "errored"))


def _said(failure: Failure) -> str:
    """Return what the exception said: the terminal of one's own machine is no log that is kept."""
    return f": {failure.detail}" if failure.detail else ""


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage().replace("\n", " ")
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        return f"{self.formatTime(record, '%H:%M:%S')} {level}{text}"


def to_terminal() -> None:
    """Send the lines to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
