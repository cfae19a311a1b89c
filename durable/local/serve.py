"""`make run`: the project on this machine, until Ctrl-C."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

from durable.build import build
from durable.clock import SystemClock
from durable.local.console import routes
from durable.local.gate import Gate
from durable.local.host import Host
from durable.local.http import application, listen, server
from durable.local.journal import Journal
from durable.local.log import TextLog, logger, to_terminal
from durable.local.timers import TimerThread
from durable.local.workers import ThreadWorkers
from durable.project import load
from durable.runtime.http import Api
from durable.runtime.operations import operations

HOST: Final = "127.0.0.1"
_DRAIN_SECONDS: Final = 2.0


def serve(port: int, data: Path) -> None:
    """Run the project of app.py until Ctrl-C.

    Raises:
        ConfigurationError: the project, the port or the data folder cannot be had.
    """
    to_terminal()
    with listen(HOST, port) as listening:
        built = build(load())
        clock, workers = SystemClock(), ThreadWorkers()
        journal = Journal(data)
        try:
            host = Host(built, journal, data, clock=clock, workers=workers, log=TextLog(), random=Random())
            timers = TimerThread(host.timers, clock)

            @asynccontextmanager
            async def lifespan(_: Any) -> AsyncIterator[None]:
                gates.append(Gate(journal))
                timers.start()
                host.pump.start()
                open_runs = host.engine.recover()
                _greet(port, data, open_runs)
                yield

            gates: list[Gate] = []
            apis = [host.api(worker) for worker in built.project.workers]
            operator = operations(host.workflows, host.operator)

            async def gate() -> None:
                await gates[0]()

            app = application(
                apis,
                operator,
                gate=gate,
                document=lambda: _document([*apis, operator]),
                routes=routes(host, data),
                lifespan=lifespan,
                workers=workers,
            )
            server(app).run(sockets=[listening])
            timers.stop()
            host.pump.stop(_DRAIN_SECONDS)
            workers.drain(_DRAIN_SECONDS)
        finally:
            journal.close()
        logger.info("stopped; what was under way goes on at the next start")


def _document(apis: Sequence[Api]) -> Mapping[str, Any]:
    from durable.runtime.http.openapi import document  # heavy, and seldom asked for

    return document(apis, title="Durable workflows", signed=False)


def _greet(port: int, data: Path, open_runs: int) -> None:
    logger.info("listening on http://%s:%d", HOST, port)
    logger.info("data in %s%s", data.absolute(), f", {open_runs} runs go on" if open_runs else "")
    logger.info(
        "try: curl -i -X POST http://%s:%d/api/workflow/start -H 'Content-Type: application/json'"
        """ -d '{"email":"user@example.com","name":"John Doe","avatarUrl":"https://example.com/avatar.jpg"}'""",
        HOST,
        port,
    )
