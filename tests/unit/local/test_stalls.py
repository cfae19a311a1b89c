"""What is said of a coroutine that keeps the event loop of the steps for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine

import pytest

from durable.clock import VirtualClock
from durable.local.stalls import LOOK_MS, StallWatch
from durable.steps.loop import EventLoop

PATIENCE_SECONDS = 10


class Stage:
    """An event loop with one coroutine at work on it, and what watches it."""

    def __init__(self) -> None:
        self.clock, self.loop = VirtualClock(0), EventLoop()
        self.watch = StallWatch(self.loop, self.clock)
        self.release = threading.Event()
        self.over = threading.Event()
        self._begun = threading.Event()

    def begin(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        async def coroutine() -> None:
            self._begun.set()
            await work()

        self.loop.submit(coroutine(), lambda how: self.over.set())
        assert self._begun.wait(PATIENCE_SECONDS)

    def look(self) -> None:
        self.watch.look()
        self.clock.advance_to(self.clock.now() + LOOK_MS)

    def end(self) -> None:
        self.release.set()
        assert self.over.wait(PATIENCE_SECONDS)


def test_a_line_that_blocks_the_loop_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()

    async def block() -> None:
        stage.release.wait(PATIENCE_SECONDS)

    stage.begin(block)
    stage.look()
    assert caplog.messages == []  # it has not been asked for long
    stage.look()
    stage.look()
    stage.end()

    (said,) = caplog.messages
    assert "test_stalls.py:" in said
    assert " in block has kept the event loop for 1.0 s" in said


def test_nothing_is_said_of_one_that_waits_nor_where_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()

    async def wait() -> None:
        while not stage.release.is_set():
            await asyncio.sleep(0)

    stage.look()  # there is no loop yet
    stage.look()
    stage.begin(wait)
    answered = threading.Event()
    for _ in range(3):
        stage.look()
        answered.clear()
        stage.loop.ask(answered.set)
        assert answered.wait(PATIENCE_SECONDS)
    stage.end()

    assert caplog.messages == []
