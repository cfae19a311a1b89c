"""The operators' routes that list, show and change instances, on a record in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from durable.http import Api
from durable.local.http import application
from durable.operations.routes import operations
from durable.operations.routes.shows import OTHER_LIST
from durable.runs.transitions import Order
from durable.store.failure import Failure
from durable.store.keys import header_key
from durable.store.machines import ExecutionState
from durable.store.table import Write
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.desk import Desk
from tests.unit.http.doors import BASE, GOOD, JSON, Ask, through_events, through_server

INSTANCES = "/api/workflows/onboarding/instances"
FAILED = ExecutionState("FAILED", error="Taken", cause='{"errorMessage": "create-profile: x", "stackTrace": []}')
DONE = ExecutionState("SUCCEEDED", output={"ok": True})


@pytest.fixture
def operator(desk: Desk) -> Api:
    return operations({"onboarding": desk.client}, desk.operator)


@pytest.fixture
def started(operate: Ask) -> Ask:
    for number in range(3):
        body = json.dumps({"id": f"run-{number}", "params": GOOD}).encode()
        assert operate("POST", INSTANCES, body, JSON).status == 201
    return operate


def change(ask: Ask, id: str, **body: Any) -> Any:
    return ask("PATCH", f"{INSTANCES}/{id}/status", json.dumps(body).encode(), JSON)


def ids(answer: Any) -> list[str]:
    assert answer.status == 200, answer.text
    return [each["id"] for each in answer.json["instances"]]


def test_workflows_are_listed_with_counts_and_the_schema_of_their_params(started: Ask, desk: Desk) -> None:
    desk.ends("run-1", DONE)
    (workflow,) = started("GET", "/api/workflows").json["workflows"]
    assert workflow["name"] == "onboarding"
    assert workflow["counts"] == {"complete": 1, "running": 2}
    assert "avatarUrl" in workflow["params"]["properties"]


def test_instances_are_listed_by_status_and_time_in_pages(desk: Desk) -> None:
    ask = through_events(operations({"onboarding": desk.client}, desk.operator))
    for number in range(3):
        desk.client.create(GOOD | {"avatarUrl": None}, id=f"run-{number}")
        desk.later(1000)
    desk.ends("run-0", DONE)
    client = TestClient(application([], operations({"onboarding": desk.client}, desk.operator)), base_url=BASE)
    get = through_server(client)
    assert ids(get("GET", INSTANCES)) == ["run-0", "run-2", "run-1"]
    assert ids(get("GET", f"{INSTANCES}?status=running")) == ["run-2", "run-1"]
    assert ids(get("GET", f"{INSTANCES}?since=2026-01-01T00:00:02Z")) == ["run-0", "run-2"]
    assert ids(get("GET", f"{INSTANCES}?until=2026-01-01T00:00:02%2B00:00")) == ["run-1"]
    first = get("GET", f"{INSTANCES}?limit=2")
    assert ids(first) == ["run-0", "run-2"]
    second = get("GET", f"{INSTANCES}?limit=2&cursor={first.json['cursor']}")
    assert (ids(second), second.json["cursor"]) == (["run-1"], None)
    assert ask("GET", INSTANCES).json["instances"][0]["updatedAt"] == "2026-01-01T00:00:03.000Z"


STATUSES = "queued, running, waiting, waitingForPause, paused, complete, errored, terminated, rollingBack"
TIME = "a time in ISO 8601, as 2026-01-31T09:00:00Z"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("status=late", f"The query parameter status must be one of {STATUSES}."),
        ("status=", f"The query parameter status must be one of {STATUSES}."),
        ("status=xrunningx", f"The query parameter status must be one of {STATUSES}."),
        ("limit=0", "The query parameter limit must be a whole number from 1 to 100."),
        ("limit=101", "The query parameter limit must be a whole number from 1 to 100."),
        ("limit=999", "The query parameter limit must be a whole number from 1 to 100."),
        ("since=soon", f"The query parameter since must be {TIME}."),
        ("until=9", f"The query parameter until must be {TIME}."),
        (f"until={'9' * 41}", f"The query parameter until must be {TIME}."),
        ("cursor=!", "The query parameter cursor must be one that a list gave."),
        ("cursor=x", OTHER_LIST),
        ("cursor=WzAsW11d", OTHER_LIST),
        ("status=queued&status=running", "The query parameter status is given 2 times; give it once."),
        ("limit=1&limit=1", "The query parameter limit is given 2 times; give it once."),
    ],
)
def test_a_query_that_is_none_is_400_and_says_what_would_be_one(desk: Desk, query: str, detail: str) -> None:
    client = TestClient(application([], operations({"onboarding": desk.client}, desk.operator)), base_url=BASE)
    answer = client.get(f"{INSTANCES}?{query}")
    assert (answer.status_code, answer.json()["status"], answer.json()["detail"]) == (400, 400, detail)


def test_a_cursor_goes_on_with_the_list_of_its_workflow_and_status_only(desk: Desk) -> None:
    workflows = {"onboarding": desk.client, "other": desk.client}
    get = through_server(TestClient(application([], operations(workflows, desk.operator)), base_url=BASE))
    for number in range(3):
        desk.client.create(GOOD | {"avatarUrl": None}, id=f"run-{number}")
        desk.later(1000)
    cursor = get("GET", f"{INSTANCES}?limit=1").json["cursor"]
    happened = get("GET", f"{INSTANCES}/run-0/events").json["cursor"]
    of_running = get("GET", f"{INSTANCES}?limit=1&status=running").json["cursor"]

    assert ids(get("GET", f"{INSTANCES}?since=2026-01-01T00:00:01Z&cursor={cursor}")) == ["run-1"]
    assert ids(get("GET", f"{INSTANCES}?status=running&cursor={of_running}")) == ["run-1", "run-0"]
    for path in (
        f"/api/workflows/other/instances?cursor={cursor}",
        f"{INSTANCES}?status=running&cursor={cursor}",
        f"{INSTANCES}?status=queued&cursor={of_running}",
        f"{INSTANCES}?cursor={of_running}",
        f"{INSTANCES}?cursor={happened}",
    ):
        assert get("GET", path).status == 400, path


def test_a_time_without_a_zone_is_utc(desk: Desk) -> None:
    get = through_server(
        TestClient(application([], operations({"onboarding": desk.client}, desk.operator)), base_url=BASE)
    )
    desk.client.create(GOOD | {"avatarUrl": None}, id="run-0")
    assert ids(get("GET", f"{INSTANCES}?since=2026-01-01")) == ["run-0"]
    assert ids(get("GET", f"{INSTANCES}?since=2026-01-01T00:00:01")) == []


def test_an_instance_is_shown_with_all_that_is_known_of_it(started: Ask, desk: Desk) -> None:
    desk.step("run-0", "validate-user", key="all[1]/validate-user", input={"user": 1})
    failure = Failure("Taken", "It is taken.", "Taken", ("a.py:1 in f",))
    desk.step("run-0", "create-profile", error=failure)
    desk.ends("run-0", FAILED)
    shown = started("GET", f"{INSTANCES}/run-0").json
    first, second = shown.pop("steps")
    assert shown == {
        "id": "run-0",
        "workflow": "onboarding",
        "status": "errored",
        "epoch": 1,
        "execution": desk.execution("run-0"),
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:02.000Z",
        "params": GOOD | {"age": None, "pays": None, "tags": []},
        "output": None,
        "error": {"name": "Taken", "message": "It is taken.", "step": "create-profile"},
        "wanted": None,
        "rollback": None,
        "sleeps": [],
        "nextStep": None,
        "outputUrl": None,
    }
    attempt = {
        "number": 1,
        "startedAt": "2026-01-01T00:00:00.000Z",
        "finishedAt": "2026-01-01T00:00:01.000Z",
        "error": None,
    }
    assert first == {
        "name": "validate-user",
        "key": "all[1]/validate-user",
        "title": "validate-user",
        "status": "complete",
        "attempts": [attempt],
        "attemptsUsed": 1,
        "startedAt": attempt["startedAt"],
        "finishedAt": attempt["finishedAt"],
        "wakeAt": None,
        "eventType": None,
        "input": {"user": 1},
        "output": {"of": "validate-user"},
        "error": None,
        "sensitive": False,
        "outputUrl": None,
    }
    assert second["error"] == {
        "name": "Taken",
        "message": "It is taken.",
        "exception": "Taken",
        "frames": ["a.py:1 in f"],
    }
    assert second["attempts"][0]["error"] == {"name": "Taken", "message": "It is taken.", "exception": "Taken"}


def test_params_that_hold_a_secret_are_not_shown(started: Ask, desk: Desk) -> None:
    key = header_key("onboarding", "run-0")
    desk.table.write(Write(key, {"payload": {"password": "s3cret"}, "sensitive": True}))
    shown = started("GET", f"{INSTANCES}/run-0")
    assert shown.json["params"] is None
    assert "s3cret" not in shown.text


def test_a_step_is_shown_under_the_name_that_the_run_computed(started: Ask, desk: Desk) -> None:
    desk.step("run-0", "send *", key="send *[2]", title="send Ann")
    shown = started("GET", f"{INSTANCES}/run-0").json["steps"][-1]
    assert (shown["name"], shown["key"], shown["title"]) == ("send *", "send *[2]", "send Ann")


def test_a_sensitive_step_shows_no_data(started: Ask, desk: Desk) -> None:
    desk.step("run-0", "create-profile", sensitive=True, input={"secret": "s3cret"})
    shown = started("GET", f"{INSTANCES}/run-0")
    assert "s3cret" not in shown.text
    assert [shown.json["steps"][0][name] for name in ("input", "output", "sensitive")] == [None, None, True]


def test_the_status_is_changed_and_told(started: Ask, desk: Desk) -> None:
    desk.later(5000)
    paused = change(started, "run-0", status="pause")
    assert (paused.status, paused.json) == (
        200,
        {"id": "run-0", "workflow": "onboarding", "status": "paused", "timestamp": "2026-01-01T00:00:05.000Z"},
    )
    assert change(started, "run-0", status="resume").json["status"] == "running"
    assert change(started, "run-0", status="terminate").json["status"] == "terminated"
    assert change(started, "run-0", status="restart").json["status"] == "running"
    desk.step("run-1", "create-profile", error=Failure("Taken", "It is taken."))
    desk.ends("run-1", FAILED)
    assert change(started, "run-1", status="retry").json["status"] == "running"


@pytest.mark.parametrize("start", ["validate-user", {"name": "validate-user"}, {"name": "validate-user", "count": 1}])
def test_a_restart_may_begin_at_a_step(started: Ask, desk: Desk, start: Any) -> None:
    desk.step("run-0", "validate-user")
    desk.ends("run-0", DONE)
    assert change(started, "run-0", status="restart", **{"from": start}).json["status"] == "running"
    assert started("GET", f"{INSTANCES}/run-0").json["steps"] == []


def test_what_does_not_fit_is_409_with_a_sentence(started: Ask, desk: Desk) -> None:
    desk.ends("run-0", DONE)
    refused = change(started, "run-0", status="pause")
    assert (refused.status, refused.json["detail"]) == (
        409,
        "The run is complete: there is nothing to pause.",
    )
    refused = change(started, "run-0", status="restart", **{"from": "never"})
    assert refused.json["detail"].startswith("The run has not begun that step")
    refused = started("DELETE", f"{INSTANCES}/run-1")
    assert (refused.status, refused.json["detail"]) == (409, "The run is under way: terminate it first.")


VERBS = "Input should be 'pause', 'resume', 'terminate', 'restart' or 'retry'"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("status", "Field required")]),
        ({"status": "stop"}, [("status", VERBS)]),
        ({"status": "PAUSE"}, [("status", VERBS)]),
        ({"status": "paused"}, [("status", VERBS)]),
        ({"status": "pause", "rollback": True}, [("", "rollback goes with terminate only")]),
        ({"status": "resume", "result": 1}, [("", "result is of one step: name that in from")]),
        ({"status": "restart", "result": None}, [("", "result is of one step: name that in from")]),
        ({"status": "pause", "from": "a"}, [("", "from goes with restart only")]),
        ({"status": "pause", "code": "latest"}, [("", "code goes with what starts an execution only")]),
        ({"status": "resume", "code": "old"}, [("code", "Input should be 'latest'")]),
        (
            {"status": "restart", "from": {"name": "a", "count": 0}},
            [("from.count", "Input should be greater than or equal to 1")],
        ),
        ({"status": "restart", "from": {}}, [("from.name", "Field required")]),
        ({"status": "restart", "from": ""}, [("from", "String should have at least 1 character")]),
        (
            {"status": "restart", "from": 7},
            [("from", "Input should be a valid string"), ("from", "Input should be an object")],
        ),
        ({"status": "pause", "then": 1}, [("then", "Unknown field")]),
        ({"status": "terminate", "rollback": "yes"}, [("rollback", "Input should be a valid boolean")]),
        ({"status": "terminate", "rollback": 1}, [("rollback", "Input should be a valid boolean")]),
        (
            {"status": "restart", "from": {"name": "a", "count": True}},
            [("from.count", "Input should be a valid integer")],
        ),
        (
            {"status": "restart", "from": {"name": "a", "count": "1"}},
            [("from.count", "Input should be a valid integer")],
        ),
    ],
)
def test_a_change_that_is_none_is_422(started: Ask, body: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    answer = change(started, "run-0", **body)
    assert answer.status == 422
    assert [(each["field"], each["message"]) for each in answer.json["errors"]] == errors
    assert started("GET", f"{INSTANCES}/run-0").json["status"] == "running"


def test_a_deleted_instance_is_not_there(started: Ask, desk: Desk) -> None:
    desk.step("run-0", "validate-user")
    desk.ends("run-0", DONE)
    assert started("DELETE", f"{INSTANCES}/run-0").json == {"id": "run-0", "workflow": "onboarding"}
    assert started("GET", f"{INSTANCES}/run-0").status == 404
    assert change(started, "run-0", status="restart").status == 404
    # The flag alone stays for a while: it keeps out a step that a Lambda begins late.
    assert [row["want"] for row in desk.table.query("onboarding#run-0")] == ["delete"]


def test_a_batch_has_one_result_for_each(started: Ask, desk: Desk) -> None:
    batch = [
        {"id": "new", "params": GOOD},
        {"id": "run-0", "params": GOOD},
        {"id": "run-1", "params": GOOD | {"name": "Jane"}},
        {"params": GOOD},
    ]
    answer = started("POST", f"{INSTANCES}/batch", json.dumps(batch).encode(), JSON)
    assert answer.status == 200
    assert [(each["new"], (each["error"] or {}).get("status")) for each in answer.json] == [
        (True, None),
        (False, None),
        (False, 409),
        (True, None),
    ]
    assert [each["id"] for each in answer.json[:3]] == ["new", "run-0", "run-1"]
    assert len(desk.machines.states) == 5


@pytest.mark.parametrize("batch", [[], [{"params": GOOD}] * 101, [{"params": {}}], {"params": GOOD}])
def test_a_batch_that_does_not_fit_starts_nothing(operate: Ask, desk: Desk, batch: Any) -> None:
    assert operate("POST", f"{INSTANCES}/batch", json.dumps(batch).encode(), JSON).status == 422
    assert not desk.machines.states


def test_the_list_of_workflows_is_for_operators_alone(desk: Desk, operator: Api, api: Api) -> None:
    client = TestClient(application([api], operator, gate=nothing_to_wait_for), base_url=BASE)
    assert client.get("/api/workflows").json()["workflows"][0]["name"] == "onboarding"
    assert client.get("/api/workflows", headers={"Origin": "https://evil.example"}).status_code == 403


def test_what_happened_is_told_once_in_order(desk: Desk) -> None:
    client = TestClient(application([], operations({"onboarding": desk.client}, desk.operator)), base_url=BASE)
    events = f"{INSTANCES}/run-0/events"

    def told(after: str | None = None) -> tuple[list[tuple[str, Any]], str]:
        answer = client.get(events, params={"after": after} if after else {})
        assert answer.status_code == 200, answer.text
        return [(each["type"], each["key"]) for each in answer.json()["events"]], answer.json()["cursor"]

    desk.client.create(GOOD, id="run-0")
    first, cursor = told()
    assert first == [("created", None)]
    assert told(cursor) == ([], cursor)
    desk.step("run-0", "validate-user", key="all[1]/validate-user", sensitive=True, input={"secret": "s3cret"})
    desk.step("run-0", "create-profile", error=Failure("Taken", "It is taken."))
    desk.ends("run-0", FAILED)
    second, cursor = told(cursor)
    assert sorted(second) == sorted(
        [
            ("stepStarted", "all[1]/validate-user"),
            ("stepComplete", "all[1]/validate-user"),
            ("stepStarted", "create-profile"),
            ("attemptFailed", "create-profile"),
            ("stepErrored", "create-profile"),
            ("errored", None),
        ]
    )
    assert second[0] == ("stepStarted", "all[1]/validate-user")
    assert second[-1] == ("errored", None)
    assert told(cursor)[0] == []
    desk.later(5000)
    desk.operator.lifecycle.carry_out("onboarding", "run-0", Order("retry"))
    assert told(cursor)[0] == [("retried", None)]
    assert "s3cret" not in client.get(events).text
    assert client.get(f"{events}?after=x").status_code == 400
