"""The ids of runs, and the names of their executions."""

from __future__ import annotations

import hashlib
import os
import uuid

from durable.runs.record import INSTANCE_ID


def random_id() -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status."""
    return str(uuid.uuid4())


def instance_id(workflow: str, id: str | None, idempotency_key: str | None) -> str:
    """Return the id of a run that is created: the one that is given, one made of the key, or a random one.

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
    return random_id()


def execution_name(instance: str) -> str:
    """Return a name for an execution of the run, which is no other's: 73 characters at most."""
    return f"{instance}.{os.urandom(4).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]
