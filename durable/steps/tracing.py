"""Traces of runs and of the attempts of their steps, where the standard variables of OpenTelemetry ask for them.

Without these variables nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

from durable.store.keys import StepKey
from durable.store.rows import Header

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing(Protocol):
    """Where spans go."""

    def attempt(self, key: StepKey, step: str, attempt: int) -> AbstractContextManager[object]:
        """Return the block in which the function of a step is called: a span of its run."""

    def run_ended(self, read: Callable[[], Header | None]) -> None:
        """Report the span of a run that has ended, given what reads its header."""

    def flush(self) -> None:
        """Send what was not sent yet: a Lambda is frozen between two events."""


class NoTracing:
    """Reports nothing."""

    def attempt(self, key: StepKey, step: str, attempt: int) -> AbstractContextManager[object]:
        return nullcontext()

    def run_ended(self, read: Callable[[], Header | None]) -> None: ...

    def flush(self) -> None: ...


NO_TRACING: Final = NoTracing()


def tracing_of(environment: Mapping[str, str], service: str) -> Tracing:
    """Return where the environment has spans sent; one that lacks the packages is told so, and stops no run.

    Args:
        service: how the service is called, where OTEL_SERVICE_NAME does not say it.
    """
    endpoint = next((each for each in ENDPOINTS if environment.get(each)), None)
    if endpoint is None or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return NO_TRACING
    try:
        from durable.steps.spans import exported
    except ModuleNotFoundError as error:
        from durable.installation import requirement  # here: it takes a cold start 20 ms

        said = "%s is set, and no trace is sent: there is no package %s; pip install '%s'"
        logging.getLogger("durable").warning(said, endpoint, error.name, requirement("otel"))
        return NO_TRACING
    return exported(environment.get("OTEL_SERVICE_NAME") or service)
