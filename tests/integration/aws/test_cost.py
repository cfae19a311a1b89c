"""What a million digests and syncs cost on Express: counted on the deployed Lambdas, and quoted by docs/aws.md."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from durable.aws.session import client
from tests.integration.aws.events import batch
from tests.integration.aws.meter import Meter
from tests.integration.aws.segments import Segments

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs" / "aws.md").read_text(encoding="utf-8")
POLLS: Final = 20
LAMBDA_MS: Final = 30
LAMBDA_ROUND_TRIP_MS: Final = 100
"""What an execution waits for a Lambda of 30 ms: the invocation is 70 ms more."""
LOG_KB: Final = 0.24
"""Of an invocation, metrics in their embedded format included."""

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("segments", ["batches"], indirect=True)]


@dataclass(frozen=True, slots=True)
class Counted:
    """What one run asked for."""

    executions: int
    express_seconds: float
    invocations: int
    write_units: float
    read_units: float
    messages: int
    objects_written: int
    objects_read: int

    def prices(self) -> dict[str, float]:
        """Return US dollars a million runs; prices of us-east-1, November 2026."""
        return {
            "Step Functions": self.executions * 1.00 + self.express_seconds * 1.042,
            "DynamoDB": self.write_units * 0.625 + self.read_units * 0.125,
            "Lambda": self.invocations * (0.20 + LAMBDA_MS / 1_000 * 0.5 * 13.3334),
            "SQS": self.messages * 3 * 0.40,
            "CloudWatch Logs": self.invocations * LOG_KB * 0.50,
            "the start": 1.00,  # a request of an HTTP API, or an invocation by EventBridge Scheduler
            "X-Ray": self.executions * 0.05 * 5.00,
            "S3": self.objects_written * 5.00 + self.objects_read * 0.40,
        }


@pytest.fixture
def calls() -> Iterator[list[str]]:
    """The operations that are asked of SQS and S3."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events = [client(each).meta.events for each in ("sqs", "s3")]
    for each in events:
        each.register("before-call", note)
    yield made
    for each in events:
        each.unregister("before-call", note)


def counted(segments: Segments, meter: Meter, calls: list[str], invoked: int) -> Counted:
    usage = meter.usage.values()
    busy = invoked * LAMBDA_ROUND_TRIP_MS / len(segments.executed)
    return Counted(
        executions=len(segments.executed),
        express_seconds=sum(math.ceil((each + busy) / 100) / 10 for each in segments.waited_ms),
        invocations=segments.deployment.invoked,
        write_units=sum(each.write_units + each.index_units for each in usage),
        read_units=sum(each.read_units for each in usage),
        messages=calls.count("SendMessageBatch") + calls.count("SendMessage"),
        objects_written=calls.count("PutObject"),
        objects_read=calls.count("GetObject"),
    )


def start(segments: Segments, workflow: str, params: Any) -> str:
    path = f"/api/workflows/{workflow}/instances"
    answer = segments.deployment.ask("POST", path, {"params": params}, to="operations")
    assert answer.status == 201, answer.text
    id: str = answer.json["id"]
    return id


def status(segments: Segments, workflow: str, id: str) -> str:
    answer = segments.deployment.ask("GET", f"/api/workflows/{workflow}/instances/{id}", to="operations")
    told: str = answer.json["status"]
    return told


def quoted(counted: Counted, name: str) -> str:
    """Return the row of the page that says it."""
    units = (counted.executions, counted.invocations, f"{counted.write_units:g}", f"{counted.read_units:g}")
    return f"| {name} | {' | '.join(map(str, units))} | {sum(counted.prices().values()):.2f} |"


def test_a_million_digests_cost_what_the_page_says(
    segments: Segments, meter: Meter, calls: list[str], sent: list[Any]
) -> None:
    id = start(segments, "digest", "operator@example.com")
    segments.run()
    deployment = segments.deployment
    invoked = deployment.invoked
    assert (
        deployment.invoke("functions.letters.deliver_letter:deliver_letter", received(segments, "Letters")).error
        is None
    )
    found = counted(segments, meter, calls, invoked)
    assert status(segments, "digest", id) == "complete"
    assert sum(found.prices().values()) <= 15
    assert quoted(found, "a digest: two steps and a letter") in PAGE


def test_a_million_syncs_of_twenty_polls_cost_what_the_page_says(
    segments: Segments, meter: Meter, calls: list[str]
) -> None:
    deployment = segments.deployment
    looks = 0

    def export(model: Any, **_: Any) -> None:
        nonlocal looks
        looks += model.name == "GetObject"
        if looks == 1 + POLLS:
            export_is_done(segments)

    events = client("s3").meta.events
    events.register("before-call.s3.GetObject", export)
    try:
        id = start(segments, "source", "customers")
        segments.run()
    finally:
        events.unregister("before-call.s3.GetObject", export)
    found = counted(segments, meter, calls, deployment.invoked)
    assert status(segments, "source", id) == "complete"
    assert sum(found.prices().values()) <= 300
    assert quoted(found, "a sync: an export, twenty polls, a page") in PAGE


def export_is_done(segments: Segments) -> None:
    """Write what the partner writes: one page of one record, and the last word."""
    deployment = segments.deployment
    exchange = deployment.physical("S3::Bucket", "Exchange")
    (record,) = received(segments, "Exports")["Records"]
    export = json.loads(record["body"])["id"]
    page = {"records": [{"id": "customers-0", "fields": {"number": 0}}]}
    for name, body in (("page-0", page), ("done", {"state": "done", "pages": 1})):
        key = f"exports/{export}/{name}.json"
        deployment.aws.s3.put_object(Bucket=exchange, Key=key, Body=json.dumps(body).encode())


def received(segments: Segments, name: str) -> dict[str, Any]:
    """Take what is in a queue, and return it as the event source does."""
    deployment = segments.deployment
    queues = [each for each in deployment.template.of("SQS::Queue") if each.startswith(name)]
    (queue,) = (each for each in queues if "DeadLetters" not in each)
    found = deployment.aws.sqs.receive_message(QueueUrl=deployment.value({"Ref": queue}), AttributeNames=["All"])
    return batch(found["Messages"], f"arn:aws:sqs:us-east-1:123456789012:{name}")
