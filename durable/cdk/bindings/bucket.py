"""Bucket → an S3 bucket, which nobody but the Lambdas that it is granted to can see."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from durable.aws.resources import construct_id
from durable.bindings import Bucket
from durable.cdk.deployment.stage import Stage
from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.nag import acknowledge, written_objects

_UNFINISHED: Final = Duration.days(7)
_RESTORABLE: Final = Duration.days(35)
"""As long as a table of DynamoDB."""


class ObjectBucket(Construct):
    """The bucket of one Bucket.

    Args:
        versioned: whether what was deleted or written over can be restored for as long as a table's rows can.
        bucket: one that is there already; without it one is made.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        removal: RemovalPolicy,
        versioned: bool = False,
        bucket: s3.IBucket | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.bucket: s3.IBucket = bucket or self._made(removal, versioned=versioned)

    def _made(self, removal: RemovalPolicy, *, versioned: bool) -> s3.Bucket:
        former = s3.LifecycleRule(noncurrent_version_expiration=_RESTORABLE, expired_object_delete_marker=True)
        made = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal,
            # An upload in parts that was cut off is paid for, and shown in no list of objects.
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=_UNFINISHED),
                *([former] if versioned else ()),
            ],
            versioned=versioned,
        )
        acknowledge(made, "S1", "one role each reads and writes; who did so stands in CloudTrail, if wanted")
        return made

    @property
    def physical(self) -> str:
        return self.bucket.bucket_name

    def grant_use(self, function: HandlerFunction) -> None:
        """Allow objects, and to list them: without that a missing one would read as forbidden."""
        objects = self.bucket.arn_for_objects("*")
        function.grant("s3:GetObject", "s3:PutObject", "s3:DeleteObject", on=[objects])
        function.grant("s3:ListBucket", on=[self.bucket.bucket_arn])
        finding = f"IAM5[Resource::{written_objects(function, self.bucket, '*')}]"
        acknowledge(function.role, finding, "objects are named as they are written")


def resource_of(declared: Bucket, stage: Stage) -> ObjectBucket:
    """Return the S3 bucket of a bucket; outside of production it is emptied when it is removed."""
    there = stage.options.buckets.get(declared.name)
    settings = stage.settings
    translated = ObjectBucket(
        stage.scope,
        construct_id(declared),
        removal=settings.data_removal,
        versioned=settings.production,
        bucket=there,
    )
    # A bucket of the project's own is not emptied, wherever it is used.
    if there is None and not stage.settings.production:
        stage.changes.empty(f"{translated.node.id}Emptied", translated.bucket)
    return translated
