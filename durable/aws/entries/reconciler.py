"""The reconciler, which looks at runs that nothing else will."""

from __future__ import annotations

from typing import Any, Final

from durable.aws.environment import Environment, Handler, values_of
from durable.aws.log import LambdaLog
from durable.aws.parts import parts_of, waker_of
from durable.clock import SystemClock
from durable.operations.large_values import sweep
from durable.operations.reconciler import Reconciler
from durable.operations.segment_reconciler import SegmentReconciler
from durable.store.rows import Header

_WHOLE_MS: Final = 45_000
"""How long whole runs are looked at: the Lambda has a minute."""


def handler_of(environment: Environment) -> Handler:
    log, parts = LambdaLog(), parts_of(environment)
    table, machines, runs, clock = parts.table, parts.machines, parts.runs, SystemClock()

    def settle(header: Header) -> int:
        return parts.events.settle(header.partition, header.era) + parts.children.settle(header)

    values = values_of(environment)
    whole = Reconciler(table, machines, clock, runs, settle, log.look_failed)
    segmented = parts.registry.segmented
    segments = SegmentReconciler(table, machines, clock, runs, parts.segments, waker_of(parts), log.look_failed)

    def handle(event: Any, context: Any) -> None:
        log.begin(context)
        match event.get("runs"):
            case "segments":
                looked = segments.reconcile(segmented)
                log.reconciled(looked.runs + whole.reconcile(looked.workflows, ("rollingBack",)), looked.late_ms)
            case "values":
                log.reconciled(0 if values is None else sweep(values, table))
            case "all":
                log.reconciled(whole.reconcile(parts.registry, within_ms=_WHOLE_MS))
            case _:
                # Runs of former versions, which one execution runs whole, are found among the others once a day.
                log.reconciled(whole.reconcile(parts.registry.keys() - segmented, within_ms=_WHOLE_MS))

    return handle
