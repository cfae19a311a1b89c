"""A deployed stage, as its console asks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.cli.asked import AskedStage
from durable.cli.operations import Answer
from durable.cli.stage import StageTransport
from durable.clock import VirtualClock
from durable.errors import RunNotFound
from durable.local.console.stage import Refused

RUN = "/api/workflows/order/instances/one"
FRAMES = {"exception": "ValueError", "frames": ["/var/task/functions/orders.py:7 in charge"]}


class Answers(StageTransport):
    """A stage that answers each path with a status and JSON."""

    def __init__(self, answers: dict[str, tuple[int, Any]]) -> None:
        self.stage = "prod"
        self._answers = answers

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        status, said = self._answers.get(path, (404, {"detail": "There is no such run."}))
        return Answer(status, json.dumps(said).encode())


def asked(answers: dict[str, tuple[int, Any]]) -> AskedStage:
    return AskedStage(Answers(answers), VirtualClock())


def test_failures_are_found_on_every_page_of_a_runs_steps() -> None:
    fine, failed = {"key": "reserve", "error": None}, {"key": "charge", "error": FRAMES}
    first, last = {"steps": [fine], "nextStep": 400}, {"steps": [failed], "nextStep": None}
    stage = asked({RUN: (200, first), f"{RUN}?step=400": (200, last)})
    assert stage.failures("order", "one") == [("charge", FRAMES)]


def test_a_run_that_is_not_there_is_not_found() -> None:
    with pytest.raises(RunNotFound):
        asked({}).failures("order", "one")


def test_a_stage_that_refuses_is_said_to_refuse() -> None:
    with pytest.raises(Refused, match="not allowed"):
        asked({RUN: (403, {"title": "Forbidden", "detail": "You are not allowed to see it."})}).failures("order", "one")
