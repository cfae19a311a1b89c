"""What a stub makes a step do: nth attempt, nth round, one run; and that all around it is real."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from durable import KVNamespace, StepContext, WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep
from durable.testing import Sandbox
from tests.unit.testing.parcels import Parcel, ParcelsWorkflow, PatientWorkflow, TooHeavyError

FAILS = ConnectionError("down")


def test_a_fixed_result_takes_the_place_of_the_work() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").returns("by hand")
    assert sandbox.run(["a"]).output == ["by hand"]
    assert sandbox.queue("labels").waiting == []


def test_a_fixed_result_is_of_the_steps_type_or_the_same_as_json() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("pack").returns(Parcel(name="x"), round=1).returns({"name": "y", "weight": 2}, round=2)
    assert sandbox.run(["a", "b"]).output == ["x sent", "y sent"]
    with pytest.raises(
        ValueError, match=r"pack returns Parcel, which the fixed result is not: result.name \(missing\)"
    ):
        sandbox.stub("pack").returns({"weight": 2})


def test_a_result_may_be_fixed_for_one_round_by_its_number_or_its_key() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").returns("second", round=2).returns("third", key="send[2]")
    assert sandbox.run(["a", "b", "c", "d"]).output == ["a sent", "second", "third", "d sent"]


def test_a_result_may_be_fixed_for_one_attempt() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").raises(FAILS, attempt=1).returns("at the second", attempt=2)
    run = sandbox.run(["a"])
    assert run.output == ["at the second"]
    assert run.step("send").attempts == 2


def test_of_results_the_last_that_fits_counts() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").returns("any").returns("first", round=1)
    assert sandbox.run(["a", "b"]).output == ["first", "any"]


def test_errors_come_first_and_in_their_order_then_the_steps_own_work() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").raises(FAILS, times=1).times_out(times=1)
    run = sandbox.run(["a"])
    assert run.output == ["a sent"]
    assert run.step("send").attempted == (
        timedelta(0),
        timedelta(minutes=1),
        timedelta(minutes=1 + 10 + 2),
    )


def test_errors_are_counted_anew_in_each_round() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").raises(FAILS, times=1)
    run = sandbox.run(["a", "b"])
    assert [each.attempts for each in run.steps if each.name == "send"] == [2, 2]


def test_an_error_that_the_steps_module_names_is_caught_by_its_name() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").raises(TooHeavyError, round=2)
    run = sandbox.run(["a", "b"])
    assert run.output == ["a sent", "b kept"]
    error = run.step("send", round=2).error
    assert error is not None
    assert (error.name, error.message) == ("TooHeavyError", "Nobody can lift it.")


def test_an_error_for_all_attempts_ends_the_run() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").raises(FAILS)
    run = sandbox.run(["a"])
    assert run.status == "errored"
    assert run.error is not None
    assert (run.error.name, run.error.step) == ("StepError", "send")
    assert (run.step("send").attempts, run.step("send").status, run.step("send").exception) == (3, "errored", FAILS)


def test_a_timeout_takes_the_steps_timeout_and_is_caught() -> None:
    sandbox = Sandbox(PatientWorkflow)
    sandbox.disable_retry_delays()
    sandbox.stub("left").times_out()
    run = sandbox.run("a")
    assert (run.output, run.elapsed) == ("too late", timedelta(minutes=18))
    assert (run.step("left").attempts, run.step("left").status) == (2, "errored")


def test_a_stub_may_be_of_one_run() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send", run="run-2").returns("fixed")
    assert [sandbox.run(["a"]).output for _ in range(3)] == [["a sent"], ["fixed"], ["a sent"]]


def test_another_function_may_do_the_work() -> None:
    def heavy(name: str, weights: KVNamespace[int], context: StepContext) -> Any:
        return Parcel(name=f"{name} {context.attempt} {weights.get('a')}")

    sandbox = Sandbox(ParcelsWorkflow, bindings={"weights": {"a": 7}})
    sandbox.stub("pack").does(heavy)
    assert sandbox.run(["a"]).output == ["a 1 7 sent"]


def test_what_another_function_returns_is_checked_as_the_steps_own_is() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").does(lambda parcel, labels: 7)
    run = sandbox.run(["a"])
    assert run.error is not None
    assert (run.error.name, run.step("send").attempts) == ("InvalidResult", 1)


def test_times_and_attempt_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="give one of both"):
        Sandbox(ParcelsWorkflow).stub("send").raises(FAILS, 2, attempt=1)


def book(name: str) -> str:
    return f"a seat for {name}"


def cancel(seat: str, seats: KVNamespace[str]) -> None:
    seats.put(seat, "cancelled")


class TripWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> None:
        await step.do("book", book, event.payload, undo=cancel)
        raise WorkflowError("no hotel")


def test_the_stub_of_a_step_leaves_its_undo_alone() -> None:
    sandbox = Sandbox(TripWorkflow)
    sandbox.stub("book").returns("seat 7")
    run = sandbox.run("Ann")
    assert (run.status, run.elapsed) == ("errored", timedelta(0))
    assert sandbox.kv("seats").contents == {"seat 7": "cancelled"}


def test_an_undo_has_a_stub_of_its_own() -> None:
    sandbox = Sandbox(TripWorkflow)
    undone: list[str] = []
    sandbox.stub("book/undo").does(lambda seat, **_: undone.append(seat))
    sandbox.run("Ann")
    assert undone == ["a seat for Ann"]
    assert sandbox.kv("seats").contents == {}
