"""Spans of OpenTelemetry: one of each run, and in it one of each attempt of a step.

An attempt runs in a process that knows nothing of the others, and a run's span is reported when the run has ended. So
the ids of trace and run follow from the run itself: whoever reports a span of it names the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from durable.store.keys import StepKey
from durable.store.rows import Header

_NANOSECONDS: Final = 1_000_000
"""In a millisecond: the record counts in these, OpenTelemetry in nanoseconds since 1970."""
# Sizes of ids. Source: W3C Trace Context.
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_run: Final[ContextVar[tuple[int, int] | None]] = ContextVar("run", default=None)
"""The ids of the run whose span is made in this context."""


class _Ids(RandomIdGenerator):
    """Draws ids, but for the span of a run."""

    def generate_trace_id(self) -> int:
        ids = _run.get()
        return super().generate_trace_id() if ids is None else ids[0]

    def generate_span_id(self) -> int:
        ids = _run.get()
        return super().generate_span_id() if ids is None else ids[1]


class Spans:
    """Implements `durable.steps.tracing.Tracing`.

    No span says what an exception said: that may be somebody's data.
    """

    def __init__(self, service: str, processor: SpanProcessor) -> None:
        resource = Resource.create({SERVICE_NAME: service})
        self.provider: Final = TracerProvider(resource=resource, id_generator=_Ids())
        self.provider.add_span_processor(processor)
        self._tracer = self.provider.get_tracer("durable")

    @contextmanager
    def attempt(self, key: StepKey, step: str, attempt: int) -> Iterator[None]:
        attributes: dict[str, str | int] = {
            "durable.workflow": key.workflow,
            "durable.instance_id": key.instance,
            "durable.step": step,
            "durable.key": key.path,
            "durable.attempt": attempt,
        }
        ids = _ids_of(key.workflow, key.instance, key.incarnation, key.epoch)
        # The span of the run is made when the run has ended: until then its attempts name a parent that nobody has
        # seen.
        around = trace.set_span_in_context(NonRecordingSpan(self._context(ids)))
        with self._tracer.start_as_current_span(
            step, around, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def _context(self, ids: tuple[int, int]) -> SpanContext:
        """Return the run's own span as its attempts name it: sampled where the sampler takes the run."""
        decided = self.provider.sampler.should_sample(Context(), ids[0], "run").decision
        flags = TraceFlags.SAMPLED if decided is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        return SpanContext(*ids, is_remote=True, trace_flags=TraceFlags(flags))

    def run_ended(self, read: Callable[[], Header | None]) -> None:
        header = read()
        # A paused run is closed to executions and goes on later: its span is reported once, when it has ended for good.
        if header is None or not header.closed or header.status == "paused":
            return
        attributes: dict[str, str | int] = {
            "durable.workflow": header.workflow,
            "durable.instance_id": header.instance,
            "durable.epoch": header.epoch,
            "durable.status": header.status,
        }
        begun = header.created if header.begun is None else header.begun
        # The generator of ids is the provider's, and takes no arguments: the context says whose span is made.
        token = _run.set(_ids_of(header.workflow, header.instance, header.incarnation, header.epoch))
        try:
            span = self._tracer.start_span(
                header.workflow,
                Context(),
                SpanKind.INTERNAL,
                attributes,
                start_time=begun * _NANOSECONDS,
            )
        finally:
            _run.reset(token)
        if header.status == "errored":
            span.set_status(StatusCode.ERROR, (header.error or {}).get("name"))
        span.end(header.updated * _NANOSECONDS)

    def flush(self) -> None:
        self.provider.force_flush()


def exported(service: str) -> Spans:
    """Return spans that are sent by OTLP over HTTP, as the standard variables say.

    What the author's own code traces is sent too, unless something else has set the process's provider before.
    """
    spans = Spans(service, BatchSpanProcessor(OTLPSpanExporter()))
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(spans.provider)
    return spans


def _ids_of(workflow: str, instance: str, incarnation: str, epoch: int) -> tuple[int, int]:
    """Return the ids of a run's trace and of its own span."""
    digest = hashlib.sha256(f"{workflow}#{instance}#{incarnation}#{epoch}".encode()).digest()
    trace_id, rest = digest[:_TRACE_BYTES], digest[_TRACE_BYTES:]
    return int.from_bytes(trace_id, "big"), int.from_bytes(rest[:_SPAN_BYTES], "big")
