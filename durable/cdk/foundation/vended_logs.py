"""Log groups that AWS's services write to themselves."""

from __future__ import annotations

from aws_cdk import Fn, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct


def vended_log_group(
    scope: Construct, id: str, *, service: str, name: str, retention: logs.RetentionDays, removal: RemovalPolicy
) -> logs.LogGroup:
    """Return a log group for a state machine or an API.

    Groups under /aws/vendedlogs/ share one statement of the account's resource policy for logs, which holds some 37
    statements at the most. The name has a part of the stack's id: the logs of a stack that was removed may be kept.
    """
    # The id is `arn:…:stack/<name>/<uuid>`; the first group of the uuid is enough to tell two stacks of one name apart.
    stack_id = Fn.select(2, Fn.split("/", Stack.of(scope).stack_id))
    return logs.LogGroup(
        scope,
        id,
        log_group_name=f"/aws/vendedlogs/{service}/{name}-{Fn.select(0, Fn.split('-', stack_id))}",
        retention=retention,
        removal_policy=removal,
    )
