"""Followers of a run whose record changes at random: each is told everything once, and in order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.clock import timestamp
from durable.operations import history as module
from durable.operations.history import HistoryEntry, history
from durable.runs.record import RunRecord
from durable.store.forgetting import forget
from durable.store.keys import HEADER
from durable.store.leases import Leases
from durable.store.record import StepRecord
from durable.store.rows import Header, step_row
from durable.store.table import Row
from tests.unit.record.test_history import DONE, FAILED, HOUR, ODD, Place

MOST_ATTEMPTS = 20
"""A row tells of no more."""
LATE_MS = 4_999
"""How much later than its time a row may be written, at the most."""
STEPS, WAITS = ("a", "b", "c"), ("reply", "grow")
Expected = tuple[str, str | None, int | None, str]


class Slow:
    """A clock that a writer read a while ago."""

    def __init__(self, now: int) -> None:
        self._now = now

    def now(self) -> int:
        return self._now


class World(Place):
    """A run that changes at random, what has happened to it, and a follower that asks at random."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[tuple[int, Expected]] = [(self.now(), ("created", None, None, timestamp(self.now())))]
        self.heard: list[HistoryEntry] = []
        self.numbers: Counter[tuple[int, str]] = Counter()
        self.longest = 0
        self.seen: tuple[int, Row, tuple[Row, ...]] | None = None

    @property
    def _epoch(self) -> int:
        return int(self.header()["epoch"])

    def row(self, step: str) -> Row:
        return self.table.get(self.key(step).row) or {"status": "", "attempts": 0}

    def happened(self, type: str, step: str | None, at: int, recorded: int | None = None) -> None:
        number = None if step is None else self.numbers[self._epoch, step]
        self.expected.append((at if recorded is None else recorded, (type, step, number, timestamp(at))))

    def start(self, step: str, written_at: int) -> None:
        """Begin an attempt, also one after another whose process died."""
        if "outcome" in self.row(step) or "closed" in self.header() or self.numbers[self._epoch, step] == MOST_ATTEMPTS:
            return
        clock = Slow(written_at)
        record = StepRecord(self.table, clock, leases=Leases(clock, at_work=lambda owner: False))
        self.numbers[self._epoch, step] += 1
        most, owner = 2 * MOST_ATTEMPTS, self.owner(step)
        record.begin(self.key(step), step, owner=owner, limit=most, input_hash="h", generation=self.generation)
        self.happened("stepStarted", step, written_at)

    def owner(self, step: str) -> str:
        """Return the name of the latest invocation of a step."""
        return f"{step} {self.numbers[self._epoch, step]}"

    def end(self, step: str, written_at: int, how: int) -> None:
        if "owner" not in self.row(step) or "closed" in self.header():
            return
        if how % 3 == 0:
            self.steps.succeed(self.key(step), owner=self.owner(step), result=1, at=written_at)
            self.happened("stepComplete", step, written_at)
            return
        self.steps.fail(self.key(step), owner=self.owner(step), failure=ODD, final=how % 3 == 1, at=written_at)
        self.happened("attemptFailed", step, written_at)
        if how % 3 == 1:
            self.happened("stepErrored", step, written_at)

    def begin_wait(self, step: str, entered: int) -> None:
        row = self.row(step)
        if "closed" in self.header():
            return
        self.wait(step, entered)
        if "outcome" not in row and row["status"] != "waiting":
            self.numbers[self._epoch, step] += 1
            self.happened("stepStarted", step, entered, self.now())

    def end_wait(self, step: str, at: int) -> None:
        row = self.row(step)
        if row["status"] == "waiting":
            self.answer(step, at)
            self.happened("stepComplete", step, at, self.now())

    def close(self, fails: bool) -> None:
        if "closed" not in self.header():
            self.ends(FAILED if fails else DONE)
            self.happened("errored" if fails else "complete", None, self.now())

    def go_on(self, forgotten: int, anew: bool) -> None:
        """Forget some steps and go on, or restart the run."""
        header = self.header()
        if "closed" not in header:
            return
        for bit, step in enumerate((*STEPS, *WAITS)):
            row = self.row(step)
            if forgotten >> bit & 1 and row["attempts"] and not anew:
                self.table.write(forget(self.key(step).row, step_row(row)))
        did = "restarted" if anew else "retried"
        self.runs.go_on(Header.from_row(header), did=did, anew=anew)
        self.happened(did, None, self.now())

    def look(self) -> None:
        """Begin to read the rows: what is written until `hear` may be seen or not."""
        self.seen = (self.now(), self.header(), self.table.query("shop#one"))

    def hear(self, bits: int) -> None:
        """Read the rest of the rows, and ask."""
        rows = self.table.query("shop#one")
        began, header, before = self.seen or (self.now(), self.header(), rows)
        self.seen, self.longest = None, max(self.longest, self.now() - began)
        early = {row["sort"]: row for row in before}
        mixed = [early.get(row["sort"]) if bits >> place % 16 & 1 else row for place, row in enumerate(rows)]
        shown = [header if bits & 1 else self.header(), *(row for row in mixed if row is not None)]
        run = RunRecord.of([shown[0] | {"sort": HEADER}, *(row for row in shown[1:] if row["sort"] != HEADER)])
        assert run is not None
        told = history(run, self.cursor, began)
        self.cursor = told.cursor
        self.heard += told.events


Change = Callable[[World, int, int], Any]
CHANGES: dict[str, Change] = {
    "start": lambda world, which, late: world.start(STEPS[which % 3], world.now() - late),
    "end": lambda world, which, late: world.end(STEPS[which % 3], world.now() - late, which // 3),
    "begin wait": lambda world, which, late: world.begin_wait(WAITS[which % 2], world.now() - late * 100),
    "end wait": lambda world, which, late: world.end_wait(WAITS[which % 2], world.now() - late * 100),
    "close": lambda world, which, late: world.close(fails=bool(which % 2)),
    "go on": lambda world, which, late: world.go_on(which, anew=which % 7 == 0),
    "look": lambda world, which, late: world.look(),
    "hear": lambda world, which, late: world.hear(which * 257 + late),
    "rest": lambda world, which, late: world.later(late),
}
NAMES = ("start", "start", "end", "end", "begin wait", "end wait", "close", "go on", "look", "hear", "hear", "rest")
Moves = list[tuple[str, int, int]]
LATE = st.sampled_from((0, 100, LATE_MS)) | st.integers(0, LATE_MS)
MOVE = st.tuples(st.sampled_from(NAMES), st.integers(0, 63), LATE)


def told_of(each: HistoryEntry) -> Expected:
    return each.type, each.key, each.attempt, each.at


@pytest.mark.slow
@pytest.mark.parametrize("known", [3, 20, 300])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(MOVE, min_size=20, max_size=50))
def test_a_follower_is_told_everything_once_and_in_order(
    known: int, monkeypatch: pytest.MonkeyPatch, moves: Moves
) -> None:
    monkeypatch.setattr(module, "_MOST_KNOWN", known)
    world = World()
    for name, which, late in moves:
        world.later(7)
        CHANGES[name](world, which, late)
    world.hear(0)
    world.later(HOUR)
    world.heard += world.follow_on()
    assert Counter(map(told_of, world.heard)) == Counter(each for _, each in world.expected)
    assert Counter(map(told_of, world.anew())) == Counter(each for _, each in world.expected)
    recorded = {each: when for when, each in world.expected}
    alike = Counter(each for _, each in world.expected)  # of two epochs
    whens = [recorded[each] for each in map(told_of, world.heard) if alike[each] == 1]
    before = itertools.accumulate(whens, max)
    assert all(when >= latest - LATE_MS - world.longest for when, latest in zip(whens, before, strict=True))
