"""Answers that are held until there is news."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from durable.http import Problem, Request
from durable.http.messages import Response
from durable.local.http import holding
from durable.local.http.holding import Ends, held


class Calls:
    """Answers of calls, one after the other; the last one stays."""

    def __init__(self, bodies: Sequence[Any], status: int = 200) -> None:
        self.bodies, self.status, self.number = list(bodies), status, 0

    async def __call__(self) -> Response:
        body = self.bodies[min(self.number, len(self.bodies) - 1)]
        self.number += 1
        return Response(self.status, json.dumps(body).encode())


RUNNING, MORE, DONE = {"status": "running"}, {"status": "running", "steps": [1]}, {"status": "complete"}


def ask(calls: Calls, *waits: str, method: str = "GET", ending: bool = False, until: Sequence[str] = ()) -> Any:
    request = Request(method, "/", query={"wait": waits, **({"for": until} if until else {})} if waits else {})
    return json.loads(asyncio.run(held(request, calls, lambda: ending, Ends())).body)


def test_an_answer_is_held_until_it_is_another() -> None:
    calls = Calls([RUNNING, RUNNING, RUNNING, MORE])
    assert ask(calls, "5s") == MORE
    assert calls.number == 4


def test_nothing_is_held_when_the_server_is_ending() -> None:
    calls = Calls([RUNNING, MORE])
    assert ask(calls, "30s", ending=True) == RUNNING
    assert calls.number == 1


@pytest.mark.parametrize("body", [DONE, {"status": "paused"}, {"events": [1]}, [], {}])
def test_what_is_at_rest_or_tells_something_is_told_at_once(body: Any) -> None:
    calls = Calls([body, RUNNING])
    assert ask(calls, "5s") == body
    assert calls.number == 1


def test_events_are_held_until_there_is_one() -> None:
    assert ask(Calls([{"events": []}, {"events": []}, {"events": ["a"]}]), "5s") == {"events": ["a"]}


@pytest.mark.parametrize(("waits", "method"), [((), "GET"), (("5s",), "POST"), (("soon",), "POST")])
def test_what_does_not_ask_for_it_is_not_held(waits: tuple[str, ...], method: str) -> None:
    calls = Calls([RUNNING, MORE])
    assert ask(calls, *waits, method=method) == RUNNING
    assert calls.number == 1


@pytest.mark.parametrize("body", [RUNNING, DONE, {"events": []}])
@pytest.mark.parametrize("wait", ["", "soon", "0", "0s", "31s", "99", "1m", "0.5s", "-1s", "1 s", "5s ", "٣s"])
def test_a_wait_of_another_form_is_refused_whatever_the_run_is_at(wait: str, body: Any) -> None:
    with pytest.raises(Problem, match=r"^The query parameter wait must be 1 to 30 seconds, as 20s\.$") as refused:
        ask(Calls([body, MORE]), wait)
    assert refused.value.status == 400


def test_two_waits_are_refused() -> None:
    with pytest.raises(Problem, match=r"^The query parameter wait is given 2 times; give it once\.$"):
        ask(Calls([RUNNING, MORE]), "1s", "20s")


@pytest.mark.parametrize("body", [{"instances": []}, {"rooms": [1]}, [], "text"])
def test_what_is_never_held_may_mean_something_else_by_wait(body: Any) -> None:
    assert ask(Calls([body]), "long") == body


def test_the_most_that_can_be_asked_for_is_taken() -> None:
    assert ask(Calls([RUNNING, MORE]), "30s") == MORE


def test_a_failure_is_not_held() -> None:
    calls = Calls([RUNNING, MORE], status=404)
    assert ask(calls, "5s") == RUNNING


def test_a_status_that_is_held_for_the_end_is_not_shown_when_a_step_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_LOOK_FOR_END_SECONDS", 0)
    calls = Calls([RUNNING, MORE, RUNNING, DONE])
    assert ask(calls, "5s", until=["end"]) == DONE
    assert calls.number == 4


def test_what_has_ended_is_shown_at_once_to_whoever_waits_for_the_end() -> None:
    calls = Calls([{"status": "paused"}, DONE])
    assert ask(calls, "5s", until=["end"]) == {"status": "paused"}
    assert calls.number == 1


@pytest.mark.slow
def test_who_waited_for_an_end_in_vain_is_shown_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_LOOK_FOR_END_SECONDS", 0.4)
    assert ask(Calls([RUNNING, MORE]), "1s", until=["end"]) == MORE


@pytest.mark.parametrize(
    ("until", "body"), [(["close"], RUNNING), ([""], DONE), (["end", "end"], RUNNING), (["end"], {"events": []})]
)
def test_what_else_is_held_for_is_refused(until: Sequence[str], body: Any) -> None:
    with pytest.raises(Problem, match=r"^The query parameter for must be end, and goes with wait") as refused:
        ask(Calls([body, MORE]), "5s", until=until)
    assert refused.value.status == 400


@pytest.mark.slow
def test_nobody_is_held_for_longer_than_they_asked() -> None:
    assert ask(Calls([RUNNING]), "1") == RUNNING


class Ending:
    """A run that ends while its status is held, or just before."""

    def __init__(self, ends: Ends, *, early: bool) -> None:
        self.ends, self.early, self.number = ends, early, 0

    async def __call__(self) -> Response:
        self.number += 1
        if self.number == 1:
            if self.early:
                self.ends.report("a")
            else:
                threading.Timer(0, self.ends.report, ("a",)).start()
        return Response(
            200, json.dumps({"workflowId": "a", "status": "running" if self.number == 1 else "complete"}).encode()
        )


@pytest.mark.parametrize("until", [{}, {"for": ["end"]}])
@pytest.mark.parametrize("early", [False, True])
def test_the_end_of_a_run_is_told_at_once(early: bool, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_LOOK_SECONDS", 3600)
    monkeypatch.setattr(holding, "_LOOK_FOR_END_SECONDS", 3600)
    ends = Ends()
    ending = Ending(ends, early=early)
    answer = asyncio.run(held(Request("GET", "/", query={"wait": ["30"], **until}), ending, lambda: False, ends))
    assert json.loads(answer.body)["status"] == "complete"
    assert ending.number == 2


def test_an_end_among_many_is_remembered_for_who_looked_just_before() -> None:
    ends = Ends()
    for number in range(5_000):
        ends.report(str(number))
    assert all(ends.is_recent(str(number)) for number in range(4_000, 5_000))
    assert not ends.is_recent("0")


def test_nobody_is_kept_who_waits_no_more() -> None:
    settled: list[int] = []
    ends = Ends(lambda futures: settled.append(len(futures)))
    asyncio.run(ends.wait("a", 0))
    ends.report("a")
    assert not settled


def test_a_run_that_ended_before_and_goes_on_is_looked_at_now_and_then_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "_LOOK_SECONDS", 0.4)
    ends = Ends()
    ends.report("a")
    calls = Calls([{"workflowId": "a", "status": "running"}])
    asyncio.run(held(Request("GET", "/", query={"wait": ["1"]}), calls, lambda: False, ends))
    assert calls.number <= 5
