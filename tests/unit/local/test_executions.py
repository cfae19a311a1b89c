"""Executions in the journal: what was handed over counts, also before it is committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.local.engine.executions import Executions, Stored
from durable.local.engine.waits import Idle
from durable.local.storage.journal import Journal

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


def test_definitions_that_nothing_runs_on_any_more_are_removed(executions: Executions) -> None:
    old, new, today = (
        executions.define({"QueryLanguage": "JSONata", "StartAt": each, "States": {each: {"Type": "Succeed"}}})
        for each in ("old", "new", "today")
    )
    executions.put(Stored("one", "w", old.hash, {}), Idle([], []), was_idle=False)
    executions.put(Stored("two", "w", new.hash, {}), None, was_idle=False)
    assert executions.forget_definitions([today.hash]) == 0
    executions.delete("one", was_idle=True)
    assert executions.forget_definitions([today.hash]) == 1
    executions._journal.flush()
    assert {key for key, _ in executions.definitions()} == {new.hash, today.hash}
    assert executions.machine(new.hash) is new.machine


def test_a_snapshot_that_no_file_takes_is_refused_before_it_reaches_the_journal(executions: Executions) -> None:
    with pytest.raises(UnicodeEncodeError):
        executions.put(Stored("one", "w", "d", {"value": "\ud800"}), None, was_idle=False)
    executions.put(Stored("two", "w", "d", {"value": "é"}), None, was_idle=False)
    assert list(executions.at_work()) == ["two"]
