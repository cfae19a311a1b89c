"""Why an attempt failed: what anyone may see of it, and what only operators and the run itself do."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NotRequired, TypedDict

from durable.durations import milliseconds
from durable.errors import (
    InvalidInput,
    InvalidResult,
    NonRetryableError,
    PublicError,
    StaleResult,
    StepError,
    StepTimeoutError,
    public_message,
)
from durable.retries import RetryAfter

_MOST_SAID: Final = 500
"""How many characters of an error's message are kept of each earlier attempt: a row holds 400 KB."""
MAX_MESSAGE_BYTES: Final = 4_096
"""What an exception says is cut to this much UTF-8."""
_OUTERMOST_FRAMES: Final = 10
_INNERMOST_FRAMES: Final = 40
"""A row holds 400 KB, and the traceback of a RecursionError has a thousand frames: those in the middle are left out."""
OURS: Final = (InvalidInput, InvalidResult, StaleResult, StepTimeoutError)
"""The errors that the wrapper of a step raises itself."""


class FailureRow(TypedDict):
    """A failure as a row holds it."""

    name: str
    message: str
    exception: str
    frames: Sequence[str]
    detail: NotRequired[str]
    public: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt.

    Attributes:
        name: the error's name on the wire.
        message: a sentence for anyone.
        exception: the exception's own class, for operators.
        frames: where it came through, for operators.
        retry_ms: how long to wait before the next attempt, where the error says; not kept.
        detail: what the exception said, for the run and for operators. It may hold personal data, so no log has it.
            It is empty for a sensitive step, and where `message` says the same.
        public: whether its author made it public, by PublicError: the cause is then something that whoever started the
            run can mend.
        raised: the exception itself, for the terminal of one's own machine; None for a sensitive step. It is in no row.
    """

    name: str
    message: str
    exception: str = ""
    frames: tuple[str, ...] = ()
    detail: str = field(default="", repr=False)
    retry_ms: int | None = field(default=None, compare=False)
    raised: BaseException | None = field(default=None, repr=False, compare=False)
    public: bool = False

    @property
    def text(self) -> str:
        """What `str(error)` is in `run`."""
        return self.detail or self.message

    def as_row(self) -> FailureRow:
        row: FailureRow = {
            "name": self.name,
            "message": self.message,
            "exception": self.exception,
            "frames": list(self.frames),
        }
        if self.detail:
            row["detail"] = self.detail
        if self.public:
            row["public"] = True
        return row

    @classmethod
    def from_row(cls, row: FailureRow) -> Failure:
        public, detail = row.get("public", False), row.get("detail", "")
        return cls(row["name"], row["message"], row["exception"], tuple(row["frames"]), detail, public=public)


def failure_of(error: BaseException, errors: Mapping[str, type[Exception]], *, sensitive: bool = False) -> Failure:
    """Return an exception of a step's function as the step reports it.

    Args:
        errors: the classes that are reported under their own names, by name; an exception of another class is reported
            as the nearest of those that it is derived from.
        sensitive: nothing of what the exception says is kept.
    """
    cls = type(error)
    frames, raised = frames_of(error), None if sensitive else error
    if isinstance(error, OURS):
        # What these two say is paths of fields and kinds of errors, and no data: it may be shown to anyone.
        detail = f" {error}." if isinstance(error, InvalidInput | InvalidResult) and error.args else ""
        return Failure(cls.__name__, public_message(cls) + detail, cls.__name__, frames, raised=raised)
    # By identity: a class of the same name from another module is not the one that `run` catches.
    known = next((each for each in cls.__mro__ if errors.get(each.__name__) is each), None)
    if isinstance(error, NonRetryableError) and known is not None and not issubclass(known, NonRetryableError):
        known = None  # else it would be tried again
    reported = known or (NonRetryableError if isinstance(error, NonRetryableError) else StepError)
    said = "" if sensitive else said_by(error)
    retry_ms = milliseconds(error.delay) if isinstance(error, RetryAfter) else None
    if isinstance(error, PublicError):
        message = said or public_message(cls)
        return Failure(reported.__name__, message, cls.__name__, frames, retry_ms=retry_ms, raised=raised, public=True)
    return Failure(reported.__name__, public_message(reported), cls.__name__, frames, said, retry_ms, raised)


def said_by(error: BaseException) -> str:
    """Return the message that an exception was raised with, as text that can be stored; a long one is cut."""
    if not error.args and type(error).__str__ in _PLAIN:
        return ""
    try:
        said = str(error)
    except Exception:  # an author's own __str__
        return ""
    data = said.encode("utf-8", "replace")
    # Cut by bytes and not by characters: DynamoDB counts bytes. A character that was cut in two is left out.
    if len(data) > MAX_MESSAGE_BYTES:
        return data[: MAX_MESSAGE_BYTES - 3].decode("utf-8", "ignore") + "…"
    return data.decode()


_PLAIN: Final = (BaseException.__str__, StepError.__str__)
"""What writes an exception that was raised without a message: as nothing, or as its class's docstring."""


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Return where the error came through, outermost first, without the lines of source or any message.

    Of a deep traceback the first 10 and the last 40 frames are returned.
    """
    # Not `traceback.extract_tb`: that reads the source of every frame from the disk.
    walked = traceback.walk_tb(error.__traceback__)
    found = [f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_name}" for frame, line in walked]
    if len(found) > _OUTERMOST_FRAMES + _INNERMOST_FRAMES:
        del found[_OUTERMOST_FRAMES:-_INNERMOST_FRAMES]
    return tuple(found)


def shortened(error: FailureRow) -> dict[str, str]:
    """Return an error as it is kept of an earlier attempt, whose frames nobody looks at any more."""
    kept = {"name": error["name"], "message": _cut(error["message"]), "exception": error["exception"]}
    return kept | {"detail": _cut(error["detail"])} if "detail" in error else kept


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_SAID else text[: _MOST_SAID - 1] + "…"
