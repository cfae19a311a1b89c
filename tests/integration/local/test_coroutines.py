"""Steps that are coroutines share one event loop, and keep no thread while they wait."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import FrameType

import pytest

from durable.build import build
from durable.clock import VirtualClock
from durable.errors import StepTimeoutError
from durable.local.engine.workers import Crew
from durable.local.host import Host
from durable.local.log import TextLog
from durable.local.serve import moving
from durable.local.storage.journal import Journal
from durable.project import Project, declarations
from durable.steps.loop import EventLoop
from durable.testing import Sandbox
from tests.integration.local import coroutines

MANY = 400
PATIENCE_SECONDS = 60


class Server:
    """A host with two threads for steps."""

    def __init__(self, folder: Path, loop: EventLoop) -> None:
        self.clock, self.loop = VirtualClock(), loop
        crew = Crew()
        self.workers, self.turns = crew.pool(2), crew.pool(2)
        self.journal = Journal(folder, linger=0)
        project = Project("coroutines", tuple(declarations(sys.modules[coroutines.__name__])))
        self.host = Host(
            build(project),
            self.journal,
            folder,
            clock=self.clock,
            workers=self.workers,
            turns=self.turns,
            log=TextLog(self.clock),
            random=Random(1),
            loop=loop,
        )

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(PATIENCE_SECONDS * 100):
            if condition():
                return
            threading.Event().wait(0.01)
        raise TimeoutError

    def status(self, workflow: str, id: str) -> str:
        return self.host.workflows[workflow].get(id).status


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    for each in (coroutines.begun, coroutines.loops, coroutines.cancelled, coroutines.gate, coroutines.taken_back):
        each.clear()
    made = Server(tmp_path, EventLoop())
    made.host.reopen()
    with moving(made.host, made.clock, made.loop, made.workers, made.turns) as go_on:
        go_on()
        yield made
    made.journal.close()


@pytest.mark.slow
def test_hundreds_of_steps_wait_on_two_threads(server: Server) -> None:
    ids, before = [f"run-{number}" for number in range(MANY)], threading.active_count()
    for id in ids:
        server.host.workflows["waiting"].create(id, id=id)
    server.until(lambda: len(coroutines.begun) == MANY)
    assert threading.active_count() < before + 20
    assert len(coroutines.loops) == 1
    opened = threading.Event()

    async def open_gate() -> None:
        coroutines.gate[0].set()

    server.loop.submit(open_gate(), lambda how: opened.set())
    assert opened.wait(PATIENCE_SECONDS)
    server.until(lambda: all(server.status("waiting", id) == "complete" for id in ids))
    assert server.host.workflows["waiting"].get("run-7").output == "run-7 waited"


def test_a_coroutine_that_takes_too_long_is_cancelled(server: Server) -> None:
    server.host.workflows["hanging"].create("x", id="one")
    server.until(lambda: not server.loop.drain(0))
    server.until(lambda: server.host.timers.next() is not None)
    server.clock.advance_to(server.clock.now() + 31_000)
    server.until(lambda: server.status("hanging", "one") == "complete")
    assert server.host.workflows["hanging"].get("one").output == "timed out"
    server.until(lambda: coroutines.cancelled == ["x"])
    assert server.loop.drain(PATIENCE_SECONDS)


def test_what_a_coroutine_raises_ends_itself_alone_and_it_is_tried_again_and_undone() -> None:
    coroutines.taken_back.clear()
    run = Sandbox(coroutines.counting).run("four")
    assert run.step("count").status == "undone"
    assert (len(run.step("count").attempted), coroutines.taken_back) == (2, ["4"])


def test_what_is_raised_in_the_thread_that_waits_cancels_the_coroutine() -> None:
    coroutines.cancelled.clear()
    loop = EventLoop()

    def ring(number: int, frame: FrameType | None) -> None:
        raise StepTimeoutError

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        threading.Timer(0.05, signal.pthread_kill, [threading.get_ident(), signal.SIGUSR1]).start()
        with pytest.raises(StepTimeoutError):
            loop.run(coroutines.hang("y"))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert coroutines.cancelled == ["y"]
    assert loop.drain(PATIENCE_SECONDS)


def test_a_coroutine_that_does_not_end_leaves_the_loop_to_itself() -> None:
    loop, free = EventLoop(), threading.Event()

    def ring(number: int, frame: FrameType | None) -> None:
        raise StepTimeoutError

    async def block() -> None:
        free.wait(PATIENCE_SECONDS)

    async def answer() -> int:
        return 5

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        threading.Timer(0.05, signal.pthread_kill, [threading.get_ident(), signal.SIGUSR1]).start()
        with pytest.raises(StepTimeoutError):
            loop.run(block())
        assert loop.run(answer()) == 5
    finally:
        signal.signal(signal.SIGUSR1, before)
        free.set()
