"""The ids of runs, and the names of their executions."""

from __future__ import annotations

import os
import uuid


def random_id() -> str:
    """Return an id that nobody can guess: whoever has it may see the run's status."""
    return str(uuid.uuid4())


def execution_name(instance: str) -> str:
    """Return a name for an execution of the run, which is no other's: 73 characters at most."""
    return f"{instance}.{os.urandom(4).hex()}"


def instance_of(execution: str) -> str:
    return execution.rpartition(".")[0]
