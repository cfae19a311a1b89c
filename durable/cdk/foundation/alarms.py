"""Alarms: what is watched, from which value on, and where alarms are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

FIVE_MINUTES: Final = Duration.minutes(5)


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """The metrics that the Lambdas of a stage write.

    Attributes:
        namespace: the stage's own.
        service: the name of the project, which is a dimension of each.
    """

    namespace: str
    service: str

    def metric(self, name: str, statistic: str, **dimensions: str) -> cloudwatch.Metric:
        """Return one of them."""
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=name,
            dimensions_map={"service": self.service, **dimensions},
            statistic=statistic,
            period=FIVE_MINUTES,
        )

    def by_workflow(self, name: str) -> cloudwatch.MathExpression:
        """Return one of them for each workflow that has any, in whichever stack it is."""
        # A SEARCH finds the metrics of workflows that cannot be listed here: those of nested stacks, and of versions to
        # come.
        search = f"""SEARCH('{{"{self.namespace}",service,workflow}} MetricName="{name}"', 'Sum', 300)"""
        return cloudwatch.MathExpression(expression=search, using_metrics={}, label="", period=FIVE_MINUTES)


class Alarms:
    """Makes the alarms of a stack.

    Args:
        scope: what they become children of.
        topic: the ARN of the SNS topic that alarms are sent to, if there is one.
    """

    def __init__(self, scope: Construct, topic: str | None) -> None:
        self._scope = scope
        self._topic = sns.Topic.from_topic_arn(scope, "Topic", topic) if topic else None

    def add(
        self, id: str, metric: cloudwatch.IMetric, description: str, *, threshold: float = 1, periods: int = 1
    ) -> None:
        """Watch a metric: the alarm rings when it has reached the threshold for so many of its periods in a row."""
        alarm = cloudwatch.Alarm(
            self._scope,
            id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            # Nothing is written while nothing happens: a metric that is missing is a zero, and not an unknown.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        if self._topic:
            alarm.add_alarm_action(actions.SnsAction(self._topic))

    def watch_workflow(
        self, name: str, machine: sfn.StateMachine, express: sfn.StateMachine | None, metrics: RunMetrics
    ) -> None:
        """Watch the runs of a workflow. How they end is counted by the Lambda that records it: on Express no machine
        reports it, and on none is a fault told from an error that is for whoever started the run.
        """
        why = f"A run of {name} failed: its status says at which step and why."
        failed = metrics.metric("RunsFailed", "Sum", workflow=name)
        # A Standard execution that fails says so itself. On Express nobody hears of an end that no Lambda has recorded.
        if express is None:
            self.add(f"{name}-failed", failed, why)
            timed_out = machine.metric_timed_out(statistic="Sum", period=FIVE_MINUTES)
            self.add(f"{name}-timed-out", timed_out, f"A run of {name} took too long and was ended.")
        else:
            self.add(f"{name}-runs-failed", failed, why)
            silent = express.metric_failed(statistic="Sum", period=FIVE_MINUTES)
            self.add(f"{name}-silent", silent, f"An Express execution of {name} ended without a word.")
        # Of states that are entered, which Express does without a quota: there it is what waits in blocks.
        throttled = machine.metric_throttled(statistic="Sum", period=FIVE_MINUTES)
        self.add(f"{name}-throttled", throttled, f"Runs of {name} wait for Step Functions' quota of transitions.")
