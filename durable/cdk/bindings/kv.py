"""KVNamespace → a DynamoDB table.

All keys of a namespace stand in one partition, in the order of their bytes, so that a list by prefix is one Query and
reads see every write. A partition's ceiling is the namespace's: 1,000 writes of 1 KB and 3,000 reads of 4 KB a second.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from durable.aws.resources import construct_id
from durable.bindings import KVNamespace
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.foundation.table import RowsTable


class Namespace(Construct):
    """The table of one KVNamespace.

    Args:
        table: one that is there already; without it one is made.
    """

    def __init__(self, scope: Construct, id: str, *, production: bool, table: dynamodb.ITable | None = None) -> None:
        super().__init__(scope, id)
        self.table: dynamodb.ITable = table or RowsTable(self, "Table", production=production)

    @property
    def physical(self) -> str:
        return self.table.table_name

    def grant_use(self, function: HandlerFunction) -> None:
        # No `UpdateItem`: the client writes whole values, on the condition that the version is as it was read.
        actions = ("GetItem", "PutItem", "DeleteItem", "Query")
        function.grant(*(f"dynamodb:{action}" for action in actions), on=[self.table.table_arn])


def resource_of(declared: KVNamespace[Any], stage: Stage) -> Namespace:
    """Return the table of a namespace."""
    there = stage.options.tables.get(declared.name)
    return Namespace(stage.scope, construct_id(declared), production=stage.settings.production, table=there)
