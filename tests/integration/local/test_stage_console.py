"""The console of a deployed stage: it sends requests on, and answers nobody without its key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine
from starlette.testclient import TestClient

from durable.build import build
from durable.cli import main
from durable.clients.contents import Buckets, Databases, Namespaces
from durable.clients.letters import Letter
from durable.clock import VirtualClock
from durable.errors import RunNotFound
from durable.local.console.dead_letters import DeadLetters
from durable.local.console.stage import Kept, Refused, stage_console
from durable.project import Project, declarations
from durable.store.failure import FailureRow
from tests.integration.local import shop

OWN = "http://127.0.0.1:8788"


@dataclass
class Answering:
    """A stage that answers each request with what was asked."""

    name: str = "prod"
    asked: list[Any] = field(default_factory=list)
    gone: bool = False

    def send(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        if self.gone:
            raise Refused("https://api.example does not answer")
        self.asked.append((method, path, body))
        return 201, json.dumps({"workflows": []}).encode()

    def failures(self, workflow: str, instance: str) -> Iterable[tuple[str, FailureRow]]:
        if instance != "bad":
            raise RunNotFound
        frames = ["/var/task/tests/integration/local/shop.py:1 in ship", "/var/task/durable/steps/step.py:9 in call"]
        return [("ship", FailureRow(name="StepError", message="", exception="OSError", frames=frames))]

    def lines(self, workflow: str, instance: str, after: int) -> dict[str, Any]:
        return {"lines": [], "cursor": after}


class OneLetter:
    """Queues of which each has one dead letter."""

    def counts(self, queue: str) -> tuple[int, int]:
        return 2, 1

    def dead(self, queue: str, after: str) -> Sequence[Letter]:
        return [Letter("m-1", "{}", 0, 3)]

    def redrive(self, queue: str, ids: Sequence[str] | None) -> int:
        return 1 if ids is None else len(ids)


def unreachable() -> Engine:
    raise ConnectionError("it is far away")


@pytest.fixture
def stage() -> Answering:
    return Answering()


@pytest.fixture
def unlocked(stage: Answering) -> tuple[TestClient, str]:
    project = build(Project("shop", tuple(declarations(sys.modules[shop.__name__]))))
    kept = Kept(
        Namespaces({}, {}),
        Buckets({}),
        Databases({"ledger": partial(create_engine, "sqlite://"), "far": unreachable}),
        DeadLetters(project.project.queues, OneLetter()),
    )
    app, key = stage_console(stage, project, kept, VirtualClock(), {ConnectionError: lambda error: f"no: {error}"})
    return TestClient(app, base_url=OWN), key


@pytest.fixture
def client(unlocked: tuple[TestClient, str]) -> TestClient:
    client, key = unlocked
    assert client.get("/", params={"key": key}).status_code == 200
    return client


@pytest.mark.parametrize("path", ["/", "/?key=", "/?key=wrong", "/console/app.js", "/api/workflows", "/api/console/kv"])
def test_without_the_key_nothing_is_answered(unlocked: tuple[TestClient, str], stage: Answering, path: str) -> None:
    client, _ = unlocked
    answer = client.get(path)
    assert answer.status_code == 403
    assert "durable console" in answer.json()["detail"]
    assert client.get(path, headers={"Cookie": "durable-console=wrong"}).status_code == 403
    assert stage.asked == []


def test_the_key_leaves_the_address_and_is_kept_from_scripts_and_other_sites(unlocked: tuple[TestClient, str]) -> None:
    client, key = unlocked
    answer = client.get("/", params={"key": key}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]


def test_requests_of_operators_are_sent_on_as_they_are(client: TestClient, stage: Answering) -> None:
    answer = client.post("/api/workflows/order/instances/a%2Fb/events/paid?x=1%2B1", json={"payload": 1})
    assert (answer.status_code, answer.json()) == (201, {"workflows": []})
    assert client.get("/api/workflows").status_code == 201
    assert stage.asked == [
        ("POST", "/api/workflows/order/instances/a%2Fb/events/paid?x=1%2B1", b'{"payload":1}'),
        ("GET", "/api/workflows", None),
    ]


def test_what_the_stage_cannot_do_is_said(client: TestClient, stage: Answering) -> None:
    stage.gone = True
    answer = client.get("/api/workflows")
    assert (answer.status_code, answer.json()["detail"]) == (502, "https://api.example does not answer")


def test_the_databases_of_the_stage_are_shown_and_one_that_cannot_be_reached_is_said(client: TestClient) -> None:
    assert client.get("/api/console/databases").json() == {"databases": [{"name": "far"}, {"name": "ledger"}]}
    assert client.get("/api/console/databases/ledger").json() == {"tables": []}
    answer = client.get("/api/console/databases/far")
    assert (answer.status_code, answer.json()["detail"]) == (502, "no: it is far away")


def test_pages_of_other_origins_cannot_drive_it(client: TestClient, stage: Answering) -> None:
    for headers in (
        {"Origin": "https://evil.example"},
        {"Host": "evil.example:8788"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert client.get("/api/workflows", headers=headers).status_code in (403, 421)
    assert stage.asked == []


def test_what_the_page_asks_for_besides_comes_from_the_project_here(client: TestClient) -> None:
    there = client.get("/api/console/project").json()
    assert (there["stage"], there["sections"]) == ("prod", ["schedules", "queues", "kv", "buckets", "databases"])
    assert client.get("/api/console/graphs/order").json()["graph"]["nodes"]
    (found,) = client.get("/api/console/tracebacks/order/bad").json()["tracebacks"]
    assert [(each["function"], each["source"]) for each in found["frames"]] == [("ship", SOURCE)]
    assert client.get("/api/console/tracebacks/order/other").status_code == 404
    assert client.get("/api/console/logs?workflow=order&id=bad&after=4").json() == {"lines": [], "cursor": 4}


def test_the_queues_of_the_stage_are_shown_and_their_dead_letters_delivered_anew(client: TestClient) -> None:
    (queue,) = client.get("/api/console/queues").json()["queues"]
    assert queue == {"name": "parcels", "consumer": "deliver", "waiting": 2, "dead": 1}
    (letter,) = client.get("/api/console/queues/parcels/dead-letters").json()["deadLetters"]
    assert (letter["id"], letter["attempts"]) == ("m-1", 3)
    redriven = client.post("/api/console/queues/parcels/redrive", json={"ids": ["m-1"]}, headers={"Origin": OWN})
    assert redriven.json() == {"redriven": 1}
    assert client.get("/api/console/queues/other/dead-letters").status_code == 404


SOURCE = f'"""{shop.__doc__}"""'


def test_the_command_wants_a_stage() -> None:
    result = CliRunner().invoke(main, ["console"])
    assert result.exit_code == 2
    assert "durable console --stage prod" in result.stderr
