"""The Lambda that parks, moves and closes runs in segments, and what each Lambda that parks or wakes them is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.bindings.limits import Limits
from durable.bindings.retention import Retention
from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.nag import acknowledge, written
from durable.cdk.workflows.record import Record
from durable.cdk.workflows.wakes import WakeQueue
from durable.cdk.workflows.workflow import Segmented

_SECONDS: Final = 30


@dataclass(frozen=True)
class Parking:
    """What the Lambdas of a machine work with that park and wake runs.

    Attributes:
        rollback_arn: of the machine of rollbacks, where a step can be undone.
    """

    workflow: str
    retention: Retention
    segmented: Segmented
    wakes: WakeQueue
    rollback_arn: str | None = None
    limits: Limits | None = None

    def environment(self) -> dict[str, Any]:
        own = self.segmented.registered() | self.retention.registered()
        own |= {} if self.limits is None else {"limits": self.limits.as_json()}
        return {"DURABLE_WORKFLOWS": {self.workflow: own}, "DURABLE_WAKES": self.wakes.queue.queue_url}

    def grant(self, handler: HandlerFunction, record: Record) -> None:
        if self.limits is not None:
            record.grant_pools(handler, self.workflow)
        self.segmented.grant_start(handler)
        self.wakes.grant_send(handler)
        if self.rollback_arn is not None:
            handler.grant("states:StartExecution", on=[self.rollback_arn])


class TurnFunction(Construct):
    """The Lambda that parks, moves and closes a workflow's runs when a segment ends."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, parking: Parking, record: Record) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="turn",
            environment={
                "DURABLE_WORKFLOW": parking.workflow,
                "DURABLE_TABLE": record.table.table_name,
                **parking.environment(),
            },
            timeout_seconds=_SECONDS,
            description=f"turns of {parking.workflow}",
        )
        record.grant_step(self.handler, parking.workflow)
        parking.grant(self.handler, record)

    def allow_move(self, machine: sfn.StateMachine) -> None:
        """Allow to start a machine that names this Lambda: by a policy that the Lambda does not wait for."""
        # In a policy of its own: one in the role would be made before the Lambda, which the machine names, and the
        # policy names the machine. CloudFormation refuses such a circle.
        versions = f"{machine.state_machine_arn}:*"
        policy = iam.Policy(
            self,
            "Move",
            statements=[
                iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn, versions])
            ],
            roles=[self.handler.role],
        )
        finding = f"IAM5[Resource::{written(self, versions)}]"
        acknowledge(policy, finding, "a run stays on the version of its machine that it began on")


@dataclass(frozen=True)
class SegmentOptions:
    """What the construct of a machine needs whose runs execute in segments.

    Attributes:
        name: the physical name of the Express machine.
        segmented: as the machine's own Lambdas see it.
    """

    name: str
    segmented: Segmented
    retention: Retention
    wakes: WakeQueue
    limits: Limits | None = None

    def parking(self, workflow: str, rollback: sfn.StateMachine | None) -> Parking:
        rollback_arn = None if rollback is None else rollback.state_machine_arn
        return Parking(workflow, self.retention, self.segmented, self.wakes, rollback_arn, self.limits)
