"""Every verb on every status, and what happens when two things happen at once; on both tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import pytest

from durable.bindings.workflow import Status
from durable.errors import RunConflict, RunNotFound, Throttled
from durable.runs.description import describe
from durable.runs.record import load
from durable.runs.transitions import FROM_OPEN, TRANSITIONS, From, Given, Refused
from durable.store.begun import Halted, Leased, Recorded
from durable.store.machines import ExecutionState, MachinesBusy
from durable.store.rows import Header
from tests.contract.desk import DONE, FAILED, MINUTE, ORDERS, STOPPED, Desk
from tests.contract.worlds import World

COMES_TO: Final[Mapping[str, Mapping[str, str]]] = {
    "pause": dict.fromkeys(("queued", "running", "waiting", "paused"), "paused")
    | {"waitingForPause": "waitingForPause"},
    "resume": {"waitingForPause": "waitingForPause", "paused": "running"},
    "terminate": dict.fromkeys(("queued", "running", "waiting", "paused"), "terminated")
    | {"waitingForPause": "waitingForPause"},
    "terminate with rollback": dict.fromkeys(("queued", "running", "waiting", "paused"), "terminated")
    | {"waitingForPause": "waitingForPause"},
    "restart": dict.fromkeys(("queued", "running", "waiting", "paused", "complete", "errored", "terminated"), "running")
    | {"waitingForPause": "waitingForPause"},
    "restart from a step": dict.fromkeys(("paused", "complete", "errored", "terminated"), "running"),
    "retry": {"errored": "running"},
    "delete": dict.fromkeys(("paused", "complete", "errored", "terminated"), "gone"),
}
"""What a run comes to at once, by the verb and its status; where nothing stands the verb is refused."""


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def refusal(verb: str, status: Status) -> str:
    cell = TRANSITIONS[ORDERS[verb].transition][status]
    if verb == "restart from a step" and cell == "halt":
        return FROM_OPEN.why
    assert isinstance(cell, Refused)
    return cell.why


@pytest.mark.sweep
@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("verb", ORDERS)
def test_a_verb_works_or_is_refused_with_a_sentence(desk: Desk, verb: str, status: Status) -> None:
    desk.make(status)
    assert desk.status == status
    before = desk.table.query("shop#one")
    if status in COMES_TO[verb]:
        desk.tell(verb)
        assert desk.status == COMES_TO[verb][status]
        return
    with pytest.raises(RunConflict) as caught:
        desk.tell(verb)
    assert str(caught.value) == refusal(verb, status)
    assert str(caught.value).endswith(".")
    assert desk.table.query("shop#one") == before


@pytest.mark.parametrize("verb", ORDERS)
def test_a_run_that_is_not_there_takes_no_verb(desk: Desk, verb: str) -> None:
    with pytest.raises(RunNotFound):
        desk.tell(verb)


@pytest.mark.parametrize(
    ("verb", "comes_to"),
    [
        ("resume", "running"),
        ("terminate", "terminated"),
        ("terminate with rollback", "terminated"),
        ("restart", "running"),
    ],
)
def test_what_a_run_at_work_was_told_last_happens_when_its_step_has_ended(desk: Desk, verb: str, comes_to: str) -> None:
    desk.make("waitingForPause")
    desk.tell(verb)
    assert isinstance(desk.succeed(), Halted)
    desk.ends(STOPPED)
    assert desk.status == comes_to
    assert "wanted" not in desk.header
    assert desk.flagged() == (comes_to == "terminated")
    assert desk.header["epoch"] == (2 if verb == "restart" else 1)


def test_a_run_that_is_being_terminated_is_neither_paused_nor_resumed(desk: Desk) -> None:
    desk.make("waitingForPause")
    desk.tell("terminate")
    for verb in ("pause", "resume"):
        with pytest.raises(RunConflict, match="is being terminated"):
            desk.tell(verb)
    desk.tell("restart")
    with pytest.raises(RunConflict, match="is being restarted"):
        desk.tell("pause")


@pytest.mark.parametrize(
    ("wanted", "comes_to"), [("pause", "complete"), ("terminate", "complete"), ("restart", "running")]
)
def test_a_run_that_completes_before_it_could_be_stopped_is_complete(desk: Desk, wanted: str, comes_to: str) -> None:
    desk.make("running")
    desk.begin()
    desk.tell(wanted)
    desk.ends(DONE)
    assert desk.status == comes_to
    assert not desk.flagged()


def test_a_run_that_completes_while_it_is_stopped_is_complete(desk: Desk) -> None:
    desk.make("running")
    execution = desk.header["execution"]
    desk.machines.before_stop = lambda: desk.machines.states.update({execution: DONE})
    desk.tell("terminate")
    assert desk.status == "complete"


def test_a_step_that_begins_while_the_run_is_stopped_does_not_run(desk: Desk) -> None:
    desk.make("running")
    begun: list[Any] = []
    desk.machines.before_stop = lambda: begun.append(desk.begin())
    desk.tell("pause")
    assert isinstance(begun[0], Halted)
    assert desk.status == "paused"


def test_two_pauses_at_once_are_one(desk: Desk) -> None:
    desk.make("running")
    desk.machines.before_stop = lambda: again()

    def again() -> None:
        desk.machines.before_stop = lambda: None
        desk.tell("pause")

    desk.tell("pause")
    assert desk.status == "paused"
    desk.tell("resume")
    assert [each["did"] for each in desk.header["changes"]] == ["paused", "resumed"]


def test_a_resume_while_the_run_is_being_paused_takes_the_pause_back(desk: Desk) -> None:
    desk.make("running")

    def resume() -> None:
        desk.machines.before_stop = lambda: None
        desk.tell("resume")

    desk.machines.before_stop = resume
    desk.tell("pause")
    assert desk.status == "running"
    assert len(desk.machines.states) == 2
    assert not desk.flagged()


def test_two_retries_at_once_start_one_execution(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.make("running")
    desk.begin()
    desk.fail()
    desk.ends(FAILED)
    go_on = desk.runs.go_on

    def between(*arguments: Any, **options: Any) -> Header:
        monkeypatch.setattr(desk.runs, "go_on", go_on)
        desk.tell("retry")
        return go_on(*arguments, **options)

    monkeypatch.setattr(desk.runs, "go_on", between)
    with pytest.raises(RunConflict, match="has not failed"):
        desk.tell("retry")
    assert desk.status == "running"
    assert len(desk.machines.states) == 2


def test_a_retry_runs_again_what_ended_the_run_and_what_nothing_catches(desk: Desk) -> None:
    desk.make("running")
    for step, handled in (("caught", True), ("uncaught", False), ("first", True)):
        desk.begin(step)
        desk.fail(step, handled=handled)
    desk.begin("done")
    desk.succeed("done")
    desk.ends(FAILED)
    desk.tell("retry")
    again = [step for step in ("caught", "uncaught", "first", "done") if isinstance(desk.begin(step), Leased)]
    assert again == ["uncaught", "first"]


def test_an_old_execution_does_not_close_a_run_that_goes_on(desk: Desk) -> None:
    desk.make("paused")
    old = desk.header["execution"]
    desk.tell("resume")
    desk.runs.close("shop", old, STOPPED)
    assert desk.status == "running"


def test_a_run_that_was_to_stop_when_the_process_ended_is_stopped_by_the_sweep(desk: Desk) -> None:
    desk.make("waitingForPause")
    desk.later(3 * MINUTE)
    assert desk.reconciler.reconcile(["shop"]) == 1
    assert desk.status == "paused"


def test_a_rollback_that_cannot_be_started_now_is_begun_all_the_same(desk: Desk) -> None:
    desk.runs.create("shop", {"n": 1}, id="one")
    desk.begin(undo={"function": "f"})
    desk.succeed()
    desk.tell("pause")
    desk.machines.busy = True
    desk.tell("terminate", rollback=True)
    assert desk.status == "rollingBack"
    desk.machines.busy = False
    desk.later(2 * MINUTE)
    desk.reconciler.reconcile(["shop"])
    assert desk.machines.states[desk.header["execution"]].status == "RUNNING"


def test_a_rollback_that_nobody_started_is_started_by_the_sweep(desk: Desk) -> None:
    desk.make("rollingBack")
    rollback = desk.header["execution"]
    del desk.machines.states[rollback]
    desk.later(3 * MINUTE)
    desk.reconciler.reconcile(["shop"])
    assert desk.machines.states[rollback].status == "RUNNING"
    assert desk.status == "rollingBack"


def test_a_rollback_that_ended_before_its_time_is_told_of(desk: Desk) -> None:
    desk.make("rollingBack")
    desk.runs.close("shop/rollback", desk.header["execution"], ExecutionState("TIMED_OUT"))
    assert desk.status == "errored"
    assert desk.header["rollback"]["outcome"] == "failed"


def test_a_pause_that_is_taken_back_after_the_workflow_changed_stays_a_pause(desk: Desk) -> None:
    desk.make("waitingForPause")
    desk.tell("resume")
    desk.definitions["shop"] = "d2"
    desk.succeed()
    desk.ends(STOPPED)
    assert desk.status == "paused"
    with pytest.raises(RunConflict, match="The workflow has changed"):
        desk.tell("resume")
    desk.tell("resume", latest=True)
    assert desk.status == "running"


def test_a_delete_that_was_cut_off_is_gone_on_with(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.make("complete")
    write, writes = desk.table.write, list[Any]()

    def cut(*changes: Any) -> Any:
        writes.append(changes)
        if len(writes) > 1:
            raise MachinesBusy
        return write(*changes)

    with monkeypatch.context() as patches:
        patches.setattr(desk.table, "write", cut)
        with pytest.raises(Throttled):
            desk.tell("delete")
    with pytest.raises(RunConflict, match="is being deleted"):
        desk.tell("restart")
    desk.tell("delete")
    assert [row["sort"].partition("@")[0] for row in desk.table.query("shop#one")] == ["flag"]


@pytest.mark.slow
def test_hundreds_of_rows_are_deleted_and_forgotten(desk: Desk) -> None:
    desk.make("running")
    for number in range(60):
        desk.begin(f"s{number}")
        desk.succeed(f"s{number}")
        desk.later(1)
    desk.ends(DONE)
    desk.tell("restart", start=From("s1"))
    assert sum(row["status"] == "forgotten" for row in desk.table.query("shop#one", "step#")) == 59
    desk.ends(DONE)
    desk.tell("delete")
    assert [row["sort"].partition("@")[0] for row in desk.table.query("shop#one")] == ["flag"]


def test_a_failed_step_is_given_a_result_and_keeps_its_attempts(desk: Desk) -> None:
    desk.make("running")
    desk.begin()
    desk.fail()
    desk.ends(FAILED)
    desk.tell("retry", result=Given({"id": "by hand"}))
    assert desk.status == "running"
    begun = desk.begin()
    assert isinstance(begun, Recorded)
    assert (begun.result, begun.failure) == ({"id": "by hand"}, None)
    run = load(desk.table, "shop", "one")
    first, by_hand = describe(run).steps[0].attempts
    assert (first.error is not None, by_hand.error) == (True, None)
    assert run.header.changes[-1]["did"] == "retried after first"


def test_a_step_that_died_is_given_a_result_again_where_the_operator_died_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.make("running")
    desk.begin()
    desk.ends(ExecutionState("FAILED", error="Lambda.Unknown", cause="{}"))
    desk.later(MINUTE)
    with monkeypatch.context() as patches:
        patches.setattr(desk.runs, "go_on", busy)
        with pytest.raises(Throttled):
            desk.tell("retry", result=Given("by hand"))
    desk.tell("retry", result=Given("by hand"))
    begun = desk.begin()
    assert isinstance(begun, Recorded)
    assert begun.result == "by hand"


def busy(*_: object, **__: object) -> None:
    raise MachinesBusy


def test_what_came_after_a_step_that_is_given_a_result_runs_again(desk: Desk) -> None:
    desk.make("running")
    for name in ("first", "second"):
        desk.begin(name)
        desk.succeed(name)
    desk.ends(DONE)
    desk.tell("restart", start=From("first"), result=Given(None))
    given, again = desk.begin("first"), desk.begin("second")
    assert isinstance(given, Recorded)
    assert given.result is None
    assert again == Leased(1, 1)  # another idempotency key


@pytest.mark.parametrize("kept", [{"sensitive": True}, {"secret": "s"}])
def test_steps_whose_result_is_not_their_own_are_given_none(desk: Desk, kept: dict[str, Any]) -> None:
    desk.make("running")
    desk.begin(**kept)
    desk.succeed()
    desk.ends(DONE)
    before = list(desk.table.query("shop#one"))
    with pytest.raises(RunConflict, match="first"):
        desk.tell("restart", start=From("first"), result=Given(1))
    assert list(desk.table.query("shop#one")) == before


def test_a_run_that_failed_at_no_step_is_given_no_result(desk: Desk) -> None:
    desk.make("running")
    desk.ends(ExecutionState("FAILED", error="Odd", cause='{"errorMessage": "no", "at": 1}'))
    with pytest.raises(RunConflict, match="restart it from a step"):
        desk.tell("retry", result=Given(1))
