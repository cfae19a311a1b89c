"""`durable dev`: the project on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from random import SystemRandom
from threading import Event
from typing import Any, Final

from starlette.types import ASGIApp
from uvicorn import Server

from durable.bindings import IAM
from durable.build import build
from durable.clients.secret import SecretMissing
from durable.clock import Clock, SystemClock
from durable.errors import ConfigurationError, Throttled
from durable.http import Api
from durable.local.bindings.secret import EnvironmentSecret
from durable.local.callers import verify
from durable.local.console import routes
from durable.local.engine.timers import TimerThread
from durable.local.engine.workers import STEP_THREADS, Pool, paced_crew
from durable.local.garbage import settle
from durable.local.gate import Gate
from durable.local.host import Host
from durable.local.http import Ends, application, listen, server
from durable.local.log import TextLog, logger
from durable.local.parts import parts_of
from durable.local.recurring import Recurring
from durable.local.reload import Reloader, inherited, replace_process, wait_for_change
from durable.local.removed import RunsNeedCode
from durable.local.stalls import LOOK_MS, StallWatch
from durable.local.step_logs import StepLogs, kept
from durable.local.storage.folder import JournalError
from durable.local.storage.journal import Journal, JournalFailed
from durable.local.terminal import to_terminal
from durable.operations.routes import operations
from durable.project import Project, load
from durable.steps.loop import LOOP, EventLoop
from durable.steps.tracing import tracing_of
from durable.store.table import TableBusy

HOST: Final = "127.0.0.1"
_TURN_THREADS: Final = 4
_GRACE_SECONDS: Final = 0.1
_SWITCH_SECONDS: Final = 0.002
"""How long a thread may keep the interpreter from the others. A request waits so long each time that it changes threads
while a run computes. Half of this makes the p99 of such requests no shorter (`python -m bench.computing`), and where
the machine is free a run over HTTP takes an eighth more of the processor.
"""
_DRAIN_SECONDS: Final = 2.0
_PURGE_MS: Final = 60_000
_PURGE_MORE_MS: Final = 200
_RETRY_MS: Final = 100


def serve(port: int, data: Path, threads: int = STEP_THREADS, *, force: bool = False, reload: bool = False) -> None:
    """Run the project of app.py until Ctrl-C.

    Args:
        threads: how many steps run at once; more wait for one of them to end.
        force: whether open runs that need code which was removed are ended.
        reload: whether the server goes on with the sources as they are then when one has changed.

    Raises:
        ConfigurationError: the project, the port or the data folder cannot be had.
        RunsNeedCode: the project lacks what open runs need.
        JournalFailed: nothing could be stored any more.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.disable()  # until the first request: what is made before it stays
    sys.dont_write_bytecode = reload  # two edits in a second, of one size, look alike to Python's cache
    to_terminal()
    before = inherited()
    with before or listen(HOST, port) as listening, socket.socket(fileno=os.dup(listening.fileno())) as kept:
        try:
            changed = _run(listening, port, data, threads, force=force, reload=reload, again=before is not None)
        except ConfigurationError as error:
            if before is None:
                raise
            logger.error("not reloaded; save again to try again:\n%s", error)
            wait_for_change(Path.cwd())
            changed = True
        if changed:
            replace_process(kept)
    logger.info("stopped; what was under way goes on at the next start")


def _run(
    listening: socket.socket, port: int, data: Path, threads: int, *, force: bool, reload: bool, again: bool
) -> bool:
    """Serve until Ctrl-C, or until the sources have changed; return whether it was that."""
    built = build(load())
    with closing(Journal(data)) as journal, kept(data) as logs:
        clock, crew = SystemClock(), paced_crew(journal)
        steps, turns = crew.pool(threads), crew.pool(_TURN_THREADS)
        log = TextLog(clock)
        parts: dict[str, Any] = {"clock": clock, "workers": steps, "turns": turns, "log": log, "loop": LOOP}
        tracing = tracing_of(os.environ, built.project.name)
        parts |= {"tracing": tracing, "url": f"http://localhost:{port}", "verify": verify}
        host = Host(built, journal, data, random=SystemRandom(), **parts)
        host.table.on_removed(logs.forget)
        greet = partial(_greet, built.project, port, data, _take_up(host, force), again=again)
        replaced = Event()

        def replace() -> None:
            replaced.set()
            running.should_exit = True

        reloader = Reloader(Path.cwd(), parts_of(built), host.lacking_in, replace)
        with moving(host, clock, LOOP, steps, turns) as go_on:
            running = server(_application(host, journal, data, log, logs, greet, go_on, lambda: running.should_exit))
            journal.listen(partial(_end, running))
            # It may have failed before the listener was there.
            running.should_exit = journal.failed is not None
            if reload:
                reloader.start()
            running.run(sockets=[listening])
            reloader.stop()
        log.close()
        tracing.flush()
        if journal.failed is not None:
            raise journal.failed
        return replaced.is_set()


def _take_up(host: Host, force: bool) -> int:
    """Take up the runs of the process before, and return how many there are."""
    try:
        lacking = host.lacking()
        if lacking and not force:
            raise RunsNeedCode(lacking)
        host.abandon(lacking)
        return host.reopen()
    except TableBusy as busy:  # nothing else is at work: what failed is the journal
        raise (host.journal.failed or JournalError(str(busy))) from None


def _end(running: Server, _: int, failed: JournalFailed | None) -> None:
    """End the server once nothing can be stored any more."""
    if failed is not None:
        running.should_exit = True


@contextmanager
def moving(host: Host, clock: Clock, loop: EventLoop, *pools: Pool) -> Iterator[Callable[[], None]]:
    """Have a host moved by the clock, and what is past its time removed, until the block's end.

    Yields what resumes the work of the process before.

    Args:
        pools: its threads, the engine's own last.
    """
    timers = TimerThread(host.timers, clock)
    watch = StallWatch(loop, clock)
    removed = 1

    def purge() -> None:
        nonlocal removed
        removed = 0
        with suppress(JournalError):
            removed = host.purge()

    def purge_due() -> int:
        return clock.now() + (_PURGE_MORE_MS if removed else _PURGE_MS)

    def schedule() -> None:
        with suppress(JournalError, TableBusy, Throttled):
            host.schedules.run(clock.now())

    def schedule_due() -> int | None:
        due = host.schedules.next_due()
        return None if due is None else max(due, clock.now() + _RETRY_MS)

    def go_on() -> None:
        timers.start()
        host.pump.start()
        host.go_on()
        for work, due in ((purge, purge_due), (schedule, schedule_due), (watch.look, lambda: clock.now() + LOOK_MS)):
            Recurring(work, due, host.timers, pools[-1]).arm()

    try:
        yield partial(pools[-1].submit, go_on)
    finally:
        timers.stop()
        host.pump.stop(_DRAIN_SECONDS)
        loop.drain(_DRAIN_SECONDS)
        for pool in pools:
            pool.drain(_DRAIN_SECONDS)
        host.engine.keep()


def _application(
    host: Host,
    journal: Journal,
    data: Path,
    log: TextLog,
    logs: StepLogs,
    greet: Callable[[], None],
    go_on: Callable[[], None],
    ending: Callable[[], bool],
) -> ASGIApp:
    gates: list[Gate] = []
    # Nobody waits for an end before the gate is there.
    ends = Ends(lambda futures: gates[0].settle(futures))
    host.ended = ends.report

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        # Made within the loop that serves: the gate's futures belong to it.
        gates.append(Gate(journal))
        settle()
        greet()
        # A step may end the process: whoever asks is answered before, and can terminate its run.
        asyncio.get_running_loop().call_later(_GRACE_SECONDS, go_on)
        yield

    async def gate() -> None:
        await gates[0]()

    apis = [host.api(worker) for worker in host.built.project.workers]
    for api in apis:
        api.failed = log.request_failed
    operator = operations(host.workflows, host.operator)
    return application(
        apis,
        operator,
        gate=gate,
        document=lambda: _document([*apis, operator]),
        routes=routes(host, data, logs),
        lifespan=lifespan,
        ending=ending,
        ends=ends,
    )


def _document(apis: Sequence[Api]) -> Mapping[str, Any]:
    from durable.http.openapi import document  # heavy, and seldom asked for

    return document(apis, title="Durable workflows", signed=False)


def _going_on(runs: int) -> str:
    return "1 run goes on" if runs == 1 else f"{runs} runs go on"


def _greet(project: Project, port: int, data: Path, open_runs: int, *, again: bool) -> None:
    if again:
        logger.info("reloaded%s", f"; {_going_on(open_runs)}" if open_runs else "")
    else:
        _introduce(project, port, data, open_runs)
    for each in project.secrets:  # also after a reload: it may have declared one
        try:
            EnvironmentSecret(each.name).get()
        except SecretMissing as missing:
            logger.warning("%s", missing)


def _introduce(project: Project, port: int, data: Path, open_runs: int) -> None:
    logger.info("listening on http://%s:%d, with the console at / and the API described at /openapi.json", HOST, port)
    logger.info("data in %s%s", data.absolute(), f", {_going_on(open_runs)}" if open_runs else "")
    logger.info("workflows: %s", ", ".join(each.name for each in project.workflows) or "none in app.py")
    for worker in project.workers:
        if isinstance(worker.auth, IAM):
            logger.warning("%r wants signed requests on AWS; this machine lets everybody in", worker)
