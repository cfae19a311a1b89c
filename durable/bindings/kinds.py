"""The kinds of bindings, and where the parts of each are. A new kind is its files and one entry here.

A part is named as `module:name` and imported when it is asked for: a Lambda imports the clients that its step names and
no others, and never a construct.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Kind:
    """Where the parts of one kind of binding are.

    Attributes:
        declaration: the class that app.py makes and that signatures name.
        aws: `(name, value_type, resource) -> client`, in a Lambda; `resource` is what the construct's
            `physical` was.
        local: `(declared, value_type, place) -> client`, on one machine; `place` is a
            `durable.local.bindings.place.Place`.
        sandbox: the class of the client in tests, a `durable.testing.client.SandboxClient`; None where a test uses the
            client of one machine.
        construct: `(declared, stage) -> resource`, of the declaration on AWS; `stage` is a
            `durable.cdk.deployment.stage.Stage`.

    A part is None where the kind has none: nothing is bound to a Worker, and the stack builds workflows itself.
    """

    declaration: str
    aws: str | None
    local: str | None
    sandbox: str | None
    construct: str | None


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "kv": Kind(
            declaration="durable.bindings.kv:KVNamespace",
            aws="durable.aws.kv:client_of",
            local="durable.local.bindings.kv:client_of",
            sandbox="durable.testing.contents:KVContents",
            construct="durable.cdk.bindings.kv:resource_of",
        ),
        "queue": Kind(
            declaration="durable.bindings.queue:Queue",
            aws="durable.aws.queue:client_of",
            local="durable.local.bindings.queue:client_of",
            sandbox="durable.testing.contents:QueueContents",
            construct="durable.cdk.bindings.queue:resource_of",
        ),
        "bucket": Kind(
            declaration="durable.bindings.bucket:Bucket",
            aws="durable.aws.bucket:client_of",
            local="durable.local.bindings.bucket:client_of",
            sandbox="durable.testing.bucket:MemoryBucket",
            construct="durable.cdk.bindings.bucket:resource_of",
        ),
        "email": Kind(
            declaration="durable.bindings.email:SendEmail",
            aws="durable.aws.email:client_of",
            local="durable.local.bindings.outbox:client_of",
            sandbox="durable.testing.outbox:MemoryOutbox",
            construct="durable.cdk.bindings.email:resource_of",
        ),
        "secret": Kind(
            declaration="durable.bindings.secret:Secret",
            aws="durable.aws.secret:client_of",
            local="durable.local.bindings.secret:client_of",
            sandbox="durable.testing.secret:GivenSecret",
            construct="durable.cdk.bindings.configuration:secret_of",
        ),
        "var": Kind(
            declaration="durable.bindings.var:Var",
            aws="durable.aws.var:client_of",
            local="durable.local.bindings.var:client_of",
            sandbox="durable.testing.var:GivenVar",
            construct="durable.cdk.bindings.configuration:var_of",
        ),
        "service": Kind(
            declaration="durable.bindings.service:AWSService",
            aws="durable.aws.service:client_of",
            local="durable.local.bindings.service:client_of",
            sandbox="durable.testing.service:StubbedService",
            construct="durable.cdk.bindings.service:resource_of",
        ),
        "database": Kind(
            declaration="durable.bindings.database:Database",
            aws="durable.aws.database:client_of",
            local="durable.local.bindings.database:client_of",
            sandbox="durable.testing.database:DatabaseContents",
            construct="durable.cdk.bindings.database:resource_of",
        ),
        "workflow": Kind(
            declaration="durable.bindings.workflow:Workflow",
            aws="durable.aws.workflow:client_of",
            local="durable.local.bindings.workflow:client_of",
            sandbox=None,
            construct=None,
        ),
        "worker": Kind(
            declaration="durable.bindings.worker:Worker", aws=None, local=None, sandbox=None, construct=None
        ),
    }
)


def part(reference: str) -> Any:
    """Import what `module:name` names."""
    module, _, name = reference.partition(":")
    # Imported when it is asked for: a Lambda's cold start pays for the clients that it uses, and for no others.
    return getattr(importlib.import_module(module), name)
