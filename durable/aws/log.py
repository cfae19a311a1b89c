"""What a Lambda says in its log: a JSON object for each event, with the run it belongs to; and its metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from durable.aws.environment import Handler
from durable.bindings.workflow import Created
from durable.store.failure import Failure
from durable.store.keys import StepKey

_ENDS: Final = {"SUCCEEDED": "RunsComplete", "ABORTED": "RunsStopped"}


class LambdaLog:
    """Writes the runtime's events by Powertools: its Logger, and its Metrics in CloudWatch's embedded format."""

    def __init__(self) -> None:
        self._logger = Logger()
        self._metrics = Metrics()
        self._keys: dict[str, str | int] = {}

    def begin(self, context: Any, **keys: str) -> None:
        """Have every line of this invocation say these things."""
        # The process has handled other events before, of other runs.
        self._logger.clear_state()
        self._logger.append_keys(request_id=context.aws_request_id, **keys)
        self._keys = dict(keys)
        _say_in_all_lines(keys)

    def of_a_run(self, answer: Handler) -> Handler:
        """Return a handler whose lines say which run an event is of."""

        def handle(event: Any, context: Any) -> Any:
            run, step = event["run"], event.get("step", "rollback")
            self.begin(context, workflow=run["workflow"], instance_id=run["instance"], step=step)
            return answer(event, context)

        return handle

    def attempt_begun(self, attempt: int) -> None:
        self._logger.append_keys(attempt=attempt)
        _say_in_all_lines(self._keys | {"attempt": attempt})

    def attempt_failed(self, key: StepKey, step: str, attempt: int, failure: Failure, *, final: bool) -> None:
        self._logger.warning(
            "attempt failed", extra={"attempt": attempt, "error": failure.name, "final": final} | _where(failure)
        )
        self._count("StepsFailed" if final else "AttemptsFailed", "workflow", key.workflow)

    def message_failed(self, queue: str, message: str, attempt: int, failure: Failure) -> None:
        self._logger.warning("message failed", extra={"message_id": message, "attempt": attempt} | _where(failure))
        self._count("MessagesFailed", "queue", queue)

    def run_ended(self, workflow: str, execution: str, status: str, error: str = "", *, refused: bool = False) -> None:
        """Say how an execution ended, and count the run.

        Args:
            refused: an error that is for whoever started the run ended it: alarms watch the others.
        """
        self._logger.info("run ended", extra={"execution": execution, "status": status})
        self._count(_ENDS.get(status, "RunsRefused" if refused else "RunsFailed"), "workflow", workflow)

    def reconciled(self, mended: int, late_ms: int | None = None) -> None:
        """Say how many runs the reconciler moved or looked at, and how long ago the first of them was due."""
        self._logger.info("reconciled", extra={"mended": mended})
        if late_ms is not None:
            self._metrics.add_metric("RunsDue", MetricUnit.Milliseconds, late_ms)
            self._metrics.flush_metrics()

    def look_failed(self, workflow: str, instance: str, error: Exception) -> None:
        """Say that a run could not be looked at: SQS delivers its message again, or the reconciler comes again."""
        name = type(error).__name__
        self._logger.warning("look failed", extra={"workflow": workflow, "instance_id": instance, "error": name})

    def scheduled(self, workflow: str, created: Created) -> None:
        """Say which run a scheduled time has, and whether it was started only now."""
        self._logger.info("scheduled", extra={"instance_id": created.id, "new": created.new})
        if created.new:
            self._count("RunsScheduled", "workflow", workflow)

    def changed(self, resource: str, request: str, status: str) -> None:
        """Say what CloudFormation asked for and was answered."""
        self._logger.info("change", extra={"resource": resource, "request": request, "status": status})

    def versions_deleted(self, machines: int, functions: int) -> None:
        """Say how many versions were deleted."""
        self._logger.info("versions deleted", extra={"machines": machines, "functions": functions})

    def versions_kept(self, workflow: str, error: str) -> None:
        """Say that versions of a workflow could not be looked at or deleted: a day later they are tried again."""
        self._logger.warning("versions kept", extra={"workflow": workflow, "error": error})

    def _count(self, name: str, dimension: str, value: str) -> None:
        # Flushed with each count: a dimension belongs to all metrics of a document of the embedded format.
        self._metrics.add_dimension(dimension, value)
        self._metrics.add_metric(name, MetricUnit.Count, 1)
        self._metrics.flush_metrics()


def _say_in_all_lines(keys: Mapping[str, str | int]) -> None:
    """Have what the author's code logs say these things too: Lambda writes what a record has besides its own fields."""
    for handler in logging.getLogger().handlers:
        handler.filters = [each for each in handler.filters if not isinstance(each, _Said)]
        handler.addFilter(_Said(keys))


class _Said(logging.Filter):
    """Adds fields to each line."""

    def __init__(self, keys: Mapping[str, str | int]) -> None:
        super().__init__()
        self._keys = keys

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self._keys.items():
            setattr(record, name, value)
        return True


def _where(failure: Failure) -> dict[str, Any]:
    return {"exception_class": failure.exception, "frames": list(failure.frames)}
