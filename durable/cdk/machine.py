"""Workflow → a state machine, and one Lambda for each of its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.cdk.function import HandlerFunction, Platform
from durable.cdk.nag import acknowledge, logical_id
from durable.cdk.options import PLAIN, FunctionOptions
from durable.cdk.record import ANSWERS, Record
from durable.cdk.resource import Bindings, described
from durable.cdk.workflow import WorkflowResource
from durable.compiler.placeholders import filled
from durable.signature import Signature
from durable.store.rollback import DEFINITION, ROLLBACK
from durable.wire import CALLS, EVENTS, lambda_seconds

_TOKEN_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Step:
    """A step's Lambda as the compiled definition asks for it: `placeholder` stands there for its ARN.

    One that `undoes` another step is invoked by the machine of rollbacks only.
    """

    placeholder: str
    signature: Signature
    timeout_seconds: int
    undoes: bool = False


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
        environment = {
            "DURABLE_FUNCTION": step.signature.import_name,
            "DURABLE_WORKFLOW": workflow,
            "DURABLE_TABLE": record.table.table_name,
            "DURABLE_BINDINGS": described(bindings),
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
        for each in bindings.values():
            each.resource.grant_use(self.handler)

    @property
    def version_arn(self) -> str:
        """The version that holds the code being deployed; it is kept, for runs that began on it."""
        return self.handler.function.current_version.function_arn


class TokenFunction(Construct):
    """The Lambda that begins a workflow's waits for events, or its calls, and answers those that are over already.

    Args:
        entry: events or calls.
        machine_arn: of the workflow's state machine, which has a fixed name: the machine itself comes after this.
        callees: the workflows that are called, by the name of the step.
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
                **({"DURABLE_CALLS": called} if called else {}),
            },
            timeout_seconds=_TOKEN_SECONDS,
            description=f"{entry} of {workflow}",
        )
        record.grant_step(self.handler, workflow)
        self.handler.grant(*ANSWERS, on=[machine_arn])
        for each in {each.name: each for each in (callees or {}).values()}.values():
            each.grant_start(self.handler)

    @property
    def version_arn(self) -> str:
        """The version that holds the code being deployed."""
        return self.handler.function.current_version.function_arn


class Machine(Construct):
    """The state machine of one workflow.

    Args:
        definition: the compiled program, with `"${Placeholder}"` where the ARN of a step's Lambda goes.
        name: a fixed physical name, for a machine that a Lambda of its own must know, or None.
        arn: the ARN under that name, where there is one.
        events: whether the workflow waits for events.
        callees: the workflows that it calls, by the name of the step.
        options: how the Lambdas of steps differ, by the placeholder.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        workflow: str,
        definition: Mapping[str, Any],
        steps: Sequence[tuple[Step, Bindings]],
        record: Record,
        name: str | None = None,
        arn: str = "",
        events: bool = False,
        callees: Mapping[str, WorkflowResource] | None = None,
        options: Mapping[str, FunctionOptions] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.workflow = workflow
        self.steps: dict[str, StepFunction | TokenFunction] = {
            step.placeholder: StepFunction(
                self,
                step.placeholder,
                platform=platform,
                workflow=workflow,
                step=step,
                bindings=bindings,
                record=record,
                options=(options or {}).get(step.placeholder, PLAIN),
            )
            for step, bindings in steps
        }
        answered = partial(TokenFunction, self, platform=platform, workflow=workflow, machine_arn=arn, record=record)
        if events:
            self.steps[EVENTS] = answered("Events", entry="events")
        if callees:
            self.steps[CALLS] = answered("Calls", entry="calls", callees=callees)
        self.rollback: sfn.StateMachine | None = None
        undos = {step.placeholder for step, _ in steps if step.undoes}
        if undos:
            undo = [each for placeholder, each in self.steps.items() if placeholder in undos]
            self.rollback = RollbackMachine(
                scope, f"{id}Rollback", platform=platform, workflow=workflow, undos=undo, record=record
            ).state_machine
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        allow(self._role, [each for placeholder, each in self.steps.items() if placeholder not in undos])
        self.state_machine = self._state_machine(definition, name, platform)

    def _state_machine(self, definition: Mapping[str, Any], name: str | None, platform: Platform) -> sfn.StateMachine:
        arns = {placeholder: step.version_arn for placeholder, step in self.steps.items()}
        return state_machine(self, filled(definition, arns), self._role, platform, name)


class RollbackMachine(Construct):
    """The state machine that undoes what runs of one workflow did, and the Lambda that tells it what is next.

    Args:
        undos: the Lambdas that undo the workflow's steps: with the one that tells, all that the machine may invoke.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        workflow: str,
        undos: Sequence[StepFunction | TokenFunction],
        record: Record,
    ) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="rollback",
            environment={"DURABLE_WORKFLOW": workflow, "DURABLE_TABLE": record.table.table_name},
            timeout_seconds=_TOKEN_SECONDS,
            description=f"rollbacks of {workflow}",
        )
        record.grant_step(self.handler, workflow)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        allow(role, [self, *undos])
        definition = filled(DEFINITION, {ROLLBACK: self.version_arn})
        self.state_machine = state_machine(self, definition, role, platform)

    @property
    def version_arn(self) -> str:
        """The version that holds the code being deployed."""
        return self.handler.function.current_version.function_arn


def allow(role: iam.Role, functions: Sequence[StepFunction | TokenFunction | RollbackMachine]) -> None:
    """Allow every version of each Lambda: a run that sleeps goes on with the one that it began with."""
    for each in functions:
        function = each.handler.function
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[f"{function.function_arn}:*"])
        )
        finding = f"IAM5[Resource::<{logical_id(function)}.Arn>:*]"
        acknowledge(role, finding, "a run goes on with the versions of the steps that it began with")


def state_machine(
    scope: Construct, definition: Mapping[str, Any], role: iam.Role, platform: Platform, name: str | None = None
) -> sfn.StateMachine:
    """Return a state machine that logs no data."""
    log_group = logs.LogGroup(scope, "Logs", retention=platform.log_retention, removal_policy=platform.log_removal)
    machine = sfn.StateMachine(
        scope,
        "StateMachine",
        state_machine_name=name,
        state_machine_type=sfn.StateMachineType.STANDARD,
        definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
        role=role,
        logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        tracing_enabled=True,
    )
    acknowledge(role, "IAM5[Resource::*]", "log delivery and X-Ray know no narrower resource")
    return machine
