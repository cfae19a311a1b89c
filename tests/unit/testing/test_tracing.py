"""The spans of runs and of the attempts of their steps."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from durable import NonRetryableError, Retries, StepContext, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.build import build
from durable.clock import VirtualClock
from durable.project import Project
from durable.steps.spans import Spans
from durable.testing.host import VirtualHost

ROOT = Path(__file__).resolve().parents[3]
START = 1_767_225_600_000


def load(number: int, context: StepContext) -> int:
    if number == 1 and context.attempt == 1:
        raise ConnectionError("of Ann")
    return number


async def refuse(number: int) -> None:
    if number > 5:
        raise NonRetryableError("of Bob")


def unload(result: int) -> None: ...


class LoadWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        one, two = await asyncio.gather(
            step.do("one", load, 1, retries=Retries(limit=1), undo=unload), step.do("two", load, event.payload)
        )
        await step.sleep("rest", "1 hour")
        await step.do("refuse", refuse, two)
        return one + two


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def host(exporter: InMemorySpanExporter) -> Iterator[VirtualHost]:
    spans = Spans("shop", SimpleSpanProcessor(exporter))
    built = build(Project("shop", (Workflow("load", LoadWorkflow),)))
    with VirtualHost(built, clock=VirtualClock(START), tracing=spans) as host:
        yield host


def shown(spans: tuple[ReadableSpan, ...]) -> list[tuple[str, object, str | None]]:
    return [(each.name, (each.attributes or {}).get("durable.attempt"), each.status.description) for each in spans]


def test_a_run_is_a_span_around_those_of_its_attempts(host: VirtualHost, exporter: InMemorySpanExporter) -> None:
    host.run_workflow("load", 2, id="a")
    *attempts, run = exporter.get_finished_spans()
    assert shown((*attempts, run)) == [
        ("one", 1, "ConnectionError"),
        ("two", 1, None),
        ("one", 2, None),
        ("refuse", 1, None),
        ("load", None, None),
    ]
    assert run.parent is None
    assert run.context is not None
    assert {each.parent.span_id for each in attempts if each.parent} == {run.context.span_id}
    assert {each.context.trace_id for each in (*attempts, run) if each.context} == {run.context.trace_id}
    assert run.start_time == START * 1_000_000
    assert (run.end_time or 0) - run.start_time >= 3_600 * 10**9
    assert run.resource.attributes["service.name"] == "shop"
    assert dict(run.attributes or {}) == {
        "durable.workflow": "load",
        "durable.instance_id": "a",
        "durable.epoch": 1,
        "durable.status": "complete",
    }


def test_no_span_says_what_an_exception_said(host: VirtualHost, exporter: InMemorySpanExporter) -> None:
    host.run_workflow("load", 6)
    spans = exporter.get_finished_spans()
    assert shown(spans)[-3:] == [
        ("refuse", 1, "NonRetryableError"),
        ("one/undo", 1, None),
        ("load", None, "NonRetryableError"),
    ]
    assert not any("of Ann" in each.to_json() or "of Bob" in each.to_json() for each in spans)


def test_another_run_is_another_trace_and_so_is_a_restart(host: VirtualHost, exporter: InMemorySpanExporter) -> None:
    for id in ("a", "b"):
        host.run_workflow("load", 2, id=id)
    host.host.workflows["load"].restart("a")
    host.run()
    assert len({each.context.trace_id for each in exporter.get_finished_spans() if each.context}) == 3


def test_without_the_variables_nothing_of_opentelemetry_is_imported() -> None:
    code = "import sys, durable.aws.entries.step, durable.aws.entries.turn, durable.aws.traces as t; t.traces_of({});"
    code += "print([each for each in sys.modules if each.startswith(('opentelemetry', 'importlib.metadata'))])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_the_packages_it_is_said_and_nothing_stops(tmp_path: Path) -> None:
    code = "import sys; sys.modules['opentelemetry'] = None\nfrom durable.steps.tracing import NO_TRACING, tracing_of\n"
    code += "assert tracing_of({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://localhost:4318'}, 'shop') is NO_TRACING"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set, and no trace is sent: there is no package opentelemetry" in done.stderr
    assert "[otel]" in done.stderr
