"""Why an attempt failed, without anybody's data."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict


class FailureRow(TypedDict):
    """A failure as a row holds it."""

    name: str
    message: str
    exception: str
    frames: Sequence[str]


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: the wire's error name, a sentence for anyone, and what only an operator sees."""

    name: str
    message: str
    exception: str = ""
    frames: tuple[str, ...] = ()

    def as_row(self) -> FailureRow:
        return {"name": self.name, "message": self.message, "exception": self.exception, "frames": list(self.frames)}

    @classmethod
    def from_row(cls, row: FailureRow) -> Failure:
        return cls(row["name"], row["message"], row["exception"], tuple(row["frames"]))


def frames_of(error: BaseException) -> tuple[str, ...]:
    """Return where the error came through, outermost first, without the lines of source or any message."""
    return tuple(
        f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    )
