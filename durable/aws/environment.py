"""What a Lambda works on, made from its environment. Each part is imported when it is first made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from durable.aws.registry import Registry
from durable.clock import SystemClock

if TYPE_CHECKING:  # each kind of Lambda imports only its own
    from durable.aws.machines import StepFunctionsMachines
    from durable.aws.table import DynamoDBTable
    from durable.runs.runs import Runs
    from durable.runs.segments import Segments
    from durable.runs.timers import Timers
    from durable.steps.callbacks import Callbacks
    from durable.steps.children import Children
    from durable.steps.events import Events
    from durable.store.large_values import LargeValues

Environment = Mapping[str, str]
Handler = Callable[[Any, Any], Any]
"""What Lambda calls with each event and its context."""


def registry_of(environment: Environment, others: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> Registry:
    """Return the workflows that a Lambda works on, and others that it starts."""
    if "DURABLE_REGISTRY" in environment:
        return Registry.below(environment["DURABLE_REGISTRY"], SystemClock())
    # Its own workflow comes last: where it calls itself, it is known in full.
    return Registry({**others, **json.loads(environment["DURABLE_WORKFLOWS"])}, SystemClock())


def table_of(environment: Environment) -> DynamoDBTable:
    from durable.aws.table import DynamoDBTable

    return DynamoDBTable(environment["DURABLE_TABLE"], SystemClock())


def values_of(environment: Environment) -> LargeValues | None:
    """Return where large values are; None in a deployment whose workflows have none."""
    from durable.aws.large_values import S3Values

    bucket = environment.get("DURABLE_VALUES")
    return S3Values(bucket) if bucket else None


def machines_of(registry: Registry) -> StepFunctionsMachines:
    from durable.aws.machines import StepFunctionsMachines

    return StepFunctionsMachines(registry.machines)


def timers_of(environment: Environment) -> Timers | None:
    """Return what has runs looked at; None without a queue in the environment."""
    from durable.aws.wakes import SQSTimers

    queue = environment.get("DURABLE_WAKES")
    return SQSTimers(queue) if queue else None


def runs_of(table: DynamoDBTable, registry: Registry, environment: Environment) -> Runs:
    from durable.runs.runs import Runs

    return Runs(
        table,
        machines_of(registry),
        SystemClock(),
        definitions=registry.definitions,
        retentions=registry.retentions,
        segmented=registry.segmented,
        code=registry.code,
        limits=registry.limits,
        timers=timers_of(environment),
        search=registry.search,
    )


def segments_of(table: DynamoDBTable, runs: Runs, environment: Environment) -> Segments:
    """Return what parks and wakes runs."""
    from durable.runs.segments import Segments
    from durable.runs.timers import NoTimers

    return Segments(table, runs, timers_of(environment) or NoTimers(), SystemClock())


def callbacks_of(table: DynamoDBTable, segments: Segments) -> Callbacks:
    from durable.aws.tokens import StepFunctionsTokens
    from durable.steps.callbacks import Callbacks
    from durable.steps.parked import ParkedTokens

    return Callbacks(table, ParkedTokens(StepFunctionsTokens(), segments), SystemClock())


def events_of(table: DynamoDBTable, callbacks: Callbacks, segments: Segments) -> Events:
    from durable.steps.events import Events

    return Events(table, callbacks, SystemClock(), segments)


def children_of(table: DynamoDBTable, callbacks: Callbacks, environment: Environment) -> Children:
    from durable.steps.children import Children

    return Children(table, callbacks, values_of(environment))
