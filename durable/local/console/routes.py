"""The console's routes; all but the page stand under /api/console/, which no other page may call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from durable.bindings import Bucket, Database, KVNamespace
from durable.build import values_of
from durable.clients.contents import Buckets, Databases, Namespaces
from durable.local.bindings.bucket import client_of as bucket_of
from durable.local.bindings.database import made_ready
from durable.local.bindings.kv import client_of as namespace_of
from durable.local.bindings.letters import LocalLetters
from durable.local.console.contents import contents_routes
from durable.local.console.dead_letters import DeadLetters, queue_routes
from durable.local.console.logs import Logs
from durable.local.console.outbox import Outbox
from durable.local.console.page import Page
from durable.local.console.schedules import SchedulesShown
from durable.local.console.values import Values
from durable.local.console.workflows import Workflows, failures_in
from durable.local.host import Host
from durable.local.http.loopback import CONSOLE
from durable.local.step_logs import StepLogs
from durable.local.storage.large_values import VALUES


def routes(host: Host, data: Path, logs: StepLogs) -> Sequence[Route]:
    """Return the routes of the console of a host that keeps its files in a folder."""
    outbox, queues = Outbox(data / "outbox"), DeadLetters(host.built.project.queues, LocalLetters(host.messages))
    workflows, schedules = (
        Workflows(host.built, failures_in(host.table)),
        SchedulesShown(host.built.project.workflows, host.clock),
    )
    contents = _contents(host, data)
    sections = ("schedules", "queues", "kv", "buckets", "databases", "outbox")

    async def project(request: Request) -> JSONResponse:
        """Say which project this server runs: a command asks before it changes anything."""
        return JSONResponse({"folder": str(Path.cwd()), "stage": None, "sections": sections})

    return (
        *page_routes(),
        Route(f"{CONSOLE}project", project),
        Route(f"{CONSOLE}graphs/{{workflow}}", workflows.graph),
        Route(f"{CONSOLE}tracebacks/{{workflow}}/{{instance}}", workflows.tracebacks),
        Route(f"{CONSOLE}outbox", outbox.index),
        Route(f"{CONSOLE}outbox/{{name}}", outbox.show),
        Route(f"{CONSOLE}outbox/{{name}}/html", outbox.html),
        Route(f"{VALUES}{{name:path}}", Values(data / "values").show),
        *queue_routes(queues),
        Route(f"{CONSOLE}schedules", schedules.index),
        Route(f"{CONSOLE}logs", Logs(logs, host.table).show),
        *contents,
    )


def page_routes() -> Sequence[Route]:
    """Return the routes of the page and its files."""
    page = Page()
    return (Route("/", page.document), Route("/console/{name}", page.asset))


def _contents(host: Host, data: Path) -> Sequence[Route]:
    place, built = host.place, host.built
    kv = values_of(built, KVNamespace)
    namespaces = {name: namespace_of(declared, type, place) for name, (declared, type) in kv.items()}
    buckets = {name: bucket_of(declared, None, place) for name, (declared, _) in values_of(built, Bucket).items()}
    databases = {name: partial(made_ready, name, data) for name in values_of(built, Database)}
    types = {name: type for name, (_, type) in kv.items()}
    return contents_routes(Namespaces(namespaces, types), Buckets(buckets), Databases(databases))
