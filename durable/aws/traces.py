"""Traces of a Lambda: where they are sent, and when."""

from __future__ import annotations

from typing import Any

from durable.aws.environment import Environment, Handler
from durable.steps.tracing import Tracing, tracing_of


def traces_of(environment: Environment) -> Tracing:
    """Return where the Lambdas of a stage send spans, which its table in stages.toml says."""
    return tracing_of(environment, environment.get("POWERTOOLS_SERVICE_NAME", "durable"))


def flushing(tracing: Tracing, answer: Handler) -> Handler:
    """Return a handler that has its spans sent when it answers: a Lambda is frozen then."""

    def handle(event: Any, context: Any) -> Any:
        try:
            return answer(event, context)
        finally:
            tracing.flush()

    return handle
