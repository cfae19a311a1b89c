"""The record of runs: its table, and what may be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aws_cdk import ArnFormat
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.aws.expression import DUE_PARTITION, INDEX_PARTITION
from durable.aws.indexes import DUE_INDEX, DUE_SORT, INDEX, INDEX_SORT
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.foundation.table import RowsTable
from durable.cdk.nag import acknowledge, logical_id, written, written_objects
from durable.store.pools import POOL

ANSWERS: Final = ("states:SendTaskSuccess", "states:SendTaskFailure")
"""The actions by which a Task gets the result that it waits for."""

_ROW_ACTIONS: Final = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")


class Record(Construct):
    """The table of runs, and the bucket of the values that are too large for it.

    Args:
        values: that bucket; None where no workflow passes on what may be large.
    """

    def __init__(self, scope: Construct, id: str, *, production: bool, values: s3.IBucket | None = None) -> None:
        super().__init__(scope, id)
        self.values = values
        # The id is that of a former version. Under another one CloudFormation would make an empty table, and in a stage
        # that is not protected it would delete the runs.
        self.table = RowsTable(self, "Instances", production=production)
        self.table.add_global_secondary_index(
            index_name=INDEX,
            partition_key=dynamodb.Attribute(name=INDEX_PARTITION, type=dynamodb.AttributeType.STRING),
            # By when a run changed last, so that a list begins with the newest ones.
            sort_key=dynamodb.Attribute(name=INDEX_SORT, type=dynamodb.AttributeType.NUMBER),
        )

        self.table.add_global_secondary_index(
            index_name=DUE_INDEX,
            partition_key=dynamodb.Attribute(name=DUE_PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=DUE_SORT, type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,  # each run is read anyway before it is woken
        )

    def grant_step(self, handler: HandlerFunction, workflow: str) -> None:
        """Allow a step to lease, read and record: rows of its own workflow only."""
        self._grant(handler, workflow, ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"))

    def grant_create(self, handler: HandlerFunction, workflow: str) -> None:
        """Allow to start and to read the runs of one workflow."""
        self._grant(handler, workflow, ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"))

    def _grant(self, handler: HandlerFunction, workflow: str, actions: Sequence[str]) -> None:
        table = [self.table.table_arn]
        # All workflows share one table: the condition on the partition key keeps each to its own rows.
        handler.grant(*(f"dynamodb:{each}" for each in actions), on=table, conditions=_keys_of(workflow))

    def grant_pools(self, handler: HandlerFunction, workflow: str) -> None:
        """Allow to remove rows of the pools that limit the runs of one workflow, and no other rows of it."""
        pools = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{workflow}#{POOL}*"]}}
        handler.grant("dynamodb:DeleteItem", on=[self.table.table_arn], conditions=pools)

    def grant_list(self, handler: HandlerFunction, workflow: str | None = None) -> None:
        """Allow to list the runs of one workflow, or of all, and nothing else."""
        own = {} if workflow is None else _keys_of(workflow)
        handler.grant("dynamodb:Query", on=[f"{self.table.table_arn}/index/{INDEX}"], conditions=own)

    def grant_due(self, handler: HandlerFunction) -> None:
        """Allow to ask which runs are due."""
        handler.grant("dynamodb:Query", on=[f"{self.table.table_arn}/index/{DUE_INDEX}"])

    def environment(self) -> dict[str, str]:
        """Return the variables that name the bucket of large values."""
        return {} if self.values is None else {"DURABLE_VALUES": self.values.bucket_name}

    def grant_values(self, handler: HandlerFunction, workflow: str = "*") -> None:
        """Allow to read and write the large values of one workflow's runs, or of all, where there is a bucket of them.

        The names of all values can be listed, so that a missing value does not look like one that may not be read.
        """
        if self.values is not None:
            self._grant_objects(handler, workflow, "s3:GetObject", "s3:PutObject")

    def _grant_objects(self, handler: HandlerFunction, workflow: str, *actions: str) -> None:
        assert self.values is not None
        pattern = "*" if workflow == "*" else f"{workflow}/*"
        objects = self.values.arn_for_objects(pattern)
        handler.grant(*actions, on=[objects])
        # Without it S3 answers that a value which is gone may not be read. A condition on the prefix would not
        # help: S3 asks for the right to list the bucket as a whole.
        handler.grant("s3:ListBucket", on=[self.values.bucket_arn])
        # From a nested stack cdk-nag may name the bucket by the parameter that brings its ARN, or as the bucket.
        for found in {written_objects(handler, self.values, pattern), written(self.values, objects)}:
            acknowledge(handler.role, f"IAM5[Resource::{found}]", "values are named as they are written")

    def grant_read_values(self, handler: HandlerFunction, workflow: str = "*") -> None:
        """Allow to read the large values of one workflow's runs, or of all: a link to one is signed with this right."""
        if self.values is not None:
            self._grant_objects(handler, workflow, "s3:GetObject")

    def grant_delete_values(self, handler: HandlerFunction) -> None:
        """Allow to list and delete the large values of all runs, and not to read them."""
        if self.values is not None:
            objects = self.values.arn_for_objects("*")
            handler.grant("s3:DeleteObject", on=[objects])
            handler.grant("s3:ListBucket", on=[self.values.bucket_arn])
            finding = f"IAM5[Resource::{written_objects(handler, self.values, '*')}]"
            acknowledge(handler.role, finding, "values are named as they are written")

    def grant_all(self, handler: HandlerFunction) -> None:
        """Allow to read, list and write the runs of all workflows."""
        handler.grant(*(f"dynamodb:{each}" for each in _ROW_ACTIONS), on=[self.table.table_arn])
        self.grant_list(handler)


def _keys_of(workflow: str) -> dict[str, dict[str, list[str]]]:
    """Return the condition that the partition keys of a request, to the table or to an index, are a workflow's."""
    # ForAllValues also holds for a request without keys, as a Scan: so no right to scan may be granted with it.
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{workflow}#*"]}}


def grant_executions(handler: HandlerFunction, machine: sfn.StateMachine, *actions: str) -> None:
    """Allow actions on all executions of a machine, and on nothing else."""
    arn = machine.stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    handler.grant(*actions, on=[arn])
    finding = f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<{logical_id(machine)}.Name>:*"
    acknowledge(handler.role, f"IAM5[Resource::{finding}]", "an execution is named when it starts")
