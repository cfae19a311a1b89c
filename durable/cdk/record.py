"""The record of instances: its table, and the two Lambdas that keep it true to what Step Functions did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import ArnFormat, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.aws.expression import DUE_PARTITION, INDEX_PARTITION
from durable.aws.table import DUE_INDEX, DUE_SORT, INDEX, INDEX_SORT
from durable.cdk.function import HandlerFunction, Platform
from durable.cdk.nag import acknowledge, logical_id
from durable.cdk.table import RowsTable

SWEEP_MINUTES: Final = 5
_SECONDS: Final = 60
ENDS: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")

ANSWERS: Final = ("states:SendTaskSuccess", "states:SendTaskFailure")
"""What it takes to tell a Task what it waits for."""

_ROW_ACTIONS: Final = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")


class Record(Construct):
    """The table of instances."""

    def __init__(self, scope: Construct, id: str, *, production: bool) -> None:
        super().__init__(scope, id)
        self.table = RowsTable(self, "Instances", production=production)
        self.table.add_global_secondary_index(
            index_name=INDEX,
            partition_key=dynamodb.Attribute(name=INDEX_PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=INDEX_SORT, type=dynamodb.AttributeType.NUMBER),
        )

        self.table.add_global_secondary_index(
            index_name=DUE_INDEX,
            partition_key=dynamodb.Attribute(name=DUE_PARTITION, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=DUE_SORT, type=dynamodb.AttributeType.NUMBER),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )

    def grant_step(self, handler: HandlerFunction, workflow: str) -> None:
        """Allow a step to lease, read and record: rows of its own workflow only."""
        self._grant(handler, workflow, ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"))

    def grant_create(self, handler: HandlerFunction, workflow: str) -> None:
        """Allow to start and to read the instances of one workflow."""
        self._grant(handler, workflow, ("GetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"))

    def _grant(self, handler: HandlerFunction, workflow: str, actions: Sequence[str]) -> None:
        own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{workflow}#*"]}}
        handler.grant(*(f"dynamodb:{each}" for each in actions), on=[self.table.table_arn], conditions=own)

    def grant_list(self, handler: HandlerFunction) -> None:
        """Allow to list the instances of all workflows, and nothing else."""
        handler.grant("dynamodb:Query", on=[f"{self.table.table_arn}/index/{INDEX}"])

    def grant_all(self, handler: HandlerFunction) -> None:
        """Allow to read, list and write the instances of all workflows."""
        handler.grant(*(f"dynamodb:{each}" for each in _ROW_ACTIONS), on=[self.table.table_arn])
        self.grant_list(handler)


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


@dataclass(frozen=True)
class Plane:
    """What the Lambdas share that know all workflows of a deployment.

    Attributes:
        classes: `module:class` of each workflow, by name.
        events: how the payload of each type of event is written in that module, by the workflow's name.
        definitions: a hash of what each workflow was compiled to, by name.
        retentions: how long a run of each is kept after its end, in seconds, by name.
        machines: the state machine of each, by name.
        rollbacks: the state machine of the rollbacks of those that can be undone, by name.
        answered: the names of those that have steps that are answered by a token.
    """

    platform: Platform
    record: Record
    classes: Mapping[str, str]
    events: Mapping[str, Mapping[str, str]]
    definitions: Mapping[str, str]
    retentions: Mapping[str, int]
    machines: Mapping[str, sfn.StateMachine]
    rollbacks: Mapping[str, sfn.StateMachine]
    answered: Set[str]

    def function(self, scope: Construct, id: str, *, entry: str, timeout_seconds: int) -> HandlerFunction:
        """Return a Lambda that may read and write all instances, and look at, stop and start their executions."""
        known: dict[str, dict[str, Any]] = {
            name: {
                "class": self.classes[name],
                "events": dict(self.events[name]),
                "definition": self.definitions[name],
                "retention": self.retentions[name],
                "machine": machine.state_machine_arn,
            }
            for name, machine in self.machines.items()
        }
        for name, machine in self.rollbacks.items():
            known[name]["rollback"] = machine.state_machine_arn
        handler = HandlerFunction(
            scope,
            id,
            platform=self.platform,
            entry=entry,
            environment={"DURABLE_WORKFLOWS": known, "DURABLE_TABLE": self.record.table.table_name},
            timeout_seconds=timeout_seconds,
            description=f"{entry}: all workflows",
        )
        self.record.grant_all(handler)
        for name, machine in self.machines.items():
            handler.grant("states:StartExecution", on=[machine.state_machine_arn])
            if name in self.answered:
                handler.grant(*ANSWERS, on=[machine.state_machine_arn])
            grant_executions(handler, machine, "states:DescribeExecution", "states:StopExecution")
        for machine in self.rollbacks.values():
            handler.grant("states:StartExecution", on=[machine.state_machine_arn])
            grant_executions(handler, machine, "states:DescribeExecution")
        return handler


class Keeper(Construct):
    """The closer, told of every execution that ends, and the sweep, which finds those that nobody told of."""

    def __init__(self, scope: Construct, id: str, *, plane: Plane) -> None:
        super().__init__(scope, id)
        self.closer = plane.function(self, "Closer", entry="closer", timeout_seconds=_SECONDS)
        self.sweep = plane.function(self, "Sweep", entry="sweep", timeout_seconds=_SECONDS)
        for machine in plane.machines.values():
            grant_executions(self.sweep, machine, "states:GetExecutionHistory")
        self._listen([*plane.machines.values(), *plane.rollbacks.values()])
        events.Rule(
            self,
            "EveryFewMinutes",
            description="finds runs whose end, or start, was missed",
            schedule=events.Schedule.rate(Duration.minutes(SWEEP_MINUTES)),
            targets=[targets.LambdaFunction(self.sweep.function)],
        )

    def _listen(self, machines: Sequence[sfn.StateMachine]) -> None:
        events.Rule(
            self,
            "Ended",
            description="an execution of this stack's state machines ended",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": list(ENDS),
                    "stateMachineArn": [each.state_machine_arn for each in machines],
                },
            ),
            targets=[targets.LambdaFunction(self.closer.function, max_event_age=Duration.hours(1))],
        )
