"""Commands for many runs; events, queues and schedules."""

from __future__ import annotations

import json
import re

import pytest

from durable import Schedule, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.cli import bulk, timetable
from durable.project import Project
from tests.unit.cli.server import Serve, run
from tests.unit.cli.test_runs import RUN, page


def test_a_verb_changes_all_runs_in_a_status_and_says_what_came_of_each(serve: Serve) -> None:
    refused = (409, {"detail": "It has ended."})
    done = (200, {"id": "x", "workflow": "shop", "status": "terminated"})
    server = serve(page("a", "b", cursor="c-1"), page("c"), done, refused, done)
    result = run("terminate", "shop", "--status", "errored", "--yes")

    assert result.exit_code == 4
    assert [line.split() for line in result.output.splitlines()] == [
        ["a", "■", "terminated"],
        ["b", "✗", "It", "has", "ended."],
        ["c", "■", "terminated"],
    ]
    assert [path for method, path, _ in server.asked if method == "PATCH"] == [
        f"/api/workflows/shop/instances/{id}/status" for id in "abc"
    ]
    assert "status=errored" in server.asked[0][1]
    assert "cursor=c-1" in server.asked[1][1]


def test_a_verb_deletes_all_runs_of_a_person(serve: Serve) -> None:
    gone = (204, None)
    server = serve(page("a", "b"), gone, gone)
    result = run("delete", "shop", "--where", "customer=ann@example.com", "--yes")

    assert result.output.splitlines() == ["a   deleted", "b   deleted"]
    assert "where=customer%3Dann%40example.com" in server.asked[0][1]
    assert [path for method, path, _ in server.asked if method == "DELETE"] == [
        f"/api/workflows/shop/instances/{id}" for id in "ab"
    ]


def test_all_that_is_recorded_of_a_person_is_exported_and_runs_that_are_gone_are_left_out(serve: Serve) -> None:
    first = RUN | {"id": "a", "params": {"customer": "ann"}, "nextStep": 1}
    rest = RUN | {"id": "a", "params": {"customer": "ann"}, "steps": []}
    gone = (404, {"detail": "There is no run of this id."})
    serve(page("a", "b"), (200, first), (200, rest), gone)
    result = run("export", "shop", "--where", "customer=ann", "--status", "complete")

    assert result.exit_code == 0
    (line,) = map(json.loads, result.output.splitlines())
    assert line["params"] == {"customer": "ann"}
    assert line["steps"] == RUN["steps"]


def test_a_run_that_is_exported_by_its_id_has_to_be_there(serve: Serve) -> None:
    serve((404, {"detail": "There is no run of this id."}))
    assert run("export", "shop", "a").exit_code == 3


def test_a_verb_for_a_status_asks_with_the_number_of_runs(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_terminal", lambda: True)
    server = serve(page("a", "b"))
    result = run("pause", "shop", "--status", "running", input="n\n")
    assert result.exit_code == 1
    assert "Pause 2 runs of shop?" in result.stderr
    assert [method for method, _, _ in server.asked] == ["GET"]


@pytest.mark.parametrize(
    "given", [[], ["a", "--status", "running"], ["a", "--where", "x=y"], ["--where", "x=y", "--since", "1 hour"]]
)
def test_runs_are_chosen_by_ids_or_by_a_filter(serve: Serve, given: list[str]) -> None:
    server = serve((200, {}))
    assert run("pause", "shop", *given).exit_code == 2
    assert server.asked == []


def test_events_are_shown_page_by_page_until_the_run_has_ended(serve: Serve) -> None:
    failed = {"at": "2026-01-01T00:00:01.000Z", "type": "attemptFailed", "step": "pay", "key": "pay[1]", "attempt": 1}
    failed |= {"error": {"name": "CardError", "message": "The card was refused."}}
    ended = {"at": "2026-01-01T00:00:02.000Z", "type": "errored"}
    first = (200, {"events": [failed], "cursor": "c-1", "more": False})
    last = (200, {"events": [ended], "cursor": "c-2", "more": False})
    server = serve((200, RUN), first, (200, RUN | {"status": "errored"}), last)
    result = run("events", "shop", "order-1", "--follow")

    assert result.exit_code == 0
    one, two = result.output.splitlines()
    assert one.endswith("attemptFailed  pay[1] attempt 1  CardError: The card was refused.")
    assert two.endswith("errored")
    assert server.asked[-1][1].endswith("/order-1/events?after=c-1")


def test_queues_are_listed_and_their_dead_letters_delivered_anew(serve: Serve) -> None:
    queue = {"name": "emails", "consumer": "deliver", "waiting": 2, "dead": 1}
    serve((200, {"queues": [queue]}))
    assert run("queues").output.splitlines()[1].split() == ["emails", "deliver", "2", "1"]

    server = serve((200, {"queues": [queue]}), (200, {"redriven": 1}))
    assert run("queues", "emails", "--redrive").output == "1 messages of emails are delivered anew\n"
    assert server.asked[-1] == ("POST", "/api/console/queues/emails/redrive", {"all": True})

    serve((200, {"queues": [queue]}))
    unknown = run("queues", "email")
    assert unknown.exit_code == 3
    assert unknown.stderr == "there is no queue 'email'; did you mean 'emails'? there is: emails\n"


@pytest.mark.parametrize(("shown", "dead", "said"), [(100, 1_234, True), (100, 100, False), (3, 5, False)])
def test_dead_letters_that_are_not_shown_are_counted(serve: Serve, shown: int, dead: int, said: bool) -> None:
    queue = {"name": "emails", "consumer": "deliver", "waiting": 0, "dead": dead}
    letter = {"id": "1", "body": "{}", "sentAt": "2026-01-01T00:00:00.000Z", "attempts": 3}
    serve((200, {"queues": [queue]}), (200, {"deadLetters": [letter] * shown}))
    assert ("the oldest 100 of 1,234; --redrive delivers all" in run("queues", "emails").output) is said


class Nightly(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        await step.sleep("nap", "1 second")


def test_schedules_have_their_next_times(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(cron="0 3 * * *", timezone="Europe/Berlin")
    nightly = Workflow("nightly", Nightly, schedules=[schedule])
    monkeypatch.setattr(timetable, "load", lambda: Project("app", (nightly,)))
    (found,) = json.loads(run("schedules", "--json").output)
    assert (found["workflow"], found["schedule"]) == ("nightly", "0 3 * * * Europe/Berlin")
    assert re.search(r"T0[12]:00:00", found["next"])
    assert "nightly" in run("schedules").output


def test_the_run_of_a_schedule_is_started_with_its_params(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    morning, noon = Schedule(cron="0 6 * * *"), Schedule(cron="0 12 * * *")
    once = Workflow("nightly", Nightly, schedules=[morning])
    twice = Workflow("often", Nightly, schedules=[morning, noon])
    monkeypatch.setattr(timetable, "load", lambda: Project("app", (once, twice)))
    server = serve((201, {"id": "r-1", "workflow": "nightly"}))
    assert run("schedules", "run", "nightly").output == "nightly/r-1 started\n"
    assert server.asked == [("POST", "/api/workflows/nightly/instances", {"params": None})]
    several = run("schedules", "run", "often")
    assert several.exit_code == 3
    assert f"--key {noon.key} (0 12 * * * UTC)" in several.stderr
    assert run("schedules", "run", "often", "--key", noon.key).exit_code == 0
    assert "those that have one: nightly, often" in run("schedules", "run", "other").stderr
