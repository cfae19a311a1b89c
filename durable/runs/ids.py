"""The ids of runs, and the names of their executions."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from durable.runs.record import INSTANCE_ID

DRAWN_BYTES: Final = 10
"""How many random bytes an id is made of; 74 of their 80 bits are in it."""
_TIME: Final = (1 << 48) - 1
_LAST: Final = (1 << 62) - 1
_VARIANT: Final = 1 << 63


def random_id(now: int, drawn: bytes | None = None) -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status.

    It is a UUID of version 7 (RFC 9562), with 74 random bits after the time. SQLite's indexes begin with the id: those
    of runs of one minute are side by side there, and a commit writes few pages however many runs there were before.

    Args:
        now: in milliseconds since 1970.
        drawn: the random bytes that it is made of.
    """
    number = int.from_bytes(drawn or os.urandom(DRAWN_BYTES))
    # 48 bits of time, the version in 4, 12 random ones, the variant in 2, and 62 random ones.
    text = f"{now & _TIME:012x}7{number & 0xFFF:03x}{(number >> 12) & _LAST | _VARIANT:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def instance_id(workflow: str, id: str | None, idempotency_key: str | None, now: int, drawn: bytes) -> str:
    """Return the id of a run that is created: the one that is given, one made of the key, or one of random bytes.

    Raises:
        ValueError: the id is not 1 to 64 of [A-Za-z0-9_-].
    """
    if id is not None:
        if not INSTANCE_ID.fullmatch(id):
            raise ValueError("a run's id is 1 to 64 of A-Z a-z 0-9 _ -")
        return id
    if idempotency_key is not None:
        # A hash: a key has up to 255 characters, and more kinds of them than an id takes.
        return "key-" + hashlib.sha256(f"{workflow}\0{idempotency_key}".encode()).hexdigest()[:48]
    return random_id(now, drawn)


def execution_name(instance: str, drawn: bytes | None = None) -> str:
    """Return a name for an execution of the run, which is no other's: 73 characters at most.

    Args:
        drawn: the four random bytes that it ends with.
    """
    return f"{instance}.{(drawn or os.urandom(4)).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]
