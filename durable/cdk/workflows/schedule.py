"""Schedules of a workflow → EventBridge Scheduler, and the Lambda that it invokes at each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from durable.cdk.foundation.function import HandlerFunction, Platform
from durable.cdk.foundation.queue import secured_queue
from durable.cdk.nag import acknowledge
from durable.cdk.workflows.record import Record
from durable.cdk.workflows.workflow import WorkflowResource
from durable.cron import DAY, HOUR, MINUTE, MONTH, MONTHS, WEEKDAY, WEEKDAYS, Cron, Field
from durable.runs.scheduled import scheduled_event
from durable.schedules import Schedule

_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A workflow and its schedules, each with the params that it starts runs with, as JSON."""

    workflow: WorkflowResource
    schedules: Sequence[tuple[Schedule, Any]]


class Schedules(Construct):
    """All schedules of a deployment and their one starter, which may start those workflows and nothing else.

    A time that could not be delivered to the starter, and one whose run it could not start in three attempts, is kept.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        platform: Platform,
        record: Record,
        scheduled: Sequence[Scheduled],
        removal: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = secured_queue(self, "DeadLetters", removal=removal, retention=Duration.days(14))
        acknowledge(self.dead_letters, "SQS3", "it takes the dead letters of EventBridge Scheduler and of a Lambda")
        physical = {each.workflow.name: each.workflow.physical for each in scheduled}
        # There is one queue of wakes for the whole stack.
        wakes = [each["wakes"] for each in physical.values() if "wakes" in each][:1]
        self.starter = HandlerFunction(
            self,
            "Starter",
            platform=platform,
            entry="starter",
            environment={
                "DURABLE_WORKFLOWS": physical,
                "DURABLE_TABLE": record.table.table_name,
                **({"DURABLE_WAKES": wakes[0]} if wakes else {}),
            },
            timeout_seconds=_SECONDS,
            description="starts runs at their scheduled times",
            dead_letters=self.dead_letters,
        )
        self._role = self._caller()
        for each in scheduled:
            each.workflow.grant_start(self.starter)
            for schedule, params in each.schedules:
                self._add(each.workflow.name, schedule, scheduled_event(each.workflow.name, schedule, params))

    def _caller(self) -> iam.Role:
        """Return the role of EventBridge Scheduler, which may invoke the starter for this account's schedules."""
        # Without it the service could be made to use the role by a schedule of another account (confused deputy).
        own = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(self, "Caller", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=own))
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.starter.function.function_arn])
        )
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[self.dead_letters.queue_arn]))
        return role

    def _add(self, workflow: str, schedule: Schedule, event: Mapping[str, Any]) -> None:
        name = "".join(word.capitalize() for word in workflow.split("-"))
        scheduler.CfnSchedule(
            self,
            f"{name}{schedule.key}",
            description=f"starts {workflow}",
            schedule_expression=expression(schedule),
            schedule_expression_timezone=schedule.timezone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.starter.function.function_arn,
                role_arn=self._role.role_arn,
                input=Stack.of(self).to_json_string(event),
                # Of what the scheduler itself cannot deliver. What the Lambda fails on goes to the same queue by the
                # Lambda's own setting.
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self.dead_letters.queue_arn),
            ),
        )


def expression(schedule: Schedule) -> str:
    """Return a schedule as EventBridge Scheduler writes it."""
    if schedule.parsed is not None:
        return f"cron({_cron(schedule.parsed)})"
    minutes = schedule.every_minutes
    return f"rate({minutes} minute{'' if minutes == 1 else 's'})"


def _cron(cron: Cron) -> str:
    """Return the six fields of AWS: `?` for the day or the weekday that is not asked for, and any year."""
    # By their names: as numbers AWS counts from Sunday, which is 1, and cron from Sunday, which is 0.
    weekday = _listed(WEEKDAY, cron.weekdays, WEEKDAYS)
    day = "L" if cron.last_day else _listed(DAY, cron.days)
    # AWS wants a `?` in exactly one of the two fields.
    day, weekday = (day, "?") if weekday == "*" else ("?", weekday)
    month = _listed(MONTH, cron.months, ("", *MONTHS))
    return f"{_listed(MINUTE, cron.minutes)} {_listed(HOUR, cron.hours)} {day} {month} {weekday} *"


def _listed(field: Field, numbers: Sequence[int], words: Sequence[str] = ()) -> str:
    if tuple(numbers) == tuple(field.all()):
        return "*"
    named = {each: words[each].upper() if words else str(each) for each in numbers}
    # Numbers that follow each other have the same distance to their places; as a range they are shorter, and an
    # expression has 256 characters at the most.
    runs = [[each for _, each in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(f"{named[run[0]]}-{named[run[-1]]}" if len(run) > 1 else named[run[0]] for run in runs)
