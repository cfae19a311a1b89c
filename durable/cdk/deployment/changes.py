"""What guards a deployment: no update takes from open runs what they may need, and no bucket holds up a destroy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import CustomResource, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct, IDependable

from durable.aws.changes import DRAINED, EMPTIED, OPEN_RUNS
from durable.cdk.deployment.deployed import DeployedWorkflow
from durable.cdk.deployment.reach import reach_of
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.limits import NEEDS_BYTES
from durable.cdk.workflows.record import Record

_SECONDS: Final = 900
_OVERHEAD_BYTES: Final = 2_000


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

    def guard(self, deployed: Mapping[str, DeployedWorkflow]) -> CustomResource:
        """Return what must be updated before anything of a workflow is: it fails while open runs need what goes."""
        # These are properties of the resource: CloudFormation asks again exactly when they change.
        needs = {name: each.needs() for name, each in deployed.items()}
        reach = reach_of(deployed, NEEDS_BYTES - _OVERHEAD_BYTES - len(json.dumps(needs)))
        properties = {"Needs": {name: [*each] for name, each in needs.items()}, "Reach": reach}
        return self._resource("OpenRuns", OPEN_RUNS, properties)

    def drain(self, guard: CustomResource, after: Sequence[IDependable]) -> None:
        """Have what goes wait, when all that begins runs is updated, for the runs that the guard left to end."""
        # `Gone` is what the guard has found: it changes with each deployment that takes something away, and only then
        # is there anything to wait for.
        drained = self._resource("Drained", DRAINED, {"Gone": guard.get_att_string("Gone")})
        drained.node.add_dependency(*after)

    def empty(self, id: str, bucket: s3.IBucket) -> None:
        """Have a bucket emptied when it is removed."""
        self.handler.grant("s3:ListBucketVersions", on=[bucket.bucket_arn])
        objects, why = bucket.arn_for_objects("*"), "all objects go when their bucket does"
        self.handler.grant("s3:DeleteObject", "s3:DeleteObjectVersion", on=[objects], because=why)
        self._resource(id, EMPTIED, {"Bucket": bucket.bucket_name})

    def _resource(self, id: str, kind: str, properties: Mapping[str, object]) -> CustomResource:
        resource = CustomResource(
            self,
            id,
            service_token=self.handler.function.function_arn,
            resource_type=kind,
            properties=dict(properties),
        )
        # The role's policies are resources of their own: without this CloudFormation may invoke the Lambda before it
        # has its rights, or take them away before it was asked for the last time.
        resource.node.add_dependency(self.handler.role)
        return resource
