"""The ids of runs, and the names of their executions."""

from __future__ import annotations

import hashlib
import os
import uuid
from typing import Final

from durable.runs.record import INSTANCE_ID

DRAWN_BYTES: Final = 16
"""How many random bytes an id is made of."""


def random_id(drawn: bytes | None = None) -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status.

    Args:
        drawn: the random bytes that it is made of.
    """
    return str(uuid.UUID(bytes=drawn or os.urandom(DRAWN_BYTES), version=4))


def instance_id(workflow: str, id: str | None, idempotency_key: str | None, drawn: bytes) -> str:
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
    return random_id(drawn)


def execution_name(instance: str, drawn: bytes | None = None) -> str:
    """Return a name for an execution of the run, which is no other's: 73 characters at most.

    Args:
        drawn: the four random bytes that it ends with.
    """
    return f"{instance}.{(drawn or os.urandom(4)).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]
