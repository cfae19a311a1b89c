"""Leases of steps whose writes are lost, throttled or refused, and of steps whose process ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from durable.steps.attempt import Hang
from durable.steps.step import Deadline
from durable.store.begun import Exhausted, Held, Leased
from durable.store.callback_tokens import CallbackKey
from durable.store.keys import FLAG, StepKey
from durable.store.leases import LEASE_MS, Leases
from durable.store.record import StepRecord
from durable.store.rows import StepRow
from durable.store.table import Delete, Key, Row, TableBusy, Write
from durable.testing.table import MemoryTable
from durable.wire import LAMBDA_MARGIN_SECONDS
from tests.unit.record import steps
from tests.unit.record.conftest import Bench

KEY = StepKey("shop", "one", 1, "charge")
CHARGED = "charged 5"


class Unreliable(MemoryTable):
    """A table that is throttled, or whose answers are lost, so that boto3 sends a write again."""

    busy = 0
    lost = 0

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        if self.busy:
            self.busy -= 1
            raise TableBusy
        written = super().write(*changes)
        if self.lost:
            self.lost -= 1
            return super().write(*changes)
        return written


@pytest.fixture
def table(bench: Bench) -> Unreliable:
    """The bench's table, unreliable from now on."""
    bench.table = Unreliable(bench.clock)
    bench.record = StepRecord(bench.table, bench.clock, pause=lambda ms: bench.clock.advance_to(bench.clock.now() + ms))
    return bench.table


def row(bench: Bench) -> StepRow:
    return StepRow.from_row(bench.table.get(KEY.row) or {})


def begin(bench: Bench, owner: str, *, limit: int = 3, handled: bool = False) -> Any:
    return bench.record.begin(KEY, "charge", owner=owner, limit=limit, input_hash="h", handled=handled)


def later(bench: Bench, milliseconds: int = LEASE_MS + 1) -> None:
    bench.clock.advance_to(bench.clock.now() + milliseconds)


def then(act: Callable[[], None]) -> Deadline:
    """Return a deadline that does something when the step's function has ended."""

    @contextmanager
    def deadline(seconds: int) -> Iterator[None]:
        try:
            yield
        finally:
            act()

    return deadline


def dies(bench: Bench, owner: str, *, attempts: int) -> None:
    """Run the step in a process that ends before its function does."""

    @contextmanager
    def deadline(seconds: int) -> Iterator[None]:
        raise Hang
        yield

    with pytest.raises(Hang):
        bench.handler(deadline=deadline)(bench.event(attempts=attempts), owner)
    later(bench)


def name_of(call: Callable[[], Any]) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011  # its class is made when it is raised
        call()
    return type(caught.value).__name__


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_lease_whose_answer_was_lost_is_known_to_be_ones_own(bench: Bench, table: Unreliable, attempt: int) -> None:
    if attempt == 2:
        begin(bench, "dead")
        later(bench)
    table.lost = 1
    assert bench.handler()(bench.event(), "a")["result"] == CHARGED
    assert steps.calls == [(5, "shop/one/1/charge", attempt)]
    assert row(bench).attempts == attempt


def test_a_lease_that_was_lost_and_has_ended_meanwhile_is_renewed_before_the_step_runs(
    bench: Bench, table: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = table.write

    def slow(*changes: Write | Delete) -> tuple[Row | None, ...]:
        monkeypatch.setattr(table, "write", write)
        try:
            return write(*changes)
        finally:
            later(bench)

    monkeypatch.setattr(table, "write", slow)
    assert begin(bench, "a") == Leased(1)
    assert Leases(bench.clock).is_held(row(bench))


def test_a_lease_that_has_aged_while_the_flag_was_read_is_renewed_before_the_step_runs(
    bench: Bench, table: Unreliable, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = table.get

    def slow(key: Key) -> Row | None:
        if key.sort.startswith(FLAG):
            later(bench)
        return get(key)

    monkeypatch.setattr(table, "get", slow)
    assert begin(bench, "a") == Leased(1)
    assert Leases(bench.clock).is_held(row(bench))


@pytest.mark.parametrize("failing", [False, True])
def test_an_outcome_whose_answer_was_lost_is_recorded_once(bench: Bench, table: Unreliable, failing: bool) -> None:
    handler = bench.handler(deadline=then(lambda: setattr(table, "lost", 1)))
    if failing:
        steps.raises[:] = [ValueError()]
        assert name_of(lambda: handler(bench.event(), "a")) == "StepError"
        assert (row(bench).status, row(bench).attempts) == ("retrying", 1)
    else:
        assert handler(bench.event(), "a")["result"] == CHARGED
    assert not table.lost


@pytest.mark.parametrize("failing", [False, True])
def test_an_outcome_that_the_table_was_too_busy_for_is_written_again(
    bench: Bench, table: Unreliable, failing: bool
) -> None:
    handler = bench.handler(deadline=then(lambda: setattr(table, "busy", 5)))
    if failing:
        steps.raises[:] = [ValueError()]
        assert name_of(lambda: handler(bench.event(), "a")) == "StepError"
    else:
        assert handler(bench.event(), "a")["result"] == CHARGED
    assert len(steps.calls) == 1
    assert (row(bench).attempts, row(bench).owner) == (1, None)


def test_a_table_that_stays_too_busy_ends_the_invocation_before_its_lambda_does(
    bench: Bench, table: Unreliable
) -> None:
    handler = bench.handler(deadline=then(lambda: setattr(table, "busy", 10_000)))
    began = bench.clock.now()
    assert name_of(lambda: handler(bench.event(), "a")) == "TableBusy"
    assert 10_000 < bench.clock.now() - began < 1000 * LAMBDA_MARGIN_SECONDS


def test_a_step_that_ends_its_process_each_time_counts_an_attempt_each_time_and_fails_after_the_last(
    bench: Bench,
) -> None:
    for number in (1, 2, 3):
        assert begin(bench, f"owner {number}") == Leased(number)
        assert begin(bench, "another") == Held()
        later(bench)
    ended = bench.clock.now()
    assert isinstance(begin(bench, "last", handled=True), Exhausted)
    final = row(bench)
    assert (final.status, final.attempts, final.finished, final.handled) == ("errored", 3, ended, True)
    assert final.error is not None
    assert final.error["name"] == "StepError"


def test_a_step_whose_attempts_ended_with_their_processes_is_reported_as_failed_and_logged(bench: Bench) -> None:
    for owner in ("first", "second"):
        dies(bench, owner, attempts=1)
    handler = bench.handler()
    names = [name_of(partial(handler, bench.event(attempts=1), owner)) for owner in "ab"]
    assert names == ["Final.StepError", "Final.StepError"]
    assert not steps.calls
    assert len(bench.log.lines) == 1
    assert "process ended" in bench.log.lines[0]


def test_a_step_that_may_be_tried_once_has_a_second_attempt_when_its_process_was_ended(bench: Bench) -> None:
    dies(bench, "killed", attempts=1)
    assert bench.handler()(bench.event(attempts=1), "a")["result"] == CHARGED


def test_a_step_that_waits_for_its_next_attempt_is_not_one_that_ended_with_its_process(bench: Bench) -> None:
    """A deployment may lower the number of attempts while a step waits for the next one."""
    steps.raises[:] = [ValueError(), ValueError()]
    handler = bench.handler()
    assert name_of(lambda: handler(bench.event(attempts=9), "a")) == "StepError"
    later(bench)
    assert name_of(lambda: handler(bench.event(attempts=1), "b")) == "Final.StepError"
    assert len(steps.calls) == 2


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_whatever_ends_an_attempt_gives_up_its_lease(bench: Bench, error: BaseException) -> None:
    steps.raises[:] = [error]
    assert name_of(lambda: bench.handler()(bench.event(), "a")) == "StepError"
    assert (row(bench).status, row(bench).owner) == ("retrying", None)


def test_a_lease_is_renewed_while_the_step_works_and_only_then(bench: Bench) -> None:
    renewals: list[Callable[[], bool]] = []

    @contextmanager
    def keep(renew: Callable[[], bool]) -> Iterator[None]:
        renewals.append(renew)
        for _ in range(10):
            later(bench, 10_000)
            assert renew()
            assert begin(bench, "another") == Held()
        yield

    handler = bench.handler(keep=keep)
    assert handler(bench.event(), "a")["result"] == CHARGED
    (renew,) = renewals
    assert not renew()


def test_a_lease_that_was_taken_over_is_not_renewed(bench: Bench) -> None:
    begin(bench, "slow")
    later(bench)
    begin(bench, "next")
    assert not bench.record.renew(KEY, "slow")
    assert bench.record.renew(KEY, "next")


def test_a_lease_that_is_renewed_while_it_is_taken_over_stays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(bench, "slow")
    later(bench)
    is_held = Leases.is_held

    def meanwhile(self: Leases, step: StepRow) -> bool:
        held = is_held(self, step)
        assert bench.record.renew(KEY, "slow")
        return held

    monkeypatch.setattr(Leases, "is_held", meanwhile)
    assert begin(bench, "next") == Held()


def test_where_it_is_known_who_is_at_work_the_time_of_a_lease_says_nothing(bench: Bench) -> None:
    at_work = {"a"}
    bench.record = StepRecord(bench.table, bench.clock, leases=Leases(bench.clock, at_work=at_work.__contains__))
    begin(bench, "a")
    later(bench, 86_400_000)
    assert begin(bench, "b") == Held()
    at_work.clear()
    assert begin(bench, "b") == Leased(2)


def test_a_step_that_a_stop_keeps_from_beginning_leaves_what_was_there(bench: Bench) -> None:
    begin(bench, "dead")
    later(bench)
    before = bench.table.query("shop#one")
    bench.table.write(Write(Key("shop#one", FLAG), {"want": "pause"}))
    name_of(lambda: bench.handler()(bench.event(), "a"))
    assert [each for each in bench.table.query("shop#one") if each["sort"] != FLAG] == list(before)


def test_a_first_attempt_that_a_stop_keeps_from_beginning_is_forgotten_and_not_deleted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role of a step's Lambda may delete no row."""
    written: list[Write | Delete] = []
    write = bench.table.write

    def noted(*changes: Write | Delete) -> Sequence[Row | None]:
        written.extend(changes)
        return write(*changes)

    monkeypatch.setattr(bench.table, "write", noted)
    bench.table.write(Write(Key("shop#one", FLAG), {"want": "pause"}))
    assert name_of(lambda: bench.handler()(bench.event(), "a")) == "Stopped"
    assert not any(isinstance(each, Delete) for each in written)
    assert (row(bench).status, row(bench).attempts) == ("forgotten", 0)
    assert not Leases(bench.clock).is_held(row(bench))


def test_what_a_stop_keeps_from_beginning_after_a_lost_answer_gives_up_its_lease(
    bench: Bench, table: Unreliable
) -> None:
    begin(bench, "dead")
    later(bench)
    table.write(Write(Key("shop#one", FLAG), {"want": "pause"}))
    table.lost = 1
    assert name_of(lambda: bench.handler()(bench.event(), "a")) == "Stopped"
    assert row(bench).attempts == 1
    assert not Leases(bench.clock).is_held(row(bench))


def test_what_an_attempt_leaves_that_ended_with_its_process_after_the_run_was_deleted_vanishes(bench: Bench) -> None:
    key = StepKey.of(bench.event())
    bench.record.begin(key, "charge", owner="dead", limit=3, input_hash="h")
    bench.table.write(Write(key.flag, {"want": "delete", "expires": 4_000_000_000}))
    with pytest.raises(Exception, match="charge") as error:
        bench.handler()(bench.event(), "again")
    assert type(error.value).__name__ == "StepInProgress"
    assert (bench.table.get(key.row) or {})["expires"] == 4_000_000_000


def test_a_busy_table_costs_a_step_with_a_callback_no_attempt(bench: Bench, table: Unreliable) -> None:
    key = CallbackKey("shop", "one", "000001", "charge", "charge")
    table.busy = 5
    secret = bench.record.secret(key)
    assert bench.record.secret(key) == secret
