"""Executions in the journal: what was handed over counts, also before it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.local.executions import Executions, Rest, Stored
from durable.local.journal import Journal

LONG_SECONDS = 60.0


@pytest.fixture
def executions(tmp_path: Path) -> Iterator[Executions]:
    """Executions in a journal that commits what nobody waits for after a minute."""
    journal = Journal(tmp_path, linger=LONG_SECONDS)
    yield Executions(journal)
    journal.close()


def test_an_execution_is_open_as_soon_as_it_is_put_and_until_it_is_deleted(executions: Executions) -> None:
    executions.put(Stored("moving", "w", "d", {}), None, rested=False)
    executions.put(Stored("resting", "w", "d", {}), Rest([], ["token"]), rested=False)
    assert [name for name, _ in executions.resting()] == ["resting"]
    assert list(executions.moving()) == ["moving"]
    assert list(executions.on("d")) == [("w", "moving"), ("w", "resting")]


def test_an_execution_that_was_deleted_is_not_found_again(executions: Executions) -> None:
    executions.put(Stored("moving", "w", "d", {}), None, rested=False)
    executions.put(Stored("resting", "w", "d", {}), Rest([], []), rested=False)
    assert list(executions.moving()) == ["moving"]
    executions.delete("resting", rested=True)
    assert list(executions.resting()) == []
    executions.delete("moving", rested=False)
    assert list(executions.moving()) == []
