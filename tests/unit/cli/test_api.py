"""What the command line sends is what the operations API takes, and its answers are understood."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable.cli import options
from durable.cli.operations import Answer, Operations
from durable.operations.routes import operations
from durable.store.machines import ExecutionState
from tests.unit.cli.server import Serve, run
from tests.unit.http.desk import Desk
from tests.unit.http.doors import GOOD, JSON, through_events


class Api:
    """Calls the operations API of a desk."""

    pause_seconds = 0.0

    def __init__(self, desk: Desk) -> None:
        self._ask = through_events(operations({"onboarding": desk.client}, desk.operator))

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        answer = self._ask(method, path, body or b"", JSON)
        return Answer(answer.status, answer.text.encode())


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk that the commands operate."""
    made = Desk()
    monkeypatch.setattr(options, "_operations", lambda port, stage: Operations(Api(made)))
    return made


def start_batch(*items: dict[str, Any]) -> tuple[int, list[dict[str, Any]], str]:
    result = run("start-batch", "onboarding", "--json", "--params", json.dumps(items))
    return result.exit_code, json.loads(result.stdout), result.stderr


def test_a_batch_of_more_than_a_hundred_is_started_and_can_be_sent_again(desk: Desk) -> None:
    items = [{"id": f"run-{number}", "params": GOOD} for number in range(205)]
    for new in (True, False):
        code, results, _ = start_batch(*items)
        assert (code, {each["new"] for each in results}) == (0, {new})
        assert [each["id"] for each in results] == [each["id"] for each in items]
    assert len(desk.machines.states) == 205


def test_an_id_that_was_used_with_another_input_is_refused_and_the_others_start(desk: Desk) -> None:
    start_batch({"id": "taken", "params": GOOD})
    code, results, said = start_batch({"params": GOOD}, {"id": "taken", "params": GOOD | {"name": "Grace"}})
    assert (code, [each["error"] and each["error"]["status"] for each in results]) == (4, [None, 409])
    assert "item 2: A run with this id" in said
    assert "Grace" not in said


def test_an_input_that_does_not_fit_is_told_by_item_and_field_and_nothing_is_started(desk: Desk) -> None:
    code, results, said = start_batch({"params": GOOD}, {"params": {"email": "grace-at-example", "name": ""}})
    assert code == 2
    assert results[0]["error"]["detail"] == "Nothing of its request was started, because of item 2."
    assert results[1]["error"]["detail"].startswith("params.email: ")
    assert "; params.name: " in results[1]["error"]["detail"]
    assert "grace" not in said
    assert not desk.machines.states


def test_a_run_is_restarted_from_a_round_of_a_step(desk: Desk) -> None:
    start_batch({"id": "run-0", "params": GOOD})
    for number in range(3):
        desk.step("run-0", "poll", key=f"poll[{number}]")
    desk.ends("run-0", ExecutionState("SUCCEEDED", output={}))
    assert run("restart", "onboarding", "run-0", "--from", "poll", "--count", "4").exit_code == 4
    assert run("restart", "onboarding", "run-0", "--from", "poll", "--count", "2").exit_code == 0
    left = json.loads(run("describe", "onboarding", "run-0", "--json").stdout)["steps"]
    assert [each["key"] for each in left] == ["poll[0]"]


def test_a_run_is_shown_with_the_steps_of_all_pages(serve: Serve) -> None:
    pages = [{"id": "one", "steps": ["a"], "nextStep": 1}, {"id": "one", "steps": ["b"], "nextStep": None}]
    server = serve(*((200, page) for page in pages))
    assert Operations(server).describe("shop", "one")["steps"] == ["a", "b"]
