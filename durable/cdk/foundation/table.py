"""A DynamoDB table as all of this project's are: rows by partition and sort key, paid by request."""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from durable.aws.expression import PARTITION, SORT
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
            # Retained on creation too: a first deployment that fails could else not be rolled back, as nobody may
            # delete a table with this protection.
            removal_policy=RemovalPolicy.RETAIN if production else RemovalPolicy.DESTROY,
        )
        if not production:
            acknowledge(self, "DDB3", "only prod holds data that would be restored")
