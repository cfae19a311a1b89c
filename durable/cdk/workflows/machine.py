"""Workflow → a state machine, and one Lambda for each of its steps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.options import PLAIN, FunctionOptions
from durable.cdk.foundation.resource import Bindings
from durable.cdk.foundation.vended_logs import vended_log_group
from durable.cdk.nag import acknowledge, logical_id
from durable.cdk.workflows.record import Record
from durable.cdk.workflows.step_functions import Step, StepFunction, TokenFunction
from durable.cdk.workflows.turns import Parking, SegmentOptions, TurnFunction
from durable.cdk.workflows.workflow import Segmented, WorkflowResource
from durable.compiler.asl.placeholders import filled
from durable.compiler.asl.segments import express, standard
from durable.compiler.asl.walk import states_within
from durable.store.rollback import DEFINITION, ROLLBACK
from durable.wire import CALLS, EVENTS, RACES, TURN

_ROLLBACK_SECONDS: Final = 30


class Machine(Construct):
    """The state machine of one workflow.

    Args:
        definition: the compiled program, with `"${Placeholder}"` where the ARN of a step's Lambda goes.
        name: a fixed physical name, for a machine that a Lambda of its own must know, or None.
        arn: the ARN under that name, where there is one.
        events: whether the workflow waits for events, or something races in it.
        callees: the workflows that it calls, by the name of the step.
        options: how the Lambdas of steps differ, by the placeholder.
        segments: what there is besides where runs execute in segments.
        rollback_name: a fixed physical name of the machine of rollbacks, or None.
        parameter: the name of the parameter of Systems Manager in which Lambdas find the workflow.
        registered: what it says besides the machines.
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
        segments: SegmentOptions | None = None,
        rollback_name: str | None = None,
        parameter: str,
        registered: Mapping[str, Any],
    ) -> None:
        super().__init__(scope, id)
        self.workflow = workflow
        self.steps: dict[str, MachineFunction] = {
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
        # Rollbacks have a machine of their own: they begin when the run's execution is over, and undo by rows of the
        # record, whatever that execution came to.
        self.rollback: sfn.StateMachine | None = None
        undos = {each.placeholder: self.steps[each.placeholder] for each, _ in steps if each.undoes}
        if undos:
            self.rollback = RollbackMachine(
                scope,
                f"{id}Rollback",
                platform=platform,
                workflow=workflow,
                undos=list(undos.values()),
                record=record,
                name=rollback_name,
            ).state_machine
        parking = None if segments is None else segments.parking(workflow, self.rollback)
        answered = partial(
            TokenFunction,
            self,
            platform=platform,
            workflow=workflow,
            machine_arn=arn,
            record=record,
            parking=parking,
        )
        if events:
            self.steps[EVENTS] = answered("Events", entry="events")
        if callees:
            self.steps[CALLS] = answered("Calls", entry="calls", callees=callees)
        if parking is not None:
            self.steps[TURN] = TurnFunction(self, "Turn", platform=platform, parking=parking, record=record)
        self._role = iam.Role(self, "Role", assumed_by=_machines_of(self))
        # Undos are invoked by the machine of rollbacks only.
        allow(self._role, [each for placeholder, each in self.steps.items() if placeholder not in undos])
        self._make_machines(platform, definition, segments, parking, name)
        self._register(parameter, registered)

    def _make_machines(
        self,
        platform: Platform,
        definition: Mapping[str, Any],
        segments: SegmentOptions | None,
        parking: Parking | None,
        name: str | None,
    ) -> None:
        """Make the machine on Standard; where runs execute in segments, also the one on Express."""
        # Versions and not `$LATEST`: an execution that waits for a month goes on with the code that it began with.
        arns = {placeholder: step.handler.version_arn for placeholder, step in self.steps.items()}
        if EVENTS in arns:
            # One Lambda serves waits and races: both need the same rights on the same rows.
            arns[RACES] = arns[EVENTS]
        whole = definition if segments is None else standard(dict(definition))
        self.state_machine = state_machine(self, filled(whole, arns), self._role, platform, name)
        self.segmented: Segmented | None = None
        self.express: sfn.StateMachine | None = None
        turn = self.steps.get(TURN)
        if segments is not None and parking is not None and isinstance(turn, TurnFunction):
            turn.allow_move(self.state_machine)
            made = ExpressMachine(
                self,
                "Express",
                platform=platform,
                name=segments.name,
                definition=filled(express(dict(definition)), arns),
                role=self._role,
                standard=self.state_machine,
                segmented=parking.segmented,
            )
            self.segmented, self.express = made.segmented, made.state_machine

    @property
    def callbacks(self) -> list[lambda_.Function]:
        """The Lambdas of the steps that hand out callbacks."""
        steps = [each for each in self.steps.values() if isinstance(each, StepFunction)]
        return [each.handler.function for each in steps if each.hands_out_callbacks]

    def _register(self, parameter: str, registered: Mapping[str, Any]) -> None:
        """Write down what Lambdas need to know of the workflow; it does not all fit into their environments."""
        machines = {"machine": self.state_machine.state_machine_arn}
        if self.rollback is not None:
            machines["rollback"] = self.rollback.state_machine_arn
        segmented = self.segmented.registered() if self.segmented is not None else {}
        self.parameter = ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=parameter,
            description=f"the state machines of {self.workflow}, for Lambdas that start and reconcile its runs",
            string_value=Stack.of(self).to_json_string({**registered, **machines, **segmented}),
        )


class ExpressMachine(Construct):
    """The machine that executes the segments of a workflow's runs, and versions of it and of the Standard one.

    A version is made when a machine changes, and is kept: a parked run is woken on the one that it began on.

    Args:
        standard: the machine that executes what cannot be executed on Express.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        name: str,
        definition: Mapping[str, Any],
        role: iam.Role,
        standard: sfn.StateMachine,
        segmented: Segmented,
    ) -> None:
        super().__init__(scope, id)
        self.state_machine = state_machine(self, definition, role, platform, name, kind=sfn.StateMachineType.EXPRESS)
        acknowledge(self.state_machine, "SF1", "to log each event costs five times the execution; the record tells all")
        machines = {"express": self.state_machine, "standard": standard} if platform.has_versions else {}
        versions = {kind: self._version(kind, each) for kind, each in machines.items()}
        self.segmented = replace(segmented, versions=versions)

    def _version(self, kind: str, machine: sfn.StateMachine) -> str:
        version = sfn.CfnStateMachineVersion(
            self,
            f"{kind.capitalize()}Version",
            state_machine_arn=machine.state_machine_arn,
            state_machine_revision_id=machine.state_machine_revision_id,
        )
        # CloudFormation would delete the version of before. The `OldVersions` of the stack do so when no run is on it.
        version.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        return version.ref


class RollbackMachine(Construct):
    """The state machine that undoes what runs of one workflow did, and the Lambda that decides what is undone next.

    Args:
        undos: the Lambdas that undo the workflow's steps: with that Lambda, all that the machine may invoke.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        workflow: str,
        undos: Sequence[MachineFunction],
        record: Record,
        name: str | None,
    ) -> None:
        super().__init__(scope, id)
        self.handler = HandlerFunction(
            self,
            "Handler",
            platform=platform,
            entry="rollback",
            environment={"DURABLE_WORKFLOW": workflow, "DURABLE_TABLE": record.table.table_name},
            timeout_seconds=_ROLLBACK_SECONDS,
            description=f"rollbacks of {workflow}",
        )
        record.grant_step(self.handler, workflow)
        role = iam.Role(self, "Role", assumed_by=_machines_of(self))
        allow(role, [self, *undos])
        definition = filled(DEFINITION, {ROLLBACK: self.handler.version_arn})
        self.state_machine = state_machine(self, definition, role, platform, name)


MachineFunction = StepFunction | TokenFunction | TurnFunction
"""A Lambda that a workflow's machines invoke."""


def _machines_of(scope: Construct) -> iam.ServicePrincipal:
    """Return Step Functions, for state machines of this account alone.

    Without that the service could be made to use a role by a machine of another account (confused deputy).
    """
    own = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    return iam.ServicePrincipal("states.amazonaws.com", conditions=own)


def allow(role: iam.Role, functions: Sequence[MachineFunction | RollbackMachine]) -> None:
    """Allow every version of each Lambda: a run that sleeps goes on with the one that it began with."""
    for each in functions:
        function = each.handler.function
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[f"{function.function_arn}:*"])
        )
        finding = f"IAM5[Resource::<{logical_id(function)}.Arn>:*]"
        acknowledge(role, finding, "a run goes on with the versions of the steps that it began with")


def state_machine(
    scope: Construct,
    definition: Mapping[str, Any],
    role: iam.Role,
    platform: Platform,
    name: str | None = None,
    *,
    kind: sfn.StateMachineType = sfn.StateMachineType.STANDARD,
) -> sfn.StateMachine:
    """Return the state machine of a filled definition.

    It logs no data; one of type Express logs what failed only, for it logs by the byte.
    """
    is_express = kind == sfn.StateMachineType.EXPRESS
    log_group = vended_log_group(
        scope,
        "Logs",
        service="states",
        name=name or f"{Stack.of(scope).stack_name}-{scope.node.id}",
        retention=platform.log_retention,
        removal=platform.log_removal,
    )
    # A compiled task names a resource of the partition `aws`, at which an execution in China or GovCloud would fail.
    for state in states_within({"Branches": [definition]}):
        if "Resource" in state:
            state["Resource"] = state["Resource"].replace("arn:aws:", f"arn:{Stack.of(scope).partition}:", 1)
    machine = sfn.StateMachine(
        scope,
        "StateMachine",
        state_machine_name=name,
        state_machine_type=kind,
        # From a string: `from_file` would put it into S3, where neither cfn-lint nor the tests of the template see it.
        definition_body=sfn.DefinitionBody.from_string(json.dumps(definition)),
        role=role,
        logs=sfn.LogOptions(
            destination=log_group,
            # On Standard the log has what its history has, and costs little beside transitions of $25 a million.
            level=sfn.LogLevel.ERROR if is_express else sfn.LogLevel.ALL,
            include_execution_data=False,  # payloads are data of somebody
        ),
        tracing_enabled=True,
    )
    acknowledge(role, "IAM5[Resource::*]", "log delivery and X-Ray know no narrower resource")
    return machine
