"""The Lambdas of a workflow: one for each of its steps, and one for its waits, its calls and its races."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.options import PLAIN, FunctionOptions
from durable.cdk.foundation.resource import Bindings, described
from durable.cdk.workflows.record import ANSWERS, Record
from durable.cdk.workflows.turns import Parking
from durable.cdk.workflows.workflow import WorkflowResource
from durable.signature import Signature
from durable.wire import lambda_seconds

_TOKEN_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Step:
    """A step's Lambda as the compiled definition asks for it: `placeholder` stands there for its ARN.

    One that `undoes` another step is invoked by the machine of rollbacks only. One that `has_values` may write or read
    large values.
    """

    placeholder: str
    signature: Signature
    timeout_seconds: int
    undoes: bool = False
    has_values: bool = False


class StepFunction(Construct):
    """The Lambda of one step: granted what the step's signature names, and its own rows of the record."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        workflow: str,
        step: Step,
        bindings: Bindings,
        record: Record,
        options: FunctionOptions = PLAIN,
    ) -> None:
        super().__init__(scope, id)
        self.hands_out_callbacks = step.signature.callback is not None
        environment = {
            "DURABLE_FUNCTION": step.signature.import_name,
            "DURABLE_WORKFLOW": workflow,
            "DURABLE_TABLE": record.table.table_name,
            "DURABLE_BINDINGS": described(bindings),
            **(record.environment() if step.has_values else {}),
        }
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="undo" if step.undoes else "step",
            environment=environment,
            timeout_seconds=lambda_seconds(step.timeout_seconds),
            description=f"{'undo' if step.undoes else 'step'} {step.signature.import_name} of {workflow}",
            options=options,
        )
        record.grant_step(self.handler, workflow)
        if step.has_values:
            record.grant_values(self.handler, workflow)
        for each in bindings.values():
            each.resource.grant_use(self.handler)


class TokenFunction(Construct):
    """The Lambda that begins a workflow's waits for events, or its calls, and answers those that are over already.

    Args:
        entry: events or calls.
        machine_arn: of the workflow's state machine, which has a fixed name: the machine itself comes after this.
        callees: the workflows that are called, by the name of the step.
        parking: what parks and wakes runs, where they execute in segments.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        workflow: str,
        entry: str,
        machine_arn: str,
        record: Record,
        callees: Mapping[str, WorkflowResource] | None = None,
        parking: Parking | None = None,
    ) -> None:
        super().__init__(scope, id)
        called = {step: each.physical for step, each in (callees or {}).items()}
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry=entry,
            environment={
                "DURABLE_WORKFLOW": workflow,
                "DURABLE_TABLE": record.table.table_name,
                **(record.environment() if any(each.may_return for each in (callees or {}).values()) else {}),
                **({"DURABLE_CALLS": called} if called else {}),
                **(parking.environment() if parking else {"DURABLE_WORKFLOWS": {}}),
            },
            timeout_seconds=_TOKEN_SECONDS,
            description=f"{entry} of {workflow}",
        )
        record.grant_step(self.handler, workflow)
        # By the ARN of its fixed name: the machine names this Lambda, so this Lambda cannot name the machine.
        self.handler.grant(*ANSWERS, on=[machine_arn])
        if parking:
            parking.grant(self.handler, record)
        for each in {each.name: each for each in (callees or {}).values()}.values():
            each.grant_start(self.handler)
            if each.may_return:
                record.grant_values(self.handler, workflow)
