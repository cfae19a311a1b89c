"""Timers: by deadline, whatever the clock does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from durable.clock import VirtualClock
from durable.local.engine import timers as module
from durable.local.engine.timers import Timers, TimerThread

HOUR = 3_600_000


class JumpingClock(VirtualClock):
    """A clock that is set, to any time."""

    def jump(self, milliseconds: int) -> None:
        self._now += milliseconds


@pytest.fixture
def fired() -> list[str]:
    return []


@pytest.fixture
def setter(fired: list[str]) -> Callable[[Timers, str, int], None]:
    return lambda timers, key, at: timers.set(key, at, partial(fired.append, key))


def test_timers_fire_in_the_order_of_their_times(fired: list[str], setter: Callable[..., None]) -> None:
    timers = Timers()
    for key, at in (("late", 30), ("early", 10), ("second", 20), ("third", 20)):
        setter(timers, key, at)
    assert timers.next() == 10
    assert timers.fire_due(20) == 3
    assert fired == ["early", "second", "third"]
    assert timers.next() == 30


def test_a_timer_set_again_moves_and_one_cancelled_never_fires(fired: list[str], setter: Callable[..., None]) -> None:
    timers = Timers()
    for key, at in (("moved", 10), ("cancelled", 10), ("moved", 50)):
        setter(timers, key, at)
    timers.cancel("cancelled")
    timers.cancel("unknown")
    assert timers.fire_due(49) == 0
    assert timers.next() == 50
    assert timers.fire_due(50) == 1
    assert fired == ["moved"]
    assert timers.next() is None


def test_what_was_cancelled_takes_no_memory(fired: list[str], setter: Callable[..., None]) -> None:
    timers = Timers()
    setter(timers, "kept", HOUR)
    for number in range(20_000):
        setter(timers, str(number), number)
        timers.cancel(str(number))
    assert len(timers._heap) < 5_000
    assert timers.next() == HOUR


def test_a_clock_that_jumps_forward_fires_what_is_due_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT_MS", 1)
    timers, clock, due = Timers(), JumpingClock(), threading.Event()
    timers.set("nap", clock.now() + HOUR, due.set)
    thread = TimerThread(timers, clock)
    thread.start()
    assert not due.wait(0.05)
    clock.jump(HOUR)
    assert due.wait(10)
    thread.stop()


def test_a_clock_that_is_set_back_fires_nothing_early_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT_MS", 1)
    timers, clock, due = Timers(), JumpingClock(), threading.Event()
    timers.set("nap", clock.now() + HOUR, due.set)
    thread = TimerThread(timers, clock)
    thread.start()
    clock.jump(-HOUR)
    clock.jump(HOUR)
    assert not due.wait(0.05)
    clock.jump(HOUR)
    assert due.wait(10)
    thread.stop()


def test_a_timer_that_is_due_before_the_thread_looks_again_wakes_it() -> None:
    timers, clock, due = Timers(), JumpingClock(), threading.Event()
    thread = TimerThread(timers, clock)
    thread.start()
    while timers.until != clock.now() + module._LONGEST_WAIT_MS:
        due.wait(0.001)
    timers.set("far", clock.now() + HOUR, due.set)
    assert not timers.changed.is_set()
    timers.set("now", clock.now(), due.set)
    assert due.wait(0.9)
    thread.stop()
