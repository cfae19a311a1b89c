"""What guards a deployment: no update takes from open runs what they may need, and no bucket holds up a destroy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import CustomResource, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from durable.aws.changes import EMPTIED, OPEN_RUNS
from durable.cdk.function import HandlerFunction, Platform
from durable.cdk.nag import acknowledge, written
from durable.cdk.record import Record

_SECONDS: Final = 300


class Changes(Construct):
    """The Lambda that CloudFormation asks before it changes what runs may need, and has buckets emptied by."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, record: Record) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="changes",
            environment={"DURABLE_TABLE": record.table.table_name},
            timeout_seconds=_SECONDS,
            description="asked by CloudFormation before it changes what runs may need",
        )
        record.grant_list(self.handler)
        self.handler.grant("cloudformation:DescribeStacks", on=[Stack.of(self).stack_id])

    def guard(self, needs: Mapping[str, Sequence[str]]) -> CustomResource:
        """Return what must be updated before anything of a workflow is: it fails while open runs need what goes."""
        return self._resource("OpenRuns", OPEN_RUNS, {"Needs": {name: list(each) for name, each in needs.items()}})

    def empty(self, id: str, bucket: s3.IBucket) -> None:
        """Have a bucket emptied when it is removed."""
        self.handler.grant("s3:ListBucket", on=[bucket.bucket_arn])
        self.handler.grant("s3:DeleteObject", on=[bucket.arn_for_objects("*")])
        finding = f"IAM5[Resource::{written(self, bucket.arn_for_objects('*'))}]"
        acknowledge(self.handler.role, finding, "all objects go when their bucket does")
        self._resource(id, EMPTIED, {"Bucket": bucket.bucket_name})

    def _resource(self, id: str, kind: str, properties: Mapping[str, object]) -> CustomResource:
        resource = CustomResource(
            self,
            id,
            service_token=self.handler.function.function_arn,
            resource_type=kind,
            properties=dict(properties),
        )
        resource.node.add_dependency(self.handler.role)
        return resource
