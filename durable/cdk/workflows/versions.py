"""The Lambda that deletes versions of state machines and Lambdas which no run needs any more."""

from __future__ import annotations

from typing import Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction
from durable.cdk.workflows.plane import Plane, machine_arn
from durable.cdk.workflows.workflow import grant_registry

_SECONDS: Final = 900
_PREFIX: Final = 24
"""Characters of a stack's name that the names of its Lambdas begin with: CloudFormation cuts a longer one."""


class OldVersions(Construct):
    """Deletes once a day what `durable.aws.versions` says."""

    def __init__(self, scope: Construct, id: str, *, plane: Plane) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=plane.platform,
            entry="versions",
            environment={"DURABLE_TABLE": plane.record.table.table_name, "DURABLE_REGISTRY": plane.registry},
            timeout_seconds=_SECONDS,
            description="deletes versions that no run needs any more",
        )
        plane.record.grant_list(self.handler)
        grant_registry(self.handler, plane.registry)
        machines = [each.state_machine_arn for each in plane.machines.values()]
        machines += [each.arn for each in plane.segmented.values()]
        machines += [machine_arn(self, plane.nested)] if plane.nested is not None else []
        self._allow(
            [f"{each}*" for each in machines],  # the machine itself, and its versions
            "states:ListStateMachineVersions",
            "states:DescribeStateMachine",
            "states:DeleteStateMachineVersion",
        )
        stack = Stack.of(self)
        # The names of Lambdas are CloudFormation's own, except for the beginning.
        name = f"{stack.stack_name[:_PREFIX]}*"
        functions = stack.format_arn(
            service="lambda", resource="function", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        self._allow([functions], "lambda:ListVersionsByFunction", "lambda:DeleteFunction")
        events.Rule(
            self,
            "EveryDay",
            description="deletes versions that no run needs any more",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[targets.LambdaFunction(self.handler.function)],
        )

    def _allow(self, resources: list[str], *actions: str) -> None:
        self.handler.grant(*actions, on=resources, because="versions are numbered as they are published")
