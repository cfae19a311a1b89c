"""The event loop of a process: what stays on it, and what is counted as under way."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from durable.errors import StepTimeoutError
from durable.steps import loop as module
from durable.steps.deadline import alarm
from durable.steps.loop import EventLoop

PATIENCE_SECONDS = 10


def test_a_coroutine_that_keeps_its_loop_and_ends_late_is_not_counted_on_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_CANCEL_SECONDS", 0.01)
    main = threading.get_ident()
    loop, go_on, ended = EventLoop(), threading.Event(), threading.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(0.2)  # until `run` waits: a signal that comes before is raised where nothing cancels
            signal.pthread_kill(main, signal.SIGALRM)
            await asyncio.sleep(PATIENCE_SECONDS)
        except asyncio.CancelledError:
            go_on.wait()  # it holds up its loop
        ended.set()

    with pytest.raises(StepTimeoutError), alarm(PATIENCE_SECONDS):
        loop.run(stubborn())
    assert loop.drain(0)
    begun, open_ = threading.Event(), asyncio.Event()

    async def waits() -> None:
        begun.set()
        await open_.wait()

    over = threading.Event()
    loop.submit(waits(), lambda how: over.set())
    assert begun.wait(PATIENCE_SECONDS)
    go_on.set()
    assert ended.wait(PATIENCE_SECONDS)
    assert not loop.drain(0.01)  # the second one still is under way

    async def opens() -> None:
        open_.set()

    loop.run(opens())
    assert over.wait(PATIENCE_SECONDS)
    assert loop.drain(PATIENCE_SECONDS)
