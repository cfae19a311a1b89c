"""The contract of a row's time: a row whose time is over reads as absent, and a run's time is that of its rows."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from durable.aws.table import DynamoDBTable
from durable.store.table import Absent, ConditionFailed, Delete, Equals, Key, Table, TableBusy, Write
from tests.contract.test_table import KEY, refused
from tests.contract.worlds import World


class TestExpiry:
    """A row whose time is over reads as absent, everywhere."""

    @pytest.fixture
    def over(self, world: World) -> Table:
        table = world.table()
        seconds = world.clock.now() // 1000 + 10
        listed = {"workflow": "w", "status": "complete", "updated": 1}
        table.write(Write(Key("p", "run"), {"old": 1, "expires": seconds} | listed))
        table.write(Write(KEY, {"old": 1, "expires": seconds}))
        world.clock.advance_to(world.clock.now() + 9_999)
        assert table.get(KEY) is not None
        assert len(table.list("w").rows) == 1
        world.clock.advance_to(world.clock.now() + 1)
        return table

    def test_reads(self, over: Table) -> None:
        assert over.get(KEY) is None
        assert over.query("p") == ()
        assert over.list("w").rows == over.list("w", status="complete").rows == ()

    def test_a_write_begins_a_new_row(self, over: Table) -> None:
        assert over.write(Write(KEY, {"new": 1}, {"n": 1})) == ({"new": 1, "n": 1},)
        assert over.get(KEY) == {"new": 1, "n": 1}

    def test_conditions_see_no_row(self, over: Table) -> None:
        assert refused(lambda: over.write(Write(KEY, {"new": 1}, when=(Equals("old", 1),)))) == (None,)
        assert over.write(Write(KEY, {"new": 1}, when=(Absent("old"),))) == ({"new": 1},)

    def test_delete(self, over: Table) -> None:
        assert refused(lambda: over.write(Delete(KEY, (Equals("old", 1),)))) == (None,)
        assert over.write(Delete(KEY)) == (None,)

    def test_a_transaction(self, over: Table) -> None:
        listed = {"workflow": "w", "status": "queued", "updated": 2}
        other = Key("q", "1")
        over.write(
            Write(KEY, when=(Absent("old"),), check_only=True),
            Write(Key("p", "run"), listed, when=(Absent("old"),)),
            Write(other, {"a": 1}),
        )
        assert over.get(Key("p", "run")) == listed
        assert over.get(KEY) is None
        assert over.list("w").rows == (listed,)

    def test_a_new_time_keeps_a_row(self, world: World) -> None:
        table = world.table()
        table.write(Write(KEY, {"a": 1, "expires": world.clock.now() // 1000 + 10}))
        table.write(Write(KEY, remove=("expires",)))
        world.clock.advance_to(world.clock.now() + 60_000)
        assert table.get(KEY) == {"a": 1}

    def test_a_runs_time_is_that_of_all_its_rows(self, world: World) -> None:
        table, run, step = world.table(), Key("p", "run"), Key("p", "step")
        table.write(Write(run, {"workflow": "w", "status": "running", "updated": 1}))
        table.write(Write(step, {"old": 1}))
        table.write(Write(Key("q", "step"), {"old": 1}))
        table.write(Write(run, {"expires": world.clock.now() // 1000 + 10}))
        assert len(table.query("p")) == 2
        world.clock.advance_to(world.clock.now() + 10_000)
        assert table.query("p") == ()
        assert table.get(step) is None
        assert table.write(Write(run, {"workflow": "w", "status": "queued", "updated": 2}, when=(Absent("status"),)))
        assert [row["sort"] for row in table.query("p")] == ["run"]
        assert table.write(Write(step, {"new": 1}, when=(Absent("old"),))) == ({"new": 1},)
        assert len(table.query("q")) == 1

    def test_a_run_that_goes_on_keeps_all_its_rows(self, world: World) -> None:
        table, run, step = world.table(), Key("p", "run"), Key("p", "step")
        table.write(Write(run, {"workflow": "w", "status": "complete", "updated": 1}))
        table.write(Write(step, {"a": 1}))
        table.write(Write(run, {"expires": world.clock.now() // 1000 + 10}))
        table.write(Write(run, remove=("expires",)))
        world.clock.advance_to(world.clock.now() + 60_000)
        assert len(table.query("p")) == 2


class TestExpiryOfARun:
    """The time of a `run` row is that of all rows of its partition, also where it was interrupted."""

    RUN = Key("p", "run")
    OTHERS = (Key("p", "step#1"), Key("p", "step#2"), Key("p", "step#3"))

    @pytest.fixture
    def run(self, table: Table) -> Table:
        table.write(Write(self.RUN, {"workflow": "w", "status": "running", "updated": 1}))
        for key in self.OTHERS:
            table.write(Write(key, {"n": 1}))
        return table

    def close(self, table: Table, status: str = "running") -> None:
        seconds = 2_000_000_000
        change = {"workflow": "w", "status": "complete", "updated": 2, "expires": seconds}
        table.write(Write(self.RUN, change, when=(Equals("status", status),)))

    def expiries(self, table: Table) -> list[object]:
        rows = [table.get(key) for key in (self.RUN, *self.OTHERS)]
        return [None if row is None else row.get("expires") for row in rows]

    def test_a_run_that_could_not_be_closed_is_closed_again_and_leaves_nothing_for_ever(
        self, run: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has no transaction over a partition")
        write, count = DynamoDBTable._write_one, itertools.count()

        def throttled(self: DynamoDBTable, action: Any) -> Any:
            if next(count) == 1:
                raise TableBusy
            return write(self, action)

        with monkeypatch.context() as patch:
            patch.setattr(DynamoDBTable, "_write_one", throttled)
            with pytest.raises(TableBusy):
                self.close(run)
        assert (run.get(self.RUN) or {})["status"] == "running"
        self.close(run)
        assert self.expiries(run) == [2_000_000_000] * 4

    def test_a_run_that_is_not_closed_after_all_keeps_its_rows(self, run: Table) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")
        with pytest.raises(ConditionFailed):
            self.close(run, status="waiting")
        assert self.expiries(run) == [None] * 4

    def test_a_run_that_is_not_closed_keeps_its_rows_though_the_process_dies_that_was_to_close_it(
        self, run: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")

        def dies(self: DynamoDBTable, *arguments: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(DynamoDBTable, "_write", dies)
            with pytest.raises(KeyboardInterrupt):
                self.close(run, status="waiting")
        assert self.expiries(run) == [None] * 4

    def test_a_run_that_was_found_open_by_a_reader_only_is_closed_with_all_its_rows(
        self, run: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It becomes what the write is for between the look at its rows and the write."""
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")
        write = DynamoDBTable._write

        def moved(self: DynamoDBTable, *arguments: Any) -> Any:
            monkeypatch.setattr(DynamoDBTable, "_write", write)
            self.write(Write(TestExpiryOfARun.RUN, {"workflow": "w", "status": "waiting", "updated": 1}))
            return write(self, *arguments)

        monkeypatch.setattr(DynamoDBTable, "_write", moved)
        self.close(run, status="waiting")
        assert self.expiries(run) == [2_000_000_000] * 4

    def test_a_row_that_is_deleted_while_its_run_closes_does_not_come_back(
        self, run: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")
        write = DynamoDBTable._write_one

        def late(self: DynamoDBTable, action: Any) -> Any:
            monkeypatch.setattr(DynamoDBTable, "_write_one", write)
            self.write(*(Delete(key) for key in TestExpiryOfARun.OTHERS))
            return write(self, action)

        monkeypatch.setattr(DynamoDBTable, "_write_one", late)
        self.close(run)
        assert [row["sort"] for row in run.query("p")] == ["run"]

    def test_a_run_that_was_to_go_on_and_does_not_leaves_nothing_for_ever(
        self, run: Table, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")
        self.close(run)

        def dies(self: DynamoDBTable, *arguments: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(DynamoDBTable, "_write", dies)
        with pytest.raises(KeyboardInterrupt):
            run.write(Write(self.RUN, {"workflow": "w", "status": "queued", "updated": 3}, remove=("expires",)))
        assert None not in self.expiries(run)

    def test_a_run_that_goes_on_keeps_its_rows(self, run: Table) -> None:
        if not isinstance(run, DynamoDBTable):
            pytest.skip("only DynamoDB has a time for each row")
        self.close(run)
        run.write(Write(self.RUN, {"workflow": "w", "status": "queued", "updated": 3}, remove=("expires",)))
        assert self.expiries(run) == [None] * 4


def test_a_row_that_is_written_with_the_end_of_its_run_vanishes_with_it(world: World) -> None:
    table, run, flag = world.table(), Key("w#1", "run"), Key("w#1", "flag")
    over = world.clock.now() // 1000 + 60
    ended = {"workflow": "w", "status": "errored", "updated": 1, "expires": over}
    table.write(Write(run, ended), Write(flag, {"least": 1}))
    assert table.get(flag) is not None
    world.clock.advance_to(over * 1000)
    assert table.query("w#1") == ()
