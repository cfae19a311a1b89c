"""What a stage costs on AWS while nothing runs: US dollars a month, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from durable.cost import dollars_of_lambda, dollars_of_reads
from durable.project import Project

_MINUTES: Final = 43_200
"""Of a month of thirty days."""
_HOURS: Final = _MINUTES // 60
_ALARM: Final = 0.10
"""For each metric that an alarm watches."""
_DASHBOARD: Final = 3.00
_SQS_REQUESTS: Final = 0.40
_QUERY_MS: Final = 4
"""A query that finds nothing; it is half a read unit."""
QUERIES_OF_STANDARD: Final = 26
"""Of the reconciler for each workflow on Standard, every five minutes: each partition of the index of statuses."""
QUERIES_OF_EXPRESS: Final = 17
"""Of the reconciler for each workflow on Express, once an hour; every minute while runs of it execute."""
QUERIES_OF_DUE: Final = 16
"""Of the index of what is due, every minute."""
_POLLS_OF_QUEUE: Final = 5 * 3 * _MINUTES
"""Lambda keeps five requests open for each queue that it reads, of twenty seconds each."""

# of the main stack: table, completions, reconciler, Lambda and starts; of each declaration
_METRICS: Final = 7
_METRICS_OF_WORKFLOW: Final = 3
_METRICS_OF_SCHEDULES: Final = 1
_METRICS_OF_WAKES: Final = 4


def watched_metrics(project: Project) -> int:
    """Return how many metrics the alarms of a stage watch."""
    found = _METRICS + _METRICS_OF_WORKFLOW * len(project.workflows)
    found += sum(2 if each.consumer is not None else 1 for each in project.queues)
    found += sum(each.url + (each.canary is not None) for each in project.workers)
    found += _METRICS_OF_SCHEDULES if any(each.schedules for each in project.workflows) else 0
    found += any(each.kind == "email" for each in project.declarations)
    return found + (_METRICS_OF_WAKES if _is_woken(project) else 0)


def idle(project: Project) -> Mapping[str, float]:
    """Return what a stage of a project costs a month; a key of its own in AWS KMS is $1.00 more."""
    polled = sum(each.consumer is not None for each in project.queues) + _is_woken(project)
    express = sum(each.machine_kind == "express" for each in project.workflows)
    queries = _MINUTES // 5 * QUERIES_OF_STANDARD * (len(project.workflows) - express)
    looks = _MINUTES // 5
    if _is_woken(project):
        looks += _MINUTES
        queries += _MINUTES * QUERIES_OF_DUE + _HOURS * QUERIES_OF_EXPRESS * express
    return {
        f"alarms on {watched_metrics(project)} metrics": watched_metrics(project) * _ALARM,
        "the dashboard": _DASHBOARD,
        f"polls of {polled} queues": polled * _POLLS_OF_QUEUE / 1e6 * _SQS_REQUESTS,
        f"{looks:,} looks of the reconciler": (
            dollars_of_lambda(looks, queries * _QUERY_MS // looks) + dollars_of_reads(queries / 2)
        ),
    }


def _is_woken(project: Project) -> bool:
    return any(each.machine_kind == "express" or each.limits is not None for each in project.workflows)
