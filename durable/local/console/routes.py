"""The console's routes; all but the page stand under /api/console/, which no other page may call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from durable.local.console.dead_letters import DeadLetters
from durable.local.console.outbox import Outbox
from durable.local.console.page import Page
from durable.local.console.workflows import Workflows
from durable.local.host import Host
from durable.local.http.loopback import CONSOLE


async def _project(request: Request) -> JSONResponse:
    """Say which project this server runs: a command asks before it changes anything."""
    return JSONResponse({"folder": str(Path.cwd())})


def routes(host: Host, data: Path) -> Sequence[Route]:
    """Return the routes of the console of a host that keeps its files in a folder."""
    page, outbox, queues = Page(), Outbox(data / "outbox"), DeadLetters(host.built.project.queues, host.messages)
    workflows = Workflows(host.workflows, host.table)
    return (
        Route("/", page.document),
        Route("/console/{name}", page.asset),
        Route(f"{CONSOLE}project", _project),
        Route(f"{CONSOLE}graphs/{{workflow}}", workflows.graph),
        Route(f"{CONSOLE}tracebacks/{{workflow}}/{{instance}}", workflows.tracebacks),
        Route(f"{CONSOLE}outbox", outbox.index),
        Route(f"{CONSOLE}outbox/{{name}}", outbox.show),
        Route(f"{CONSOLE}outbox/{{name}}/html", outbox.html),
        Route(f"{CONSOLE}queues", queues.index),
        Route(f"{CONSOLE}queues/{{queue}}/dead-letters", queues.show),
        Route(f"{CONSOLE}queues/{{queue}}/redrive", queues.redrive, methods=["POST"]),
    )
