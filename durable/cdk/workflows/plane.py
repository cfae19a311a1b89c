"""The Lambdas that know all workflows of a deployment, and keep the record true to what Step Functions did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct, IConstruct

from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.workflows.record import ANSWERS, Record, grant_executions
from durable.cdk.workflows.wakes import WAKER_SECONDS, WakeQueue
from durable.cdk.workflows.workflow import Limited, Segmented, grant_registry, grant_versions

SWEEP_MINUTES: Final = 5
_SECONDS: Final = 60
_OPERATOR_SECONDS: Final = 25
_BATCH: Final = 10
_WAKERS: Final = 250
"""How many batches of wakes are handled at once: many wakes at a time leave Lambdas to the steps that they begin."""
_LATEST_LOOK: Final = Duration.minutes(5)
"""How old an event of a schedule may be. Lambda keeps what it cannot begin for six hours, and the looks of all these
hours would then be made at once."""
_ARNS_OF_PATTERN: Final = 12
"""An event pattern has 2,048 characters at the most, an ARN of a state machine up to 145."""
ENDS: Final = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True)
class Plane:
    """What the Lambdas share that know all workflows of a deployment.

    Attributes:
        known: what the environment of the Lambdas says of each workflow, by name; None where that is too long.
        registry: the path of the parameters with the same, which are read instead.
        machines: the state machines of the workflows of the main stack, by name.
        rollbacks: the state machine of the rollbacks of those that can be undone, by name.
        answered: the names of those that have steps that are answered by a token.
        segmented: what those have besides whose runs execute in segments, by name.
        limited: what limits the runs of those that have limits, by name.
        nested: what the names of all machines in nested stacks begin with; None where there are none.
        hands_over: whether a workflow that may return a large value is called by another one.
    """

    platform: Platform
    record: Record
    known: Mapping[str, Any] | None
    registry: str
    machines: Mapping[str, sfn.StateMachine]
    rollbacks: Mapping[str, sfn.StateMachine]
    answered: Set[str]
    segmented: Mapping[str, Segmented]
    limited: Mapping[str, Limited]
    nested: str | None
    hands_over: bool

    def function(
        self,
        scope: Construct,
        id: str,
        *,
        entry: str,
        timeout_seconds: int,
        wakes: WakeQueue | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        name: str | None = None,
        is_recursive: bool = False,
    ) -> HandlerFunction:
        """Return a Lambda that may read and write all runs, and look at, stop and start their executions."""
        for each in self.limited.values():
            wakes = each.wakes  # whoever creates or closes a run of these may have to set a timer
        variables: dict[str, Any] = {"DURABLE_TABLE": self.record.table.table_name, **environment}
        variables |= self.record.environment()
        # An environment holds 4 KB. What does not fit is read from parameters, which takes a call at each cold start.
        variables |= {"DURABLE_REGISTRY": self.registry} if self.known is None else {"DURABLE_WORKFLOWS": self.known}
        handler = HandlerFunction(
            scope,
            id,
            platform=self.platform,
            entry=entry,
            environment=variables | ({"DURABLE_WAKES": wakes.queue.queue_url} if wakes else {}),
            timeout_seconds=timeout_seconds,
            description=f"{entry}: all workflows",
            name=name,
            is_recursive=is_recursive,
        )
        self.record.grant_all(handler)
        self.record.grant_delete_values(handler)
        if self.hands_over:  # whoever closes a run copies what it returned to the run that called it
            self.record.grant_values(handler)
        if wakes is not None:
            wakes.grant_send(handler)
        for segmented in self.segmented.values():
            segmented.grant_start(handler)
        for workflow, machine in self.machines.items():
            if workflow in self.segmented:  # a run that was parked is moved to the version that it began on
                grant_versions(handler, machine.state_machine_arn)
            else:
                handler.grant("states:StartExecution", on=[machine.state_machine_arn])
            if workflow in self.answered:
                handler.grant(*ANSWERS, on=[machine.state_machine_arn])
            grant_executions(handler, machine, "states:DescribeExecution", "states:StopExecution")
        for machine in self.rollbacks.values():
            handler.grant("states:StartExecution", on=[machine.state_machine_arn])
            grant_executions(handler, machine, "states:DescribeExecution")
        if self.known is None:
            grant_registry(handler, self.registry)
        if self.nested is not None:
            self._grant_nested(handler, self.nested)
        return handler

    def grant_history(self, handler: HandlerFunction) -> None:
        """Allow to read the history of executions."""
        for machine in self.machines.values():
            grant_executions(handler, machine, "states:GetExecutionHistory")
        if self.nested is not None:
            handler.grant("states:GetExecutionHistory", on=[_arn(handler, "execution", f"{self.nested}*:*")])

    def _grant_nested(self, handler: HandlerFunction, prefix: str) -> None:
        """Allow the same for the machines of nested stacks, by the names that only these have: a policy is limited."""
        machines, executions = machine_arn(handler, f"{prefix}*"), _arn(handler, "execution", f"{prefix}*:*")
        why = "the names of this stage's machines in nested stacks, and no others"
        handler.grant("states:StartExecution", *ANSWERS, on=[machines], because=why)
        handler.grant("states:DescribeExecution", "states:StopExecution", on=[executions], because=why)


def machine_arn(scope: IConstruct, name: str) -> str:
    """Return the ARN of a state machine of this account."""
    return _arn(scope, "stateMachine", name)


def _arn(scope: IConstruct, resource: str, name: str) -> str:
    return Stack.of(scope).format_arn(
        service="states", resource=resource, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


class OperatorFunction(Construct):
    """Makes the transitions of one workflow's runs, for the functions whose code asks for them.

    What it may do is what the operators' API may: a transition reaches the runs that a run called, and its caller.
    """

    def __init__(self, scope: Construct, id: str, *, plane: Plane, workflow: str, name: str) -> None:
        super().__init__(scope, id)
        self.handler = plane.function(
            self,
            "Handler",
            entry="operator",
            timeout_seconds=_OPERATOR_SECONDS,
            environment={"DURABLE_WORKFLOW": workflow},
            name=name,
        )


class Keeper(Construct):
    """The Lambdas that end and wake runs.

    Completion is invoked when an execution ends, the reconciler finds those whose end was not reported, and the waker
    looks at the runs of the wake queue, where there is one.
    """

    def __init__(self, scope: Construct, id: str, *, plane: Plane, wakes: WakeQueue | None) -> None:
        super().__init__(scope, id)
        # The ids `Closer` and `Sweep` are older than what they name. They stay: under another id CloudFormation would
        # make another Lambda, and take this one away while it is at work.
        self.completion = plane.function(self, "Closer", entry="completion", timeout_seconds=_SECONDS)
        self.reconciler = plane.function(self, "Sweep", entry="reconciler", timeout_seconds=_SECONDS, wakes=wakes)
        self.reconciler.function.configure_async_invoke(max_event_age=_LATEST_LOOK)
        plane.grant_history(self.reconciler)
        # Standard machines alone: Express sends no events of its executions, and `turn` records how they end.
        self._listen([*plane.machines.values(), *plane.rollbacks.values()], plane.nested)
        events.Rule(
            self,
            "EveryFewMinutes",
            description="finds runs whose end, or start, was missed",
            schedule=events.Schedule.rate(Duration.minutes(SWEEP_MINUTES)),
            targets=[targets.LambdaFunction(self.reconciler.function)],
        )
        if plane.record.values is not None:
            self._every("EveryDayOfValues", Duration.days(1), "values", "deletes large values of runs that are gone")
        if wakes is not None:
            plane.record.grant_due(self.reconciler)
            self._reconcile_segments(plane, wakes)

    def _reconcile_segments(self, plane: Plane, wakes: WakeQueue) -> None:
        self._every("EveryMinute", Duration.minutes(1), "segments", "finds runs that are due or silent")
        self._every("EveryDay", Duration.days(1), "all", "finds runs that began before they ran in segments")
        # Recursive: a run whose step works for long is looked at by one message after another.
        waker = plane.function(self, "Waker", entry="waker", timeout_seconds=WAKER_SECONDS, is_recursive=True)
        source = sources.SqsEventSource(
            wakes.queue, batch_size=_BATCH, report_batch_item_failures=True, max_concurrency=_WAKERS
        )
        waker.function.add_event_source(source)

    def _every(self, id: str, rate: Duration, runs: str, description: str) -> None:
        """Have the reconciler look at some of the runs; the other rule, without an input, at those that run whole."""
        events.Rule(
            self,
            id,
            description=description,
            schedule=events.Schedule.rate(rate),
            targets=[
                targets.LambdaFunction(
                    self.reconciler.function, event=events.RuleTargetInput.from_object({"runs": runs})
                )
            ],
        )

    def _listen(self, machines: Sequence[sfn.StateMachine], nested: str | None) -> None:
        """Have completion invoked when an execution ends: by several rules, as a pattern holds some 13 ARNs."""
        arns: list[Any] = [each.state_machine_arn for each in machines]
        if nested is not None:
            # One prefix for all: the names of machines in nested stacks begin alike, and those of other stages do not.
            arns.append({"prefix": machine_arn(self, nested)})
        # The first keeps the name that it had when there was one only: another name would be another rule.
        for number, first in enumerate(range(0, len(arns), _ARNS_OF_PATTERN)):
            events.Rule(
                self,
                f"Ended{number + 1}" if number else "Ended",
                description="an execution of this stack's state machines ended",
                event_pattern=events.EventPattern(
                    source=["aws.states"],
                    detail_type=["Step Functions Execution Status Change"],
                    detail={"status": list(ENDS), "stateMachineArn": arns[first : first + _ARNS_OF_PATTERN]},
                ),
                targets=[targets.LambdaFunction(self.completion.function, max_event_age=Duration.hours(1))],
            )
