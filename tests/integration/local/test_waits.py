"""What a run that waits shows: in the list, and to whoever describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable import NonRetryableError
from durable.build import Build, build
from durable.clock import timestamp
from durable.local.engine.executions import Executions, Stored
from durable.local.storage.schema import EXECUTION
from durable.project import Project, declarations
from durable.runs.transitions import From, Order
from durable.steps.attempt import Hang
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.store.machines import MachinesBusy
from durable.testing.host import VirtualHost
from tests.integration.local import naps as waits
from tests.integration.local.naps import (
    DAY,
    ORDERS,
    SECOND,
    begin,
    failures,
    listed,
    meanwhile,
    naps,
    show,
)


@pytest.fixture(scope="module")
def project() -> Build:
    return build(Project("waits", tuple(declarations(waits))))


@pytest.fixture
def virtual(host: Callable[[Build], VirtualHost], project: Build) -> VirtualHost:
    failures.clear()
    meanwhile.clear()
    return host(project)


def test_a_run_that_sleeps_waits_and_says_in_which_sleep_until_when(virtual: VirtualHost) -> None:
    began = begin(virtual, "nap")
    assert listed(virtual, "nap") == listed(virtual, "nap", "waiting") == [show(virtual, "nap").status] == ["waiting"]
    assert naps(virtual, "nap") == [("first", timestamp(began), timestamp(began + DAY))]
    virtual.run(until=began + DAY)
    nap = ("rest", timestamp(began + DAY), timestamp(began + 3 * DAY))
    assert naps(virtual, "nap") == [nap, nap]
    virtual.run()
    assert (listed(virtual, "nap"), naps(virtual, "nap")) == (["complete"], [])


def test_a_run_runs_while_one_of_its_branches_does_and_the_other_sleeps(virtual: VirtualHost) -> None:
    failures.append(ConnectionError())
    began = begin(virtual, "both")
    assert (listed(virtual, "both"), show(virtual, "both").status) == (["running"], "running")
    assert [each[0] for each in naps(virtual, "both")] == ["nap"]
    virtual.run(until=began + 11 * SECOND)
    assert (listed(virtual, "both"), show(virtual, "both").status) == (["waiting"], "waiting")


def test_a_step_that_waits_for_its_next_attempt_says_until_when(virtual: VirtualHost) -> None:
    failures.extend([ConnectionError(), ConnectionError()])
    began = begin(virtual, "both")
    assert [each.wake_at for each in show(virtual, "both").steps] == [timestamp(began + 10 * SECOND)]
    virtual.run(until=began + 11 * SECOND)
    assert [each.wake_at for each in show(virtual, "both").steps] == [timestamp(began + 30 * SECOND)]
    virtual.run(until=began + 31 * SECOND)
    assert [(each.status, each.wake_at) for each in show(virtual, "both").steps] == [("complete", None)]


@pytest.mark.parametrize("again", [False, True])
def test_a_run_that_waits_for_an_event_is_listed_as_waiting_until_it_has_come(
    virtual: VirtualHost, again: bool
) -> None:
    began = begin(virtual, "ask")
    if again:
        virtual.restart()
        virtual.run(until=began)
    assert listed(virtual, "ask") == ["waiting"]
    failures.append(ConnectionError())
    virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.run(until=began)
    assert (listed(virtual, "ask"), show(virtual, "ask").status) == (["running"], "running")


def test_a_run_that_waits_for_an_event_rests_on_disk(virtual: VirtualHost, monkeypatch: pytest.MonkeyPatch) -> None:
    began = begin(virtual, "ask")
    resting = virtual.host.journal.read("SELECT name, timers, asked FROM resting")
    assert len(resting) == 1
    read: list[str] = []
    original = Executions.get

    def get(self: Executions, name: str) -> Stored:
        read.append(name)
        return original(self, name)

    monkeypatch.setattr(Executions, "get", get)
    virtual.restart()
    assert read == []
    virtual.run(until=began)
    assert virtual.host.journal.read("SELECT name, timers, asked FROM resting") == resting
    assert read == []
    virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.run()
    assert (listed(virtual, "ask"), len(read)) == (["complete"], 1)
    assert virtual.host.journal.read("SELECT * FROM resting") == []


@pytest.mark.parametrize("down", [0, 4 * DAY])
def test_the_time_of_a_wait_is_over_after_a_restart_too(virtual: VirtualHost, down: int) -> None:
    began = begin(virtual, "ask")
    virtual.clock.advance_to(began + down)
    virtual.restart()
    virtual.run(until=max(began + down, began + 3 * DAY - 1))
    assert (listed(virtual, "ask") == ["waiting"]) is (down == 0)
    virtual.run(until=began + 4 * DAY + SECOND)
    assert listed(virtual, "ask") == ["errored"]


def test_an_event_that_was_kept_and_not_matched_is_heard_after_a_restart(
    virtual: VirtualHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = begin(virtual, "ask")
    with monkeypatch.context() as patch:
        patch.setattr(Events, "settle", lambda *_: None)
        virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.restart()
    virtual.run(until=began)
    assert (listed(virtual, "ask"), show(virtual, "ask").output) == (["complete"], 7)


def test_a_row_that_is_damaged_keeps_no_other_run_waiting(
    virtual: VirtualHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = begin(virtual, "ask")
    with monkeypatch.context() as patch:
        patch.setattr(Events, "settle", lambda *_: None)
        virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.start("ask", 1, id="other")
    virtual.run(until=began)
    (name,) = (
        str(each) for (each,) in virtual.host.journal.read("SELECT name FROM execution WHERE name LIKE 'other.%'")
    )
    virtual.host.journal.put(EXECUTION, (name,), ("{",))
    virtual.host.journal.flush()
    virtual.restart()
    virtual.run(until=began)
    assert show(virtual, "ask").output == 7


def test_an_answer_that_was_found_and_not_told_is_heard_after_a_restart(
    virtual: VirtualHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> bool:
        raise MachinesBusy

    began = begin(virtual, "ask")
    with monkeypatch.context() as patch:
        patch.setattr(Callbacks, "deliver", dies)
        virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.run(until=began)
    assert listed(virtual, "ask") == ["waiting"]
    virtual.restart()
    virtual.run(until=began)
    assert (listed(virtual, "ask"), show(virtual, "ask").output) == (["complete"], 7)


@pytest.mark.parametrize("fails", [(), (ConnectionError(),), (Hang(),)], ids=["", "fails", "hangs"])
@pytest.mark.parametrize("restarts", [(), (0,), (1,), (2,), (0, 1, 2)])
def test_what_one_branch_was_answered_is_kept_while_the_others_wait(
    virtual: VirtualHost, fails: tuple[BaseException, ...], restarts: tuple[int, ...]
) -> None:
    failures.extend(fails)
    virtual.start("two", 1, id="one")

    def goes_on(place: int, seconds: int) -> None:
        virtual.run(until=virtual.clock.now() + seconds * SECOND)
        if place in restarts:
            virtual.restart()

    goes_on(0, 0)
    virtual.host.workflows["two"].send_event("one", "left", 10)
    goes_on(1, 0)
    goes_on(2, 86_400)
    assert listed(virtual, "two") == ["waiting"]
    virtual.host.workflows["two"].send_event("one", "right", 100)
    virtual.run(until=virtual.clock.now())
    assert (listed(virtual, "two"), show(virtual, "two").output) == (["complete"], 111)
    assert [len(each.attempts) for each in show(virtual, "two").steps if each.name == "load"] == [1 + len(fails)]


def test_a_run_waits_while_its_child_sleeps(virtual: VirtualHost) -> None:
    begin(virtual, "outer")
    assert listed(virtual, "outer") == listed(virtual, "nap") == ["waiting"]
    virtual.run()
    assert listed(virtual, "outer") == listed(virtual, "nap") == ["complete"]


def test_a_run_that_is_made_anew_after_it_was_deleted_has_a_child_of_its_own(virtual: VirtualHost) -> None:
    for _ in range(2):
        begin(virtual, "outer")
        virtual.run()
        virtual.host.operator.lifecycle.carry_out("outer", "one", Order("delete"))
    assert listed(virtual, "nap") == ["complete"] * 2


@pytest.mark.parametrize("paused", [False, True])
def test_terminating_a_run_terminates_its_child(virtual: VirtualHost, paused: bool) -> None:
    begin(virtual, "outer")
    if paused:
        virtual.host.operator.lifecycle.carry_out("outer", "one", Order("pause"))
    virtual.host.operator.lifecycle.carry_out("outer", "one", Order("terminate"))
    assert listed(virtual, "outer") == listed(virtual, "nap") == ["terminated"]


@pytest.mark.parametrize("paused", [False, True])
def test_a_run_fails_at_once_when_its_child_is_terminated(virtual: VirtualHost, paused: bool) -> None:
    began = begin(virtual, "outer")
    (child,) = virtual.host.operator.queries.list("nap").entries
    if paused:
        virtual.host.operator.lifecycle.carry_out("nap", child.id, Order("pause"))
        assert (listed(virtual, "outer"), listed(virtual, "nap")) == (["waiting"], ["paused"])
    virtual.host.operator.lifecycle.carry_out("nap", child.id, Order("terminate"))
    virtual.run(until=began)
    assert (show(virtual, "outer").error or {})["name"] == "ChildWorkflowError"


@pytest.mark.parametrize(("verb", "comes_to"), [("pause", "paused"), ("terminate", "terminated")])
def test_a_run_that_was_stopped_sleeps_no_more(virtual: VirtualHost, verb: Any, comes_to: str) -> None:
    begin(virtual, "nap")
    virtual.host.operator.lifecycle.carry_out("nap", "one", Order(verb))
    assert (listed(virtual, "nap"), naps(virtual, "nap")) == ([comes_to], [])


def test_a_resumed_run_sleeps_to_the_time_that_it_would_have_slept_to(virtual: VirtualHost) -> None:
    began = begin(virtual, "nap")
    lifecycle = virtual.host.operator.lifecycle
    lifecycle.carry_out("nap", "one", Order("pause"))
    virtual.run(until=began + DAY // 2)
    virtual.clock.advance_to(began + DAY // 2)
    lifecycle.carry_out("nap", "one", Order("resume"))
    virtual.run(until=virtual.clock.now())
    assert listed(virtual, "nap") == ["waiting"]
    assert naps(virtual, "nap") == [("first", timestamp(began + DAY // 2), timestamp(began + DAY))]


def test_what_sleeps_is_known_after_a_restart(virtual: VirtualHost) -> None:
    began = begin(virtual, "nap")
    before = naps(virtual, "nap")
    virtual.restart()
    assert (listed(virtual, "nap"), naps(virtual, "nap")) == (["waiting"], before)
    virtual.run(until=began + DAY)
    assert [each[0] for each in naps(virtual, "nap")] == ["rest", "rest"]


def test_a_sleep_after_a_caught_error_is_not_slept_again(virtual: VirtualHost) -> None:
    began = virtual.clock.now()
    virtual.start("polite", 3, id="one")
    for _ in range(2):
        virtual.run(until=virtual.clock.now() + DAY)
    lifecycle = virtual.host.operator.lifecycle
    lifecycle.carry_out("polite", "one", Order("pause"))
    virtual.run(until=began + 5 * DAY // 2)
    virtual.clock.advance_to(began + 5 * DAY // 2)
    lifecycle.carry_out("polite", "one", Order("resume"))
    virtual.run(until=virtual.clock.now())
    assert naps(virtual, "polite")[0][2] == timestamp(began + 3 * DAY)
    virtual.run()
    assert (show(virtual, "polite").output, virtual.clock.now()) == (3, began + 6 * DAY)


def test_an_error_that_was_final_is_not_waited_for_again(virtual: VirtualHost) -> None:
    failures.extend(ConnectionError() for _ in range(4))
    began, tried = virtual.clock.now(), 70 * SECOND
    virtual.start("stubborn", 1, id="one")
    virtual.run(until=began + tried)
    for verb in ("pause", "resume"):
        virtual.host.operator.lifecycle.carry_out("stubborn", "one", ORDERS[verb])
    virtual.run(until=virtual.clock.now())
    assert naps(virtual, "stubborn") == [("nap", timestamp(began + tried), timestamp(began + tried + DAY))]
    assert [len(each.attempts) for each in show(virtual, "stubborn").steps] == [4]
    virtual.run()
    assert show(virtual, "stubborn").output == "StepError"


def test_a_paused_run_keeps_an_event_until_it_is_resumed(virtual: VirtualHost) -> None:
    began = begin(virtual, "ask")
    lifecycle = virtual.host.operator.lifecycle
    lifecycle.carry_out("ask", "one", Order("pause"))
    virtual.host.workflows["ask"].send_event("one", "answered", 7)
    virtual.run(until=began)
    assert listed(virtual, "ask") == ["paused"]
    lifecycle.carry_out("ask", "one", Order("resume"))
    virtual.run(until=began)
    assert (listed(virtual, "ask"), show(virtual, "ask").output) == (["complete"], 7)


def test_a_wait_that_is_begun_anew_comes_after_what_was_begun_before(virtual: VirtualHost) -> None:
    lifecycle = virtual.host.operator.lifecycle
    began = begin(virtual, "asks")
    for step in ("first", "second"):
        lifecycle.carry_out("asks", "one", Order("pause"))
        lifecycle.carry_out("asks", "one", Order("restart", start=From(step)))
        virtual.run(until=began)
        assert [each.name for each in show(virtual, "asks").steps] == ["first", "second"]
    assert next(len(each.attempts) for each in show(virtual, "asks").steps) == 2


@pytest.mark.parametrize("workflow", ["ask", "outer"])
@pytest.mark.parametrize("seed", range(8))
def test_a_wait_of_a_stopped_execution_that_begins_late_does_not_take_the_place_of_the_next(
    project: Build, workflow: str, seed: int
) -> None:
    with VirtualHost(project, seed=seed) as virtual:
        virtual.start(workflow, 1, id="one")
        for verb in ("pause", "resume"):
            virtual.host.operator.lifecycle.carry_out(workflow, "one", Order(verb))
        began = virtual.clock.now()
        virtual.run(until=began)
        if workflow == "ask":
            virtual.host.workflows["ask"].send_event("one", "answered", 1)
        virtual.run(until=began if workflow == "ask" else began + 3 * DAY)
        assert (listed(virtual, workflow), show(virtual, workflow).output) == (["complete"], 1)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("verb", "comes_to"), [("pause", "paused"), ("terminate", "terminated")])
def test_a_verb_is_carried_out_when_the_step_of_a_stopped_branch_ends(
    virtual: VirtualHost, verb: Any, comes_to: str, restarts: bool
) -> None:
    def told() -> None:
        virtual.run(until=virtual.clock.now())
        virtual.host.operator.lifecycle.carry_out("race", "one", Order(verb))
        if restarts:
            raise Hang

    failures.append(NonRetryableError())
    meanwhile.append(told)
    virtual.start("race", 1, id="one")
    virtual.run(until=virtual.clock.now())
    if restarts:
        assert show(virtual, "race").wanted == verb
        virtual.restart()
        virtual.run(until=virtual.clock.now())
    assert (listed(virtual, "race"), show(virtual, "race").wanted) == ([comes_to], None)


def test_a_run_is_paused_as_soon_as_its_step_at_work_has_taken_too_long(virtual: VirtualHost) -> None:
    failures.append(Hang())
    began = begin(virtual, "both")
    virtual.host.operator.lifecycle.carry_out("both", "one", Order("pause"))
    assert (listed(virtual, "both"), show(virtual, "both").wanted) == (["waitingForPause"], "pause")
    virtual.run(until=began + 600 * SECOND)
    assert (listed(virtual, "both"), show(virtual, "both").wanted) == (["paused"], None)


def test_the_steps_of_a_stopped_branch_do_not_keep_a_run_from_waiting(virtual: VirtualHost) -> None:
    def hangs() -> None:
        raise Hang

    failures.append(NonRetryableError())
    meanwhile.append(hangs)
    virtual.start("race", 1, id="one")
    virtual.run(until=virtual.clock.now())
    assert (listed(virtual, "race"), show(virtual, "race").status) == (["waiting"], "waiting")


def test_what_waited_when_the_run_ended_was_stopped(virtual: VirtualHost) -> None:
    begin(virtual, "ask")
    virtual.host.operator.lifecycle.carry_out("ask", "one", Order("terminate"))
    assert [(each.status, each.wake_at) for each in show(virtual, "ask").steps] == [("stopped", None)]
    assert [each.status for each in virtual.status("ask", "one").steps] == ["stopped"]
