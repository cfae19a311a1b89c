"""Nothing that a piece of work raises ends a thread that others share, or keeps any other run from its end."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

import durable.asl
import durable.local
from durable.build import build
from durable.clock import VirtualClock
from durable.errors import RunClosed
from durable.local import host, recurring, threads
from durable.local.bindings import pump
from durable.local.engine import inboxes, timers
from durable.local.engine.workers import Crew
from durable.local.host import Host
from durable.local.log import TextLog
from durable.local.serve import moving
from durable.local.storage.journal import Journal
from durable.local.threads import Work, name_of
from durable.project import Project, declarations
from durable.runs.transitions import Order
from durable.steps.loop import LOOP
from tests.integration.local import hazards

PATIENCE_SECONDS: Final = 20
ENDED: Final = ("complete", "errored", "terminated")
WORKFLOWS: Final = ("everything", "undone", "stalled", "tick")
GUARDS: Final = {
    "Executions.committed.<locals>.settled",
    "Host._persist.<locals>.attempt",
    "Inboxes.attempt",
    "Inboxes.drain",
    "Journal._write_batch",
    "Journal.wait.<locals>.settle",
    "Recurring",
    "Pool.submit",
}
"""What only hands over, wakes, or catches failures of other work; a failed commit ends the server (test_journal.py)."""


_MOMENT_SECONDS: Final = 0.01


class Server:
    """A host on threads and on disk, whose clock goes a thousand times as fast as ours."""

    def __init__(self, folder: Path, step_threads: int = 64) -> None:
        self.clock = VirtualClock()
        crew = Crew()
        self.workers, self.turns = crew.pool(step_threads), crew.pool(4)
        self.journal = Journal(folder, linger=0)
        project = Project("hazards", tuple(declarations(sys.modules[hazards.__name__])))
        self.host = Host(
            build(project),
            self.journal,
            folder,
            clock=self.clock,
            workers=self.workers,
            turns=self.turns,
            log=TextLog(),
            random=Random(1),
        )

    def start(self, tag: str) -> dict[str, str]:
        """Start a run of each workflow, and return their ids."""
        ids = {name: f"{tag}-{name}" for name in WORKFLOWS}
        for name, id in ids.items():
            self.host.workflows[name].create(None if name == "tick" else 1, id=id)
        return ids

    def statuses(self, ids: dict[str, str]) -> dict[str, str]:
        return {name: self.host.workflows[name].get(id).status for name, id in ids.items()}

    def await_end(self, ids: dict[str, str]) -> dict[str, str]:
        """Have time pass until all of these runs have ended, send them the events that they wait for."""
        everything = self.host.workflows["everything"]
        self.until(lambda: self._waits_or_ended(ids["everything"]))
        with suppress(RunClosed):
            everything.send_event(ids["everything"], "tell", 2, id="told")
        self.until(lambda: all(status in ENDED for status in self.statuses(ids).values()))
        return self.statuses(ids)

    def _waits_or_ended(self, id: str) -> bool:
        run = self.host.workflows["everything"].get(id)
        return run.status in ENDED or "told" in [step.name for step in run.steps]

    def until(self, condition: Callable[[], bool], *, step_ms: int = 5_000) -> None:
        """Have time pass until a condition holds.

        Time stands still while a turn is at work, and for a moment while a step is, which may never end: else what a
        busy machine keeps waiting would be timed out.
        """
        for _ in range(PATIENCE_SECONDS * 500):
            self.journal.flush()
            if condition():
                return
            self.turns.drain(PATIENCE_SECONDS)
            self.workers.drain(_MOMENT_SECONDS)
            self.clock.advance_to(self.clock.now() + step_ms)
            threading.Event().wait(0.002)
        raise TimeoutError(threading.enumerate())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(timers, "_LONGEST_WAIT_MS", 1)
    monkeypatch.setattr(pump, "_LONGEST_WAIT_SECONDS", 0.001)
    hazards.raises.clear()
    hazards.released.clear()
    made = Server(tmp_path / "data")
    made.host.reopen()
    with moving(made.host, made.clock, LOOP, made.workers, made.turns) as go_on:
        go_on()
        made.turns.drain(PATIENCE_SECONDS)
        yield made
        hazards.released.set()
    made.journal.close()


class Calls:
    """Stands in the place of `threads.call`: notes what is called, and has one piece of work fail once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: set[str] = set()
        self.fails: str | None = None
        for module in (threads, inboxes, host, recurring):
            monkeypatch.setattr(module, "call", self)

    def __call__(self, work: Work) -> None:
        name = name_of(work)
        self.seen.add(name)
        if name == self.fails:
            self.fails = None
            raise SystemExit(3)
        work()


def shared() -> set[str]:
    return {each.name for each in threading.enumerate()}


@pytest.mark.slow
def test_every_piece_of_work_may_fail_once_and_every_run_still_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    whole = server.await_end(server.start("whole"))
    assert whole == {"everything": "complete", "undone": "errored", "stalled": "errored", "tick": "complete"}
    for number, name in enumerate(sorted(calls.seen - GUARDS)):
        running = shared()
        calls.fails = name
        server.await_end(server.start(f"broken-{number}"))
        server.until(lambda: calls.fails is None)
        assert running <= shared(), name
        assert server.await_end(server.start(f"after-{number}")) == whole, name
    assert {"Engine._invoke", "Engine._advance", "Engine._give_up", "Pump._run_queue"} <= calls.seen


def test_only_shared_threads_are_started() -> None:
    """Whoever starts a thread of another kind has work that no guard sees."""
    folder = Path(durable.local.__file__).parent
    others = {"Thread", "Timer", "ThreadPoolExecutor", "start_new_thread"}
    for path in folder.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        used |= {each.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for each in node.names}
        assert not used & others or path.name == "threads.py", path


def test_turns_run_on_workers_and_nowhere_else(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where requests are answered, here the main thread, nor on the timers' thread, nor on the journal's."""
    threads_seen: set[str] = set()
    advance = durable.asl.advance

    def watched(*arguments: Any, **options: Any) -> Any:
        threads_seen.add(threading.current_thread().name.partition("-")[0])
        return advance(*arguments, **options)

    monkeypatch.setattr(durable.asl, "advance", watched)
    server.await_end(server.start("watched"))
    assert threads_seen == {"worker"}


def test_a_step_that_waits_for_a_thread_has_all_its_time_and_does_not_run_when_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "_LONGEST_WAIT_MS", 1)
    hazards.released.clear()
    hazards.stalling.clear()
    made = Server(tmp_path / "data", step_threads=1)
    stalled = made.host.workflows["stalled"]
    with moving(made.host, made.clock, LOOP, made.workers, made.turns) as go_on:
        go_on()
        for id in ("first", "second", "third"):
            stalled.create(1, id=id)
        made.until(lambda: stalled.get("first").status == "errored")
        assert [stalled.get(id).status for id in ("second", "third")] == ["running", "running"]
        made.host.operator.lifecycle.carry_out("stalled", "third", Order("terminate"))
        hazards.released.set()
        made.until(lambda: stalled.get("second").status == "complete", step_ms=0)
        made.until(lambda: stalled.get("third").status == "terminated")
        made.workers.drain(PATIENCE_SECONDS)
    made.journal.close()
    assert hazards.stalling == ["first", "second"]
