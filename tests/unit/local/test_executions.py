"""Executions in the journal: what was handed over counts, also before it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.local.executions import Executions, Stored
from durable.local.journal import Journal
from durable.local.waits import Idle

LONG_SECONDS = 60.0


@pytest.fixture
def executions(tmp_path: Path) -> Iterator[Executions]:
    """Executions in a journal that commits what nobody waits for after a minute."""
    journal = Journal(tmp_path, linger=LONG_SECONDS)
    yield Executions(journal)
    journal.close()


def test_an_execution_is_open_as_soon_as_it_is_put_and_until_it_is_deleted(executions: Executions) -> None:
    executions.put(Stored("at work", "w", "d", {}), None, was_idle=False)
    executions.put(Stored("idle", "w", "d", {}), Idle([], ["token"]), was_idle=False)
    assert [name for name, _ in executions.idle()] == ["idle"]
    assert list(executions.at_work()) == ["at work"]
    assert list(executions.on("d")) == [("w", "at work"), ("w", "idle")]


def test_an_execution_that_was_deleted_is_not_found_again(executions: Executions) -> None:
    executions.put(Stored("at work", "w", "d", {}), None, was_idle=False)
    executions.put(Stored("idle", "w", "d", {}), Idle([], []), was_idle=False)
    assert list(executions.at_work()) == ["at work"]
    executions.delete("idle", was_idle=True)
    assert list(executions.idle()) == []
    executions.delete("at work", was_idle=False)
    assert list(executions.at_work()) == []
