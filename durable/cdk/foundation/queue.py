"""Queues of SQS, as all of a deployment are: encrypted, and reached by TLS alone."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

VISIBILITY: Final = 6
"""A message is hidden for so many times the timeout of the Lambda that consumes it, as AWS advises: so it does not come
again while it is being worked on."""


def secured_queue(
    scope: Construct,
    id: str,
    *,
    removal: RemovalPolicy | None = None,
    retention: Duration | None = None,
    visibility_timeout: Duration | None = None,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    """Make a queue; what is not given is as CloudFormation has it."""
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=removal,
        retention_period=retention,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=dead_letter_queue,
    )
