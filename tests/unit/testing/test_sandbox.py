"""Sandbox and Run: virtual time, waiting, restarts, order, what is wrong."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from durable import KVNamespace, Workflow
from durable.errors import DeclarationError, InvalidInput
from durable.testing import NotReached, Sandbox
from tests.unit.testing import parcels
from tests.unit.testing.parcels import Parcel, ParcelsWorkflow, PatientWorkflow, RaceWorkflow

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _forget() -> None:
    parcels.order.clear()


def test_a_run_tells_of_each_round_of_its_steps() -> None:
    run = Sandbox(ParcelsWorkflow, bindings={"weights": {"books": 9}}).run(["socks", "books"])
    assert (run.status, run.output) == ("complete", ["socks sent", "books sent"])
    assert run.elapsed == 2 * HOUR
    assert [each.name for each in run.steps] == ["pack", "send", "pack", "send"]
    assert run.step("pack", round=2).result == Parcel(name="books", weight=9)
    assert run.step("pack", round=2).input == {"name": "books"}
    assert run.step("send", round=2).attempted == (HOUR,)


def test_advance_goes_on_for_so_long_and_no_further() -> None:
    sandbox = Sandbox(ParcelsWorkflow, start=datetime(2030, 1, 1, tzinfo=UTC))
    run = sandbox.start(["a", "b"])
    sandbox.advance("59 minutes")
    assert (run.status, len(run.steps), sandbox.elapsed) == ("waiting", 2, timedelta(minutes=59))
    sandbox.advance("1 minute")
    assert len(run.steps) == 4
    assert sandbox.now == datetime(2030, 1, 1, 1, tzinfo=UTC)
    sandbox.settle()
    assert run.status == "complete"


def test_waiting_for_a_step_returns_its_result_and_goes_no_further() -> None:
    run = Sandbox(ParcelsWorkflow).start(["a", "b", "c"])
    assert run.wait_for_step("send", round=2) == "b sent"
    assert [each.status for each in run.steps] == ["complete"] * 4


def test_waiting_in_vain_says_what_became_of_the_run() -> None:
    run = Sandbox(ParcelsWorkflow).start(["a"])
    with pytest.raises(NotReached, match=r"<Run parcels/run-1 complete after 1:00:00> came to rest and was not paused"):
        run.wait_for_status("paused")
    with pytest.raises(NotReached, match="without a result of round 2 of 'pack'"):
        run.wait_for_step("pack", round=2)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_restart_loses_nothing_at_any_point(on_disk: bool, tmp_path: Path) -> None:
    with Sandbox(parcels, folder=tmp_path / "data" if on_disk else None) as sandbox:
        run = sandbox.start(["a", "b"], workflow="parcels")
        for round in (1, 2):
            for step in ("pack", "send"):
                run.wait_for_step(step, round)
                sandbox.restart()
        sandbox.settle()
        assert run.output == ["a sent", "b sent"]
        assert [each.attempts for each in run.steps] == [1] * 4
        assert run.elapsed == 2 * HOUR
        assert [each.subject for each in sandbox.email("mail").sent] == ["a", "b"]


def test_a_folder_outlives_its_sandbox(tmp_path: Path) -> None:
    with Sandbox(ParcelsWorkflow, folder=tmp_path / "data") as first:
        first.start(["a"], id="kept").wait_for_step("pack")
    with Sandbox(ParcelsWorkflow, folder=tmp_path / "data") as second:
        second.settle()
        assert [(run.id, run.output) for run in second.runs()] == [("kept", ["a sent"])]


def test_in_memory_there_is_no_thread_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    threads = threading.active_count()
    sandbox = Sandbox(parcels)
    sandbox.run(["a"], workflow="parcels")
    assert threading.active_count() == threads
    assert not list(tmp_path.iterdir())


def orders(seed: int | None) -> tuple[str, ...]:
    parcels.order.clear()
    Sandbox(RaceWorkflow, seed=seed).run(0)
    return tuple(parcels.order)


def test_branches_take_turns_in_an_order_that_a_seed_fixes() -> None:
    assert orders(None) == tuple("abcdabcd")
    assert len({orders(seed) for seed in range(8)}) > 4
    assert all(orders(seed) == orders(seed) for seed in range(3))


def test_a_seed_fixes_jitter() -> None:
    def elapsed(seed: int | None) -> timedelta:
        sandbox = Sandbox(PatientWorkflow, seed=seed)
        sandbox.stub("left").raises(ValueError, times=1)
        return sandbox.run("x").elapsed

    assert elapsed(None) == elapsed(None)
    assert elapsed(1) == elapsed(1) != elapsed(2)


def test_disabled_sleeps_leave_the_clock_where_it_is() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    run = sandbox.start(["a", "b"])
    run.wait_for_step("send")
    sandbox.disable_sleeps("breathe", run=run.id)
    other = sandbox.start(["a"])
    sandbox.settle()
    assert (run.elapsed, other.elapsed) == (timedelta(0), HOUR)


def test_disabling_a_sleep_that_is_under_way_ends_it() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    run = sandbox.start(["a"])
    sandbox.advance("1 minute")
    sandbox.disable_sleeps()
    sandbox.settle()
    assert run.elapsed == timedelta(minutes=1)


def test_a_sleep_in_a_branch_that_is_used_again_has_its_own_name() -> None:
    sandbox = Sandbox(RaceWorkflow)
    sandbox.disable_sleeps("rest")
    assert sandbox.run(0).elapsed == timedelta(0)


def test_disabled_retry_delays_keep_the_attempts() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.disable_retry_delays("send")
    sandbox.stub("send").raises(ConnectionError, times=2)
    assert sandbox.run(["a"]).step("send").attempted == (timedelta(0),) * 3


def test_what_is_wrong_is_said_with_what_there_is() -> None:
    sandbox = Sandbox(parcels)
    with pytest.raises(
        LookupError, match=r"there are several workflows; say which, as workflow='parcels': parcels, race"
    ):
        sandbox.run(["a"])
    with pytest.raises(LookupError, match=r"there is no workflow 'parcel'; there are: parcels, race"):
        sandbox.run(["a"], workflow="parcel")
    with pytest.raises(LookupError, match=r"parcels has no step 'sent'; it has 'pack', 'send'"):
        sandbox.stub("sent", workflow="parcels")
    with pytest.raises(LookupError, match=r"there is no sleep 'breath'; there are: breathe, rest"):
        sandbox.disable_sleeps("breath")
    with pytest.raises(LookupError, match=r"there is no step 'breathe'; there are: left, pack, right, send"):
        sandbox.disable_retry_delays("breathe")
    with pytest.raises(LookupError, match=r"there is no KVNamespace 'labels'; there are: lost, weights"):
        sandbox.kv("labels")
    with pytest.raises(
        LookupError, match=r"KVNamespace\('else'\) is bound to nothing that is tested here; there are: lost"
    ):
        sandbox.kv(KVNamespace[str]("else"))
    with pytest.raises(InvalidInput, match=r"parcels cannot start: payload.0 \(string_type, got int\)"):
        sandbox.run([1], workflow="parcels")
    run = sandbox.run([], workflow="parcels")
    with pytest.raises(LookupError, match=r"parcels/run-1 has not begun 'pack': it began none"):
        run.step("pack")


def test_bindings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"no step names a binding 'weight'; there are: labels, weights"):
        Sandbox(ParcelsWorkflow, bindings={"weight": {}})
    with pytest.raises(DeclarationError, match="weights is a KVNamespace: give a mapping of what is in it, not"):
        Sandbox(ParcelsWorkflow, bindings={"weights": [1]})
    with pytest.raises(DeclarationError, match=r"declares its bindings itself: give contents for \['weights'\]"):
        Sandbox(parcels, bindings={"weights": parcels.weights})


def test_a_declaration_with_a_misspelt_binding_is_refused_as_a_compilation_refuses_it() -> None:
    misspelt = Workflow("parcels", ParcelsWorkflow, bindings={"weight": KVNamespace("weights")})
    with pytest.raises(DeclarationError) as caught:
        Sandbox(misspelt)
    assert "declared twice" not in str(caught.value)
    assert "lacks the binding weights: KVNamespace that tests.unit.testing.parcels:pack names" in str(caught.value)
    assert "binds weight to KVNamespace('weights'), which no signature names; take it away" in str(caught.value)
    # What pytest shows is the test's line and the sentence.
    assert [each.name for each in caught.traceback][1:] == ["__init__"]


@pytest.mark.parametrize("subject", ["parcels", ParcelsWorkflow(), KVNamespace[str]("weights"), None])
def test_what_is_no_subject_of_a_sandbox_is_refused(subject: Any) -> None:
    with pytest.raises(DeclarationError, match=r"a sandbox cannot be made around .*; give a workflow's class"):
        Sandbox(subject)


def test_a_run_says_what_its_steps_raised() -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("pack").raises(KeyError("weight"), attempt=1)
    sandbox.stub("send").raises(KeyError("label"))
    run = sandbox.run(["a"])
    assert "errored with StepError in send after" in repr(run)
    assert "send raised KeyError('label')" in repr(run)


def test_the_traceback_of_a_step_begins_with_its_own_lines(caplog: pytest.LogCaptureFixture) -> None:
    sandbox = Sandbox(ParcelsWorkflow)
    sandbox.stub("send").does(_refuse)
    sandbox.run(["a"])
    assert re.findall(r'File "[^"]*/([\w.]+)", line \d+, in (\w+)', caplog.text) == [("test_sandbox.py", "_refuse")]


def _refuse(**given: object) -> object:
    raise KeyError("label")
