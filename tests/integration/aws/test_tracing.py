"""The Lambdas of a stage send the spans of its runs to a collector, before they are frozen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.aws.deployment import SIGN_UP
from tests.integration.aws.segments import Segments


class Collector:
    """A collector of OTLP over HTTP, on loopback."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_sign_up_is_one_trace(collector: Collector, segments: Segments) -> None:
    id = segments.deployment.sign_up(SIGN_UP)
    segments.run()
    assert segments.deployment.status(id)["status"] == "complete"
    (run,) = [each for each in collector.spans if not each.parent_span_id]
    steps = [each for each in collector.spans if each.parent_span_id]
    assert (run.name, collector.services) == ("onboarding", {"durable-workflows"})
    assert sorted(each.name for each in steps) == [
        "create-profile",
        "initialize-settings",
        "send-welcome-email",
        "validate-user",
    ]
    assert {(each.trace_id, each.parent_span_id) for each in steps} == {(run.trace_id, run.span_id)}
