"""Events and waits, on both tables: whoever crashes or comes between, none is lost and none comes twice."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from durable.clock import VirtualClock, timestamp
from durable.errors import StepTimeoutError, Throttled
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.steps.waits import EventHandler
from durable.store.keys import event_prefix, partition
from durable.store.record import StepRecord
from durable.store.table import Delete, Key, Page, Row, Table, TableBusy, Write
from durable.wire import WaitTask
from tests.contract.test_models import BUDGET
from tests.contract.worlds import Moto, World
from tests.rows import header

INSTANCES = itertools.count(1)
TIMEOUT_SECONDS = 100


class Crash(BaseException):
    """The process ends here."""


@dataclass
class Meddled:
    """A table, and tokens, before whose calls something else happens: a crash, or what another process does."""

    table: Table
    heard: dict[str, Any] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    plan: dict[int, Callable[[], None]] = field(default_factory=dict)
    calls: int = 0

    def _call(self) -> None:
        self.calls += 1
        meddle = self.plan.pop(self.calls, None)
        if meddle is not None:
            meddle()

    def get(self, key: Key) -> Row | None:
        self._call()
        return self.table.get(key)

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        self._call()
        return self.table.query(partition, prefix, since=since, limit=limit)

    def search(self, found: str, **options: Any) -> Page:
        return self.table.search(found, **options)

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        self._call()
        return self.table.write(*changes)

    def list(self, workflow: str, **options: Any) -> Page:
        return self.table.list(workflow, **options)

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        return self.table.counts(workflow, most=most)

    def succeed(self, token: str, output: Any) -> bool:
        return self._end(token, output)

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._end(token, error)

    def _end(self, token: str, end: Any) -> bool:
        self._call()
        if token not in self.waiting:
            return False
        self.waiting.remove(token)
        self.heard[token] = end
        return True


class Story:
    """A run with waits, as its Tasks, its senders and the reconciler see it."""

    def __init__(self, table: Table, clock: VirtualClock) -> None:
        self.clock = clock
        self.meddled = Meddled(table)
        self.tokens: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.unsent: dict[str, str] = {}
        self.sent: dict[str, int] = {}
        self._begun: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._entered: dict[str, int] = {}
        self.instance = f"run-{next(INSTANCES)}"
        self.part = partition("shop", self.instance)
        self.header = header("shop", self.instance, "running")
        table.write(Write(self.header.key, self.header.as_row()))

    def _events(self) -> tuple[Events, EventHandler]:
        """Return what a process has that begins now."""
        answers = Callbacks(self.meddled, self.meddled, self.clock)
        events = Events(self.meddled, answers, self.clock)
        return events, EventHandler(events, StepRecord(self.meddled, self.clock))

    def wait(self, wait: str) -> None:
        """Have a Task wait: for the first time, or under a new token."""
        if self.ended(wait) or wait in self.stopped:
            return
        self._entered.setdefault(wait, self.clock.now())
        self.meddled.waiting.discard(self.tokens.get(wait, ""))
        self.tokens[wait] = f"{wait}.{next(self._numbers)}"
        self.meddled.waiting.add(self.tokens[wait])
        self.call(wait)

    def call(self, wait: str) -> None:
        """Call the Lambda of a Task that waits, as its Retry does."""
        task: WaitTask = {
            "run": {"workflow": "shop", "instance": self.instance, "epoch": 1, "createdAt": timestamp(0)},
            "execution": self.header.execution,
            "step": wait,
            "token": self.tokens[wait],
            "entered": timestamp(self._entered[wait]),
            "type": wait[0],
            "timeout": TIMEOUT_SECONDS,
        }
        self._events()[1](task)

    def stop(self, wait: str) -> None:
        """Stop the branch that a wait is in: nobody is told."""
        if wait in self.tokens and not self.ended(wait):
            self.meddled.waiting.discard(self.tokens[wait])
            self.stopped.add(wait)

    def send(self, type: str, id: str | None = None) -> None:
        id = id or f"{type}{next(self._numbers)}"
        self.unsent[id] = type
        self._begun.setdefault(id, next(self._numbers))
        self._events()[0].send("shop", self.instance, type, id, id)
        del self.unsent[id]
        self.sent[id] = next(self._numbers)

    def settle(self) -> None:
        self._events()[0].settle(self.part, self.header.era)

    def ended(self, wait: str) -> bool:
        return any(token.startswith(f"{wait}.") for token in self.meddled.heard)

    def rest(self) -> None:
        """Do what the world does again until it is done: clients send again, Tasks retry, the reconciler looks."""
        self.meddled.plan.clear()
        for id, type in dict(self.unsent).items():
            self.send(type, id)
        for wait in [each for each in self.tokens if not self.ended(each) and each not in self.stopped]:
            self.call(wait)
        self.clock.advance_to(self.clock.now() + 60_000)
        self.settle()

    def outcomes(self) -> dict[str, Any]:
        """Return what each wait came to: the id of an event, or the name of an error."""
        heard = self.meddled.heard
        return {
            token.partition(".")[0]: end["result"] if isinstance(end, dict) else end for token, end in heard.items()
        }

    def kept(self) -> list[Row]:
        rows = self.meddled.table.query(self.part, event_prefix(self.header.era))
        return sorted((row for row in rows if "taken" not in row), key=lambda row: int(row["number"]))

    def check(self) -> None:
        """Assert that every event that was sent is kept, or was given to exactly one wait, the first in first."""
        outcomes = self.outcomes()
        assert len(outcomes) == len(self.meddled.heard), "a wait was told twice"
        given = [end for end in outcomes.values() if end != StepTimeoutError.__name__]
        kept = [row["payload"] for row in self.kept()]
        assert sorted(given + kept) == sorted(self.sent), "each is there once"
        for first, then in itertools.product(kept, given):
            assert first[0] != then[0] or self.sent[first] > self._begun[then], "the first in is the first out"
        self._check_waits(outcomes)

    def _check_waits(self, outcomes: dict[str, Any]) -> None:
        """Assert that no wait times out too early, or goes on waiting, or misses an event that was there in time."""
        sent = {row["sort"].rpartition("#")[2]: row["sent"] for row in self.meddled.table.query(self.part, "event#")}
        for wait, entered in self._entered.items():
            deadline = entered + TIMEOUT_SECONDS * 1000
            assert sent.get(outcomes.get(wait), 0) < deadline
            if wait in self.stopped or outcomes.get(wait, StepTimeoutError.__name__) != StepTimeoutError.__name__:
                continue
            assert (wait in outcomes) == (self.clock.now() >= deadline)
            assert not [row for row in self.kept() if row["type"] == wait[0] and row["sent"] < deadline]


WAITS = ["a1", "a2", "b1"]
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("send"), st.sampled_from(["a", "a", "b"])),
    st.tuples(st.just("pass"), st.sampled_from([1, 99, 100])),
    st.tuples(st.just("settle"), st.none()),
)
CRASH = st.tuples(st.just("crash"), st.none())
STOP = st.tuples(st.just("stop"), st.sampled_from(WAITS))


def do(story: Story, step: tuple[str, Any]) -> None:
    verb, what = step
    if verb == "crash":
        raise Crash
    if verb == "pass":
        story.clock.advance_to(story.clock.now() + what * 1000)
    elif verb == "settle":
        story.settle()
    else:
        getattr(story, verb)(what)


@pytest.mark.sweep
@pytest.mark.parametrize("other", [CRASH, STOP], ids=["crashes", "stops"])
def test_none_is_lost_and_none_comes_twice(world: World, other: st.SearchStrategy[Any]) -> None:
    """Not with both at once: whoever ends between a match and hearing that nobody waits cannot give the event back."""
    between = st.lists(st.tuples(st.integers(1, 9), st.one_of(STEPS, other)), max_size=2)
    steps = st.one_of(STEPS, STOP) if other is STOP else STEPS

    @settings(BUDGET, max_examples=4 if isinstance(world, Moto) else 60)
    @example([(("wait", "a2"), []), (("send", "a"), [(7, ("wait", "a1"))])])
    @given(st.lists(st.tuples(steps, between), max_size=10))
    def play(steps: list[tuple[Any, list[tuple[int, Any]]]]) -> None:
        world.clock = clock = VirtualClock(world.clock.now() + 1)
        story = Story(world.table(), clock)
        for step, meddling in steps:
            story.meddled.plan = {
                story.meddled.calls + count: partial(do, story, another) for count, another in meddling
            }
            with contextlib.suppress(Crash, Throttled, TableBusy):
                do(story, step)
        story.rest()
        story.check()

    play()
