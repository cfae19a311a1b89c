"""Worker → a Lambda that answers HTTP; with `url=True` behind a REST API of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from constructs import Construct

from durable.bindings.worker import OTHERS, Worker
from durable.build import api_of
from durable.cdk.function import HandlerFunction, Platform
from durable.cdk.options import PLAIN, FunctionOptions
from durable.cdk.plane import Plane
from durable.cdk.record import Record
from durable.cdk.resource import Bindings, described

API_SECONDS: Final = 25
"""API Gateway waits for 29 s at the most."""


class WorkerFunction(Construct):
    """The Lambda of one Worker: granted what the worker is bound to."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        module: str,
        bindings: Bindings,
        record: Record,
        origins: Sequence[str],
        options: FunctionOptions = PLAIN,
    ) -> None:
        super().__init__(scope, id)
        environment = {
            "DURABLE_MODULE": module,
            "DURABLE_TABLE": record.table.table_name,
            "DURABLE_BINDINGS": described(bindings),
            "DURABLE_ORIGINS": list(origins),
        }
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="worker",
            environment=environment,
            timeout_seconds=API_SECONDS,
            description=f"worker {module}",
            options=options,
        )
        for each in bindings.values():
            each.resource.grant_use(self.handler)


class Operations(Construct):
    """The Lambda that starts and operates any workflow, for callers that IAM lets in."""

    def __init__(self, scope: Construct, id: str, *, plane: Plane) -> None:
        super().__init__(scope, id)
        self.handler = plane.function(self, "Handler", entry="operations", timeout_seconds=API_SECONDS)


def unknown_routes(worker: Worker) -> Iterator[str]:
    """Yield a sentence for each route that a worker throttles and does not have."""
    throttled = [each for each in worker.throttles if each != OTHERS]
    routes = [f"{each.method} {each.path}" for each in api_of(worker, worker.uses()).routes] if throttled else []
    for each in throttled:
        if each not in routes:
            yield f"{worker!r} throttles {each!r}, which {worker.module} does not serve; it serves {', '.join(routes)}"
