"""Worker → a Lambda that answers HTTP; with `url=True` behind an API of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from constructs import Construct

from durable.aws.callers import described as described_auth
from durable.bindings import ApiKeys, Worker
from durable.bindings.auth import Auth
from durable.bindings.worker import ApiKind
from durable.build import served_by
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.options import PLAIN, FunctionOptions
from durable.cdk.foundation.resource import Bindings, described
from durable.cdk.workflows.plane import Plane
from durable.cdk.workflows.record import Record
from durable.signature import Signature

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
        auth: Auth | None,
        api: ApiKind,
        options: FunctionOptions = PLAIN,
    ) -> None:
        super().__init__(scope, id)
        environment: dict[str, Any] = {
            "DURABLE_MODULE": module,
            "DURABLE_TABLE": record.table.table_name,
            "DURABLE_BINDINGS": described(bindings),
            "DURABLE_ORIGINS": list(origins),
        }
        if auth is not None:
            environment["DURABLE_AUTH"] = described_auth(auth, api)
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
        plane.record.grant_read_values(self.handler)  # a link to what a step returned is signed with this right


def granted_to(worker: Worker) -> Signature:
    """Return the signature of what a worker's Lambda serves: it needs no keys that API Gateway compares."""
    served, auth = served_by(worker), worker.auth
    if not isinstance(auth, ApiKeys) or auth.limit is None:
        return served
    return replace(served, bindings=tuple(each for each in served.bindings if each.name not in auth.uses()))
