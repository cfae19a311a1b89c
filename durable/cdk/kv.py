"""KVNamespace → a DynamoDB table.

All keys of a namespace stand in one partition, in the order of their bytes, so that a list by prefix is one Query and
reads see every write. A partition's ceiling is the namespace's: 1,000 writes of 1 KB and 3,000 reads of 4 KB a second.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from durable.aws.expression import PARTITION, SORT
from durable.cdk.function import HandlerFunction
from durable.cdk.nag import acknowledge

EXPIRES: Final = "expires"


class RowsTable(dynamodb.Table):
    """A table of rows by partition and sort key, which vanish when their time is over."""

    def __init__(self, scope: Construct, id: str, *, production: bool) -> None:
        super().__init__(
            scope,
            id,
            partition_key=dynamodb.Attribute(name=PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=SORT, type=dynamodb.AttributeType.STRING),
            time_to_live_attribute=EXPIRES,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=production
            ),
            deletion_protection=production,
            removal_policy=RemovalPolicy.RETAIN if production else RemovalPolicy.DESTROY,
        )
        if not production:
            acknowledge(self, "DDB3", "only prod holds data that would be restored")


class Namespace(Construct):
    """The table of one KVNamespace."""

    def __init__(self, scope: Construct, id: str, *, production: bool) -> None:
        super().__init__(scope, id)
        self.table = RowsTable(self, "Table", production=production)

    @property
    def physical(self) -> str:
        return self.table.table_name

    def grant_use(self, function: HandlerFunction) -> None:
        actions = ("GetItem", "PutItem", "DeleteItem", "Query")
        function.grant(*(f"dynamodb:{action}" for action in actions), on=[self.table.table_arn])
