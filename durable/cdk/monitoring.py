"""What an operator looks at and is woken by: one dashboard, and alarms on what nobody would otherwise notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.cdk.wakes import WakeQueue

_FIVE_MINUTES: Final = Duration.minutes(5)


_LATE_MS: Final = 180_000
"""A reconciler that runs each minute finds what is due within one; after three it is not keeping up."""
_OLDEST_MESSAGE_SECONDS: Final = 1_800
"""A message of the wake queue may be delayed by 15 minutes, which count."""


@dataclass(frozen=True)
class WatchedSegments:
    """What keeps runs in segments going.

    Attributes:
        express: the Express machine of each workflow that has one, by name.
        metrics: the namespace of the metrics that Lambdas write, and the name of their service.
    """

    express: Mapping[str, sfn.StateMachine]
    reconciler: lambda_.IFunction
    wakes: WakeQueue
    metrics: tuple[str, str]

    def metric(self, name: str, statistic: str, **dimensions: str) -> cloudwatch.Metric:
        """Return a metric that Lambdas write."""
        namespace, service = self.metrics
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"service": service, **dimensions},
            statistic=statistic,
            period=_FIVE_MINUTES,
        )


class Monitoring(Construct):
    """A dashboard over all workflows, queues and APIs, and their alarms."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        machines: Mapping[str, sfn.StateMachine],
        dead_letters: Mapping[str, sqs.Queue],
        apis: Mapping[str, apigatewayv2.HttpApi | apigateway.RestApi],
        starter: lambda_.IFunction | None,
        alarm_topic: str | None,
        segments: WatchedSegments | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._topic = sns.Topic.from_topic_arn(self, "Topic", alarm_topic) if alarm_topic else None
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard")
        for name, machine in machines.items():
            self._workflow(name, machine)
        for name, queue in dead_letters.items():
            self._dead_letters(name, queue)
        for name, api in apis.items():
            self._api(name, api)
        if starter:
            errors = starter.metric_errors(statistic="Sum", period=_FIVE_MINUTES)
            self._alarm("starter-errors", errors, "A run could not be started at its scheduled time.")
        if segments:
            self._segments(segments)
        self._lambdas()

    def _segments(self, segments: WatchedSegments) -> None:
        """Watch runs whose end no state machine reports, and those who look for runs that nothing moves."""
        for name, machine in segments.express.items():
            failed = segments.metric("RunsFailed", "Sum", workflow=name)
            self._alarm(
                f"{name}-runs-failed", failed, f"A run of {name} failed: its status says at which step and why."
            )
            silent = machine.metric_failed(statistic="Sum", period=_FIVE_MINUTES)
            self._alarm(f"{name}-silent", silent, f"An Express execution of {name} ended without a word.")
            complete = segments.metric("RunsComplete", "Sum", workflow=name)
            started = machine.metric_started(statistic="Sum", period=_FIVE_MINUTES)
            self._dashboard.add_widgets(self._graph(f"{name}: segments and ends", [started, complete, failed, silent]))
        late = segments.metric("RunsDue", "Maximum")
        self._alarm("runs-late", late, "Runs were due three minutes ago and are not woken.", threshold=_LATE_MS)
        errors = segments.reconciler.metric_errors(statistic="Sum", period=_FIVE_MINUTES)
        self._alarm("reconciler-errors", errors, "The reconciler failed: runs that are due stay as they are.")
        age = segments.wakes.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=_FIVE_MINUTES)
        self._alarm("wakes-old", age, "Messages of the wake queue are not handled.", threshold=_OLDEST_MESSAGE_SECONDS)
        self._dead_letters("wakes", segments.wakes.dead_letters)

    def _workflow(self, name: str, machine: sfn.StateMachine) -> None:
        failed = machine.metric_failed(statistic="Sum", period=_FIVE_MINUTES)
        timed_out = machine.metric_timed_out(statistic="Sum", period=_FIVE_MINUTES)
        throttled = machine.metric_throttled(statistic="Sum", period=_FIVE_MINUTES)
        self._alarm(f"{name}-failed", failed, f"A run of {name} failed: its status says at which step and why.")
        self._alarm(f"{name}-timed-out", timed_out, f"A run of {name} took too long and was ended.")
        self._alarm(f"{name}-throttled", throttled, f"Runs of {name} wait for Step Functions' quotas.")
        started = machine.metric_started(statistic="Sum", period=_FIVE_MINUTES)
        succeeded = machine.metric_succeeded(statistic="Sum", period=_FIVE_MINUTES)
        self._dashboard.add_widgets(
            self._graph(f"{name}: runs", [started, succeeded, failed, timed_out]),
            self._graph(f"{name}: time of a run", [machine.metric_time(statistic=each) for each in ("p50", "p99")]),
        )

    def _dead_letters(self, name: str, queue: sqs.Queue) -> None:
        waiting = queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=_FIVE_MINUTES)
        self._alarm(f"{name}-dead-letters", waiting, f"Messages of {name} could not be delivered: they are kept.")
        self._dashboard.add_widgets(self._graph(f"{name}: dead letters", [waiting]))

    def _api(self, name: str, api: apigatewayv2.HttpApi | apigateway.RestApi) -> None:
        server = api.metric_server_error(statistic="Sum", period=_FIVE_MINUTES)
        client = api.metric_client_error(statistic="Sum", period=_FIVE_MINUTES)
        count = api.metric_count(statistic="Sum", period=_FIVE_MINUTES)
        self._alarm(f"{name}-5xx", server, f"The API {name} answered with a 5xx.")
        self._dashboard.add_widgets(
            self._graph(f"{name}: requests", [count, client, server]),
            self._graph(f"{name}: latency", [api.metric_latency(statistic="p50"), api.metric_latency(statistic="p99")]),
        )

    def _lambdas(self) -> None:
        """Watch the account's Lambdas as a whole: they share one concurrency, so one is throttled when all are many."""
        throttles, errors, running = (
            cloudwatch.Metric(namespace="AWS/Lambda", metric_name=name, statistic=statistic, period=_FIVE_MINUTES)
            for name, statistic in (("Throttles", "Sum"), ("Errors", "Sum"), ("ConcurrentExecutions", "Maximum"))
        )
        self._alarm("lambda-throttles", throttles, "Lambda's concurrency of this account is used up.")
        self._dashboard.add_widgets(
            self._graph("Lambda: throttles and errors", [throttles, errors]),
            self._graph("Lambda: at once", [running]),
        )

    def _graph(self, title: str, metrics: list[cloudwatch.Metric]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)

    def _alarm(self, id: str, metric: cloudwatch.Metric, description: str, *, threshold: int = 1) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        if self._topic:
            alarm.add_alarm_action(actions.SnsAction(self._topic))
