"""A customer-managed key over all that a stack stores: an Aspect, so that a project's own resources have it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jsii
from aws_cdk import IAspect, Stack
from aws_cdk import aws_dsql as dsql
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from durable.cdk.foundation.settings import Settings

_DATA_KEY_SECONDS: Final = 300
"""How long Step Functions and SQS use one data key: fewer requests of KMS, which are paid for."""
_USERS: Final = frozenset({"lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com"})
"""Whose roles may use the key; each is granted the resources that it may use besides."""


def key_of(scope: Construct, settings: Settings) -> kms.IKey | None:
    """Return the key of a stage, if it has one: made with the stack, or named."""
    match settings.encryption:
        case str(arn):
            return kms.Key.from_key_arn(scope, "Key", arn)
        case True:
            key = kms.Key(
                scope,
                "Key",
                description=f"all that {settings.stack} stores",
                enable_key_rotation=True,
                removal_policy=settings.data_removal,
            )
            for statement in (*_for_logs(Stack.of(scope)), *_for_databases(Stack.of(scope))):
                key.add_to_resource_policy(statement)
            return key
    return None


def _for_logs(stack: Stack) -> Sequence[iam.PolicyStatement]:
    """Return what the policy of a key says for CloudWatch Logs, which uses it for the log groups of this account, and
    for the service that delivers the logs of state machines.
    """
    # The names of most log groups are CloudFormation's own, and not known here: so all groups of the account are named.
    groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
    return (
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        ),
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        ),
    )


def _for_databases(stack: Stack) -> Sequence[iam.PolicyStatement]:
    """Return what the policy of a key says for Aurora DSQL, which uses it for the clusters of this account."""
    # A cluster's id is known only when it is made, with the key.
    clusters = {"aws:SourceArn": f"arn:{stack.partition}:dsql:{stack.region}:{stack.account}:cluster/*"}
    service = iam.ServicePrincipal("dsql.amazonaws.com")
    return (
        iam.PolicyStatement(
            principals=[service],
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringLike": {"kms:EncryptionContext:aws:dsql:ClusterId": "*", **clusters}},
        ),
        iam.PolicyStatement(
            principals=[service],
            actions=["kms:DescribeKey"],
            resources=["*"],
            conditions={"StringLike": clusters},
        ),
    )


@jsii.implements(IAspect)
class Encrypted:
    """Has tables, databases, queues, buckets, log groups, state machines and Lambdas' environments encrypted with a
    key, and lets the roles of Lambdas, state machines and schedules use it.
    """

    def __init__(self, key: kms.IKey) -> None:
        self._arn = key.key_arn

    def visit(self, node: IConstruct) -> None:
        match node:
            case dynamodb.CfnTable():
                node.sse_specification = dynamodb.CfnTable.SSESpecificationProperty(
                    sse_enabled=True, sse_type="KMS", kms_master_key_id=self._arn
                )
            case dsql.CfnCluster():
                node.kms_encryption_key = self._arn
            case sqs.CfnQueue():
                node.sqs_managed_sse_enabled = False
                node.kms_master_key_id = self._arn
                node.kms_data_key_reuse_period_seconds = _DATA_KEY_SECONDS
            case s3.CfnBucket():
                by_default = s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                    sse_algorithm="aws:kms", kms_master_key_id=self._arn
                )
                rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(
                    bucket_key_enabled=True, server_side_encryption_by_default=by_default
                )
                node.bucket_encryption = s3.CfnBucket.BucketEncryptionProperty(
                    server_side_encryption_configuration=[rule]
                )
            case logs.CfnLogGroup():
                node.kms_key_id = self._arn
            case lambda_.CfnFunction():
                node.kms_key_arn = self._arn
            case sfn.CfnStateMachine():
                node.encryption_configuration = sfn.CfnStateMachine.EncryptionConfigurationProperty(
                    type="CUSTOMER_MANAGED_KMS_KEY",
                    kms_key_id=self._arn,
                    kms_data_key_reuse_period_seconds=_DATA_KEY_SECONDS,
                )
            case iam.CfnRole() if _USERS & set(_services(Stack.of(node).resolve(node.assume_role_policy_document))):
                # Inline, and not by a grant on the key: a key that is named by its ARN has a policy that this stack
                # cannot change.
                use = {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": self._arn}
                document = {"Version": "2012-10-17", "Statement": [use]}
                policy = iam.CfnRole.PolicyProperty(policy_name="Key", policy_document=document)
                own = node.policies if isinstance(node.policies, list) else []  # a role of the project may have some
                node.policies = [*own, policy]


def _services(document: Mapping[str, Any]) -> list[str]:
    """Return the services that may take on a role."""
    principals = [each.get("Principal", {}).get("Service", []) for each in document["Statement"]]
    return [each for one in principals for each in ([one] if isinstance(one, str) else one) if isinstance(each, str)]
