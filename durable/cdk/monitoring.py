"""What an operator looks at and is woken by: one dashboard, and alarms on what nobody would otherwise notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from durable.aws.indexes import DUE_INDEX, INDEX
from durable.cdk.bindings.queue import MessageQueue
from durable.cdk.foundation.alarms import FIVE_MINUTES, Alarms, RunMetrics
from durable.cdk.workflows.record import Record
from durable.cdk.workflows.wakes import WakeQueue

_LATE_MS: Final = 180_000
"""A reconciler that runs each minute finds what is due within one; after three it is not keeping up."""
_OLDEST_WAKE_SECONDS: Final = 1_800
"""A message of the wake queue may be delayed by 15 minutes, which count."""
_OLDEST_MESSAGE_SECONDS: Final = 3_600
_THROTTLED_PERIODS: Final = 3
"""A table on demand doubles what it takes within half an hour: a throttle of some minutes passes by itself."""
_BOUNCES: Final = 0.05
"""The share of mails that come back at which SES puts an account under review."""


@dataclass(frozen=True)
class Watched:
    """What there is to watch in a stage.

    Attributes:
        machines: the Standard machine of each workflow of the main stack, by name.
        express: the Express machine of those that have one.
        nested: whether other workflows are in nested stacks, which have their alarms.
        completion: the Lambda that is invoked when an execution ends.
        consumed: the queues that have a consumer.
        wakes: the queue by which runs are looked at, where there is one.
        missed: the queue of scheduled times at which no run could be started, where there are schedules.
        sends_mail: whether e-mail is sent.
    """

    metrics: RunMetrics
    record: Record
    machines: Mapping[str, sfn.StateMachine]
    express: Mapping[str, sfn.StateMachine]
    nested: bool
    completion: lambda_.IFunction
    reconciler: lambda_.IFunction
    queues: Mapping[str, MessageQueue]
    consumed: frozenset[str]
    wakes: WakeQueue | None
    apis: Mapping[str, apigatewayv2.HttpApi | apigateway.RestApi]
    missed: sqs.Queue | None
    sends_mail: bool


class Monitoring(Construct):
    """A dashboard over all workflows, queues and APIs, and the alarms of the main stack."""

    def __init__(self, scope: Construct, id: str, *, watched: Watched, alarm_topic: str | None) -> None:
        super().__init__(scope, id)
        self._alarms = Alarms(self, alarm_topic)
        # One dashboard a stage: each costs $3 a month.
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard")
        for name, machine in watched.machines.items():
            express = watched.express.get(name)
            self._alarms.watch_workflow(name, machine, express, watched.metrics)
            self._show_workflow(name, machine, express, watched.metrics)
        if watched.nested:
            self._show_all(watched.metrics)
        for name, queue in watched.queues.items():
            self._queue(name, queue, is_consumed=name in watched.consumed)
        for name, api in watched.apis.items():
            self._api(name, api)
        self._record(watched.record, has_due=watched.wakes is not None)
        self._keepers(watched)
        if watched.missed:
            said = "No run could be started at a scheduled time: the time is kept."
            self._dead_letters("schedules", watched.missed, said)
        refused = _sum_metric("AWS/States", "ThrottledEvents", {"APIName": "StartExecution"})
        said = "Step Functions refuses to start executions: this account's quota of them is used up."
        self._alarms.add("starts-throttled", refused, said)
        if watched.wakes:
            self._wakes(watched.wakes, watched.metrics)
        if watched.sends_mail:
            bounces = _account_metric("AWS/SES", "Reputation.BounceRate", "Maximum")
            said = "Mails of this account come back: SES puts an account under review at one in twenty."
            self._alarms.add("mail-bounces", bounces, said, threshold=_BOUNCES)
        self._lambdas()

    def _show_workflow(
        self, name: str, machine: sfn.StateMachine, express: sfn.StateMachine | None, metrics: RunMetrics
    ) -> None:
        """Show a workflow in a row of its own."""
        # An Express workflow's Standard machine executes what waits in blocks, which is little: its numbers would
        # mislead.
        shown = express or machine
        started = shown.metric_started(statistic="Sum", period=FIVE_MINUTES)
        failed = shown.metric_failed(statistic="Sum", period=FIVE_MINUTES)
        # How runs end is counted by their status in the record; executions of a run may be many.
        ends = [
            metrics.metric(each, "Sum", workflow=name)
            for each in ("RunsComplete", "RunsFailed", "RunsRefused", "RunsStopped")
        ]
        times = [shown.metric_time(statistic=each) for each in ("p50", "p99")]
        self._show({f"{name}: executions and runs": [started, failed, *ends], f"{name}: time of an execution": times})

    def _show_all(self, metrics: RunMetrics) -> None:
        """Show the runs of all workflows, those in nested stacks too: a dashboard has 500 graphs at the most."""
        ends = {"all workflows: runs that failed": "RunsFailed", "all workflows: runs that completed": "RunsComplete"}
        self._show({title: [metrics.by_workflow(each)] for title, each in ends.items()})

    def _queue(self, name: str, queue: MessageQueue, *, is_consumed: bool) -> None:
        self._dead_letters(name, queue.dead_letters, f"Messages of {name} could not be delivered: they are kept.")
        if is_consumed:
            age = queue.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=FIVE_MINUTES)
            said = f"Messages of {name} have waited for an hour."
            self._alarms.add(f"{name}-old", age, said, threshold=_OLDEST_MESSAGE_SECONDS)

    def _dead_letters(self, name: str, queue: sqs.Queue, said: str) -> None:
        waiting = queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=FIVE_MINUTES)
        self._alarms.add(f"{name}-dead-letters", waiting, said)
        self._show({f"{name}: dead letters": [waiting]})

    def _api(self, name: str, api: apigatewayv2.HttpApi | apigateway.RestApi) -> None:
        server = api.metric_server_error(statistic="Sum", period=FIVE_MINUTES)
        client = api.metric_client_error(statistic="Sum", period=FIVE_MINUTES)
        count = api.metric_count(statistic="Sum", period=FIVE_MINUTES)
        self._alarms.add(f"{name}-5xx", server, f"The API {name} answered with a 5xx.")
        latency = [api.metric_latency(statistic=each) for each in ("p50", "p99")]
        self._show({f"{name}: requests": [count, client, server], f"{name}: latency": latency})

    def _record(self, record: Record, *, has_due: bool) -> None:
        """Watch the table of runs: its own limit, and those of the indexes of statuses and of what is due."""
        # An index that is throttled holds up writes to the table, and is counted under its own name.
        table = {"TableName": record.table.table_name}
        throttles = {
            "writes": _sum_metric("AWS/DynamoDB", "WriteThrottleEvents", table),
            "reads": _sum_metric("AWS/DynamoDB", "ReadThrottleEvents", table),
            "index": _sum_metric("AWS/DynamoDB", "WriteThrottleEvents", table | {"GlobalSecondaryIndexName": INDEX}),
        }
        if has_due:
            due = table | {"GlobalSecondaryIndexName": DUE_INDEX}
            throttles["due"] = _sum_metric("AWS/DynamoDB", "WriteThrottleEvents", due)
        for name, metric in throttles.items():
            said = f"DynamoDB has throttled the table of runs for a quarter of an hour: {name}."
            self._alarms.add(f"record-{name}-throttled", metric, said, periods=_THROTTLED_PERIODS)
        self._show({"record: throttles": list(throttles.values())})

    def _keepers(self, watched: Watched) -> None:
        """Watch what keeps the record true to what Step Functions did."""
        errors = watched.completion.metric_errors(statistic="Sum", period=FIVE_MINUTES)
        said = "The end of an execution could not be recorded: the reconciler does it some minutes later."
        self._alarms.add("completion-errors", errors, said, periods=_THROTTLED_PERIODS)
        errors = watched.reconciler.metric_errors(statistic="Sum", period=FIVE_MINUTES)
        said = "The reconciler failed: runs that are due, or whose end was missed, stay as they are."
        self._alarms.add("reconciler-errors", errors, said)

    def _wakes(self, wakes: WakeQueue, metrics: RunMetrics) -> None:
        late = metrics.metric("RunsDue", "Maximum")
        self._alarms.add("runs-late", late, "Runs were due three minutes ago and are not woken.", threshold=_LATE_MS)
        age = wakes.queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=FIVE_MINUTES)
        said = "Messages of the wake queue are not handled."
        self._alarms.add("wakes-old", age, said, threshold=_OLDEST_WAKE_SECONDS)
        self._dead_letters("wakes", wakes.dead_letters, "Messages of wakes could not be delivered: they are kept.")

    def _lambdas(self) -> None:
        """Watch the account's Lambdas as a whole: they share one concurrency, so one is throttled when all are many."""
        throttles, errors, running = (
            _account_metric("AWS/Lambda", name, statistic)
            for name, statistic in (("Throttles", "Sum"), ("Errors", "Sum"), ("ConcurrentExecutions", "Maximum"))
        )
        self._alarms.add("lambda-throttles", throttles, "Lambda's concurrency of this account is used up.")
        self._show({"Lambda: throttles and errors": [throttles, errors], "Lambda: at once": [running]})

    def _show(self, graphs: Mapping[str, Sequence[cloudwatch.IMetric]]) -> None:
        """Add a row of graphs, by their titles."""
        widgets = [
            cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)
            for title, metrics in graphs.items()
        ]
        self._dashboard.add_widgets(*widgets)


def _account_metric(namespace: str, name: str, statistic: str) -> cloudwatch.Metric:
    """Return a metric of all that an account has in a region."""
    return cloudwatch.Metric(namespace=namespace, metric_name=name, statistic=statistic, period=FIVE_MINUTES)


def _sum_metric(namespace: str, name: str, dimensions: Mapping[str, str]) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dict(dimensions),
        statistic="Sum",
        period=FIVE_MINUTES,
    )
