"""Leases that another process has taken over meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from durable.store.begun import Leased, Recorded
from durable.store.failure import Failure
from durable.store.forgetting import forget
from durable.store.replacing import replaced
from durable.store.table import Delete, Key, Row, Write
from tests.unit.record.conftest import Bench
from tests.unit.record.test_leases import KEY, begin, later, row


def test_a_lease_that_was_taken_over_while_its_owner_read_the_flag_is_not_put_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = bench.table
    get = table.get

    def late(key: Key) -> Row | None:
        if key == KEY.flag:
            monkeypatch.setattr(table, "get", get)
            later(bench)
            assert begin(bench, "other") == Leased(2)
            table.write(Write(KEY.flag, {"want": "pause"}))
        return get(key)

    monkeypatch.setattr(table, "get", late)
    begin(bench, "first")
    assert (row(bench).owner, row(bench).status) == ("other", "running")


def test_an_attempt_that_lost_its_lease_does_not_give_back_that_of_another(bench: Bench) -> None:
    """The numbers of the two are equal: the step was reset in between."""
    begin(bench, "slow")
    later(bench)
    bench.table.write(forget(KEY.row, row(bench)))
    assert begin(bench, "next") == Leased(1)
    bench.record.give_back(KEY, "slow", 1, Failure("E", "m"), 1)
    assert (row(bench).owner, row(bench).attempts, row(bench).error) == ("next", 1, None)


@pytest.mark.parametrize("way", ["result by hand", "another owner"])
def test_an_outcome_takes_the_lease_away_so_that_nothing_comes_after_it(bench: Bench, way: str) -> None:
    begin(bench, "slow")
    later(bench)
    if way == "result by hand":
        bench.table.write(replaced(KEY.row, row(bench), "by hand", 1))
    else:
        begin(bench, "next")
        bench.record.succeed(KEY, owner="next", result="by hand", at=1)
    outcome = row(bench)
    assert (outcome.result, outcome.owner) == ("by hand", None)
    late = bench.record.succeed(KEY, owner="slow", result="late", at=2)
    bench.record.give_back(KEY, "slow", 1, Failure("E", "m"), 2)
    assert isinstance(late, Recorded)
    assert not bench.record.renew(KEY, "slow")
    assert row(bench) == outcome


@pytest.mark.parametrize("meanwhile", ["begun", "complete", "deleted"])
def test_when_a_next_attempt_is_due_is_noted_only_of_a_step_that_waits_for_one(bench: Bench, meanwhile: str) -> None:
    begin(bench, "first")
    bench.record.fail(KEY, owner="first", failure=Failure("E", "m"), final=False, at=1)
    if meanwhile == "deleted":
        bench.table.write(Delete(KEY.row))
    else:
        begin(bench, "second")
    if meanwhile == "complete":
        bench.record.succeed(KEY, owner="second", result=1, at=2)
    before = bench.table.get(KEY.row)
    bench.record.wake(KEY, 9)
    assert bench.table.get(KEY.row) == before


def test_a_step_that_was_given_a_result_since_it_was_read_does_not_begin(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = bench.table
    begin(bench, "first")
    bench.record.give_back(KEY, "first", 1, Failure("E", "m"), 1)
    write = table.write

    def late(*changes: Write | Delete) -> Any:
        if "history" in getattr(changes[0], "set", ()):
            given = {"status": "complete", "outcome": "result", "result": "by hand", "finished": 1}
            monkeypatch.setattr(table, "write", write)
            table.write(Write(KEY.row, given))
        return write(*changes)

    monkeypatch.setattr(table, "write", late)
    begun = begin(bench, "second")
    assert isinstance(begun, Recorded)
    assert begun.result == "by hand"
