"""Both clients against a dict: whatever is done to them, they hold what it would hold."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from durable.store.conditions import changed, expired, holds
from durable.store.table import Absent, Below, Condition, ConditionFailed, Delete, Either, Equals, Key, Row, Write
from tests.contract.worlds import AWS, Moto, OneMachine, World

KEYS = st.sampled_from(["a", "a/b", "a/é", "b", "日", "🎉"])
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, False, 0, 1, "", "x", [], {"a": [1.5]}])
FIELDS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(-2, 3)
ROW_KEYS = st.builds(Key, st.sampled_from("pq"), st.sampled_from(["run", "step#1", "step#é"]))
SIMPLE = st.one_of(st.builds(Absent, FIELDS), st.builds(Equals, FIELDS, NUMBERS), st.builds(Below, FIELDS, NUMBERS))
CONDITIONS: st.SearchStrategy[Condition] = SIMPLE | st.builds(Either, st.tuples(SIMPLE, SIMPLE))
WHEN = st.lists(CONDITIONS, max_size=2).map(tuple)
LIFETIMES = st.sampled_from([None, 1, 2, 60])


class Against(RuleBasedStateMachine):
    """Moves the clock; `make` is set by the test."""

    make: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make()
        self.clock = self.world.clock

    @rule(seconds=st.sampled_from([0.5, 1, 2, 100]))
    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now() + int(seconds * 1_000))

    @abstractmethod
    def settle(self) -> None:
        """Compare all that is held."""

    def teardown(self) -> None:
        self.settle()
        if isinstance(self.world, OneMachine):
            self.world.close()


class KVAgainstDict(Against):
    def __init__(self) -> None:
        super().__init__()
        self.kv = self.world.namespace(Any)
        self.model: dict[str, tuple[Any, float]] = {}

    def holds(self, key: str) -> bool:
        return key in self.model and self.model[key][1] > self.clock.now()

    @rule(key=KEYS, value=VALUES, ttl=LIFETIMES, if_absent=st.booleans())
    def put(self, key: str, value: Any, ttl: int | None, if_absent: bool) -> None:
        writes = not (if_absent and self.holds(key))
        lasts = None if ttl is None else f"{ttl} seconds"
        assert self.kv.put(key, value, ttl=lasts, if_absent=if_absent) is writes
        if writes:
            self.model[key] = value, float("inf") if ttl is None else self.clock.now() + ttl * 1_000

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.kv.get(key) == (self.model[key][0] if self.holds(key) else None)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.kv.delete(key)
        self.model.pop(key, None)

    @rule(prefix=st.sampled_from(["", "a", "a/", "🎉"]), limit=st.integers(1, 4))
    def list(self, prefix: str, limit: int) -> None:
        page = self.kv.list(prefix, limit=limit)
        found = [*page.keys]
        while page.cursor is not None:
            page = self.kv.list(prefix, limit=limit, cursor=page.cursor)
            found += page.keys
        assert found == sorted(
            (key for key in self.model if self.holds(key) and key.startswith(prefix)), key=str.encode
        )

    def settle(self) -> None:
        self.list("", 1_000)


class TableAgainstDict(Against):
    def __init__(self) -> None:
        super().__init__()
        self.table = self.world.table()
        self.model: dict[Key, Row] = {}

    def row(self, key: Key) -> Row | None:
        row = self.model.get(key)
        return None if row is None or expired(row, self.clock.now()) else row

    @rule(
        keys=st.lists(ROW_KEYS, min_size=1, max_size=3, unique=True),
        set=st.dictionaries(FIELDS, NUMBERS, max_size=2),
        add=st.dictionaries(FIELDS, NUMBERS, max_size=1),
        remove=FIELDS,
        when=WHEN,
        lifetime=LIFETIMES,
    )
    def write(
        self,
        keys: list[Key],
        set: dict[str, int],
        add: dict[str, int],
        remove: str,
        when: tuple[Condition, ...],
        lifetime: int | None,
    ) -> None:
        """The first key is written to, under conditions; further ones are deleted and only checked.

        A `run` row's time, which is that of its whole partition, is tested by itself.
        """
        add = {field: number for field, number in add.items() if field not in set}
        gone = () if remove in set or remove in add else (remove,)
        until = {} if lifetime is None or keys[0].sort == "run" else {"expires": self.clock.now() // 1000 + lifetime}
        changes: list[Write | Delete] = [Write(keys[0], set | until, add, gone, when)]
        changes += [Delete(key, when) for key in keys[1:2]]
        changes += [Write(key, when=(Absent("a"),), check_only=True) for key in keys[2:]]
        self.apply(changes)

    def apply(self, changes: list[Write | Delete]) -> None:
        before = tuple(self.row(change.key) for change in changes)
        if not all(holds(each, row) for change, row in zip(changes, before, strict=True) for each in change.when):
            with pytest.raises(ConditionFailed) as failed:
                self.table.write(*changes)
            assert failed.value.rows == before
            return
        after = self.table.write(*changes)
        for change, old, new in zip(changes, before, after, strict=True):
            if isinstance(change, Delete):
                self.model.pop(change.key, None)
            elif not change.check_only:
                self.model[change.key] = changed(change, old)
            assert new == (None if isinstance(change, Delete) or change.check_only else self.row(change.key))

    @rule(key=ROW_KEYS)
    def get(self, key: Key) -> None:
        assert self.table.get(key) == self.row(key)

    @rule(partition=st.sampled_from("pq"), prefix=st.sampled_from(["", "step#"]))
    def query(self, partition: str, prefix: str) -> None:
        keys = [key for key in self.model if key.partition == partition and key.sort.startswith(prefix)]
        rows = [(key.sort, self.row(key)) for key in sorted(keys, key=lambda key: key.sort.encode())]
        assert [*self.table.query(partition, prefix)] == [
            {**row, "sort": sort} for sort, row in rows if row is not None
        ]

    def settle(self) -> None:
        for partition in "pq":
            self.query(partition, "")


BUDGET = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
SQLITE = settings(BUDGET, max_examples=15, stateful_step_count=40)
MOTO = settings(BUDGET, max_examples=4, stateful_step_count=30)


@pytest.mark.parametrize("machine", [KVAgainstDict, TableAgainstDict])
def test_sqlite_holds_what_a_dict_would(machine: type[Against], tmp_path: Path) -> None:
    def make() -> World:
        return OneMachine(Path(tempfile.mkdtemp(dir=tmp_path)))

    run_state_machine_as_test(type(machine.__name__, (machine,), {"make": staticmethod(make)}), settings=SQLITE)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [KVAgainstDict, TableAgainstDict])
def test_dynamodb_holds_what_a_dict_would(machine: type[Against], aws: AWS) -> None:
    def make() -> World:
        return Moto(aws)

    run_state_machine_as_test(type(machine.__name__, (machine,), {"make": staticmethod(make)}), settings=MOTO)
