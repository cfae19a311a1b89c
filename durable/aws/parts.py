"""What the Lambdas share that know all workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from durable.aws.environment import (
    Environment,
    callbacks_of,
    children_of,
    events_of,
    machines_of,
    registry_of,
    runs_of,
    segments_of,
    table_of,
    values_of,
)
from durable.aws.machines import StepFunctionsMachines
from durable.aws.registry import Registry
from durable.aws.table import DynamoDBTable
from durable.clock import SystemClock
from durable.operations.lifecycle import Lifecycle
from durable.operations.waker import Waker
from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.steps.children import Children
from durable.steps.events import Events
from durable.store.leases import Leases


@dataclass(frozen=True, slots=True)
class Parts:
    """What the Lambdas share that know all workflows."""

    registry: Registry
    table: DynamoDBTable
    machines: StepFunctionsMachines
    runs: Runs
    segments: Segments
    events: Events
    children: Children
    lifecycle: Lifecycle


def parts_of(environment: Environment) -> Parts:
    registry, table = registry_of(environment), table_of(environment)
    machines, runs = machines_of(registry), runs_of(table, registry, environment)
    segments = segments_of(table, runs, environment)
    callbacks = callbacks_of(table, segments)
    children = children_of(table, callbacks, environment)
    parts = (table, machines, SystemClock(), runs, children, Leases(SystemClock()), values_of(environment))
    lifecycle = Lifecycle(*parts, _check_result)
    return Parts(registry, table, machines, runs, segments, events_of(table, callbacks, segments), children, lifecycle)


def _check_result(workflow: str, step: str, result: Any) -> None:
    # Imported when a result is given, which is seldom: cold starts do not pay for it.
    from durable.aws.signatures import check_result

    check_result(workflow, step, result)


def waker_of(parts: Parts) -> Waker:
    return Waker(parts.table, SystemClock(), parts.segments, parts.events, parts.children, parts.lifecycle, parts.runs)
