"""What is kept, as a command reaches it: by the local server, or in the resources of a deployed stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode

from durable.cli.operations import Operations, segment

if TYPE_CHECKING:  # boto3 takes a quarter of a second
    from durable.cli.stage import StageTransport
    from durable.clients.contents import Buckets, Databases, Namespaces
    from durable.local.console.dead_letters import DeadLetters

_ROUTE: Final = "/api/console/kv"
# CDK's `TableV2` is a GlobalTable.
_TABLE: Final = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
_BUCKET: Final = ("AWS::S3::Bucket",)
_CLUSTER: Final = ("AWS::DSQL::Cluster",)
_QUEUE: Final = ("AWS::SQS::Queue",)


class Kept(Protocol):
    """The namespaces of a project; see `durable.clients.contents.Namespaces`."""

    def names(self) -> list[dict[str, Any]]: ...

    def keys(self, name: str, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]: ...

    def get(self, name: str, key: str) -> dict[str, Any]: ...

    def put(self, name: str, key: str, value: Any, *, ttl: str | None = None) -> bool: ...

    def delete(self, name: str, key: str) -> None: ...


class ServedNamespaces:
    """Those of the local server."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def names(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._operations.call("GET", _ROUTE)["namespaces"]
        return found

    def keys(self, name: str, prefix: str, cursor: str | None, limit: int) -> dict[str, Any]:
        query: Mapping[str, str | int | None] = {"prefix": prefix or None, "limit": limit, "cursor": cursor}
        page: dict[str, Any] = self._operations.call("GET", _path(name), query=query)
        return page

    def get(self, name: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self._operations.call("GET", _value(name, key))
        return found

    def put(self, name: str, key: str, value: Any, *, ttl: str | None = None) -> bool:
        self._operations.call("PUT", _value(name, key), {"value": value, "ttl": ttl})
        return True

    def delete(self, name: str, key: str) -> None:
        self._operations.call("DELETE", _value(name, key))


def _path(name: str) -> str:
    return f"{_ROUTE}/{segment(name)}"


def _value(name: str, key: str) -> str:
    return f"{_path(name)}/value?{urlencode({'key': key})}"


def namespaces_of(stage: StageTransport) -> Namespaces:
    """Return the namespaces of a stage: those that the project of this folder declares and the stack has."""
    from durable.aws.kv import DynamoDBKVNamespace
    from durable.aws.resources import name_of
    from durable.bindings import KVNamespace
    from durable.build import build, values_of
    from durable.clients.contents import Namespaces
    from durable.clock import SystemClock
    from durable.project import load

    found = values_of(build(load()), KVNamespace)
    tables = {name: name_of(declared, stage.resources, _TABLE) for name, (declared, _) in found.items()}
    dynamodb, clock = stage.session.client("dynamodb"), SystemClock()
    clients = {
        name: DynamoDBKVNamespace[Any](name, found[name][1], table, clock, dynamodb=dynamodb)
        for name, table in tables.items()
        if table is not None
    }
    return Namespaces(clients, {name: type for name, (_, type) in found.items()})


def buckets_of(stage: StageTransport) -> Buckets:
    """Return the buckets of a stage, in the same way."""
    from durable.aws.bucket import S3Bucket
    from durable.aws.resources import name_of
    from durable.bindings import Bucket
    from durable.build import build, values_of
    from durable.clients.contents import Buckets
    from durable.project import load

    declared = {name: each for name, (each, _) in values_of(build(load()), Bucket).items()}
    names = {name: name_of(each, stage.resources, _BUCKET) for name, each in declared.items()}
    s3 = stage.session.client("s3")
    return Buckets({name: S3Bucket(name, bucket, s3=s3) for name, bucket in names.items() if bucket is not None})


def databases_of(stage: StageTransport) -> Databases:
    """Return the databases of a stage, in the same way; each connection is signed as whom AWS_PROFILE names."""
    from functools import partial

    from durable.aws.database import dsql_engine, endpoint_of
    from durable.aws.resources import name_of
    from durable.bindings import Database
    from durable.build import build, values_of
    from durable.clients.contents import Databases
    from durable.project import load

    declared = {name: each for name, (each, _) in values_of(build(load()), Database).items()}
    clusters = {name: name_of(each, stage.resources, _CLUSTER, "Cluster") for name, each in declared.items()}
    region = stage.session.region_name
    return Databases(
        {
            name: partial(dsql_engine, endpoint_of(cluster, region))
            for name, cluster in clusters.items()
            if cluster is not None
        }
    )


def queues_of(stage: StageTransport) -> DeadLetters:
    """Return the queues of a stage, in the same way."""
    from durable.aws.letters import SQSLetters, Urls
    from durable.aws.resources import name_of
    from durable.local.console.dead_letters import DeadLetters
    from durable.project import load

    found: dict[str, Urls] = {}
    declared = load().queues
    for each in declared:
        queue, dead = (name_of(each, stage.resources, _QUEUE, part) for part in ("", "DeadLetters"))
        # A queue that was declared after the last deployment is not there yet.
        if queue is not None and dead is not None:
            found[each.name] = Urls(queue, dead)
    there = [each for each in declared if each.name in found]
    return DeadLetters(there, SQSLetters(found, stage.session.client("sqs")))
