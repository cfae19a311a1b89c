from __future__ import annotations

import json
import re

import pytest

from durable.errors import RunExists, RunNotFound, Throttled
from durable.operations.queries import Queries
from durable.runs.description import describe, status_of
from durable.runs.record import load, load_header
from durable.store.keys import StepKey, header_key
from durable.store.machines import ExecutionState
from durable.store.table import ConditionFailed, Delete, Write
from tests.unit.record import steps
from tests.unit.record.conftest import Bench

FAILED = ExecutionState("FAILED", error="Declined", cause='{"errorMessage": "x", "stackTrace": []}')


def execution(bench: Bench) -> str:
    return bench.machines.started[-1][1]


def test_create_writes_the_header_and_starts_the_execution_that_it_names(bench: Bench) -> None:
    created = bench.runs.create("shop", {"n": 1}, id="one")
    assert (created.id, created.new) == ("one", True)
    workflow, name, input = bench.machines.started[0]
    assert (workflow, name.rpartition(".")[0], len(name)) == ("shop", "one", len("one") + 9)
    run = input["run"]
    assert re.fullmatch("[0-9a-f]{8}", run["incarnation"])
    assert input == {
        "run": run | {"workflow": "shop", "instance": "one", "epoch": 1, "createdAt": "2026-01-01T00:00:00.000Z"},
        "payload": {"n": 1},
    }
    assert status_of(load(bench.table, "shop", "one")).status == "running"


def test_the_same_start_again_is_the_same_instance(bench: Bench) -> None:
    first = bench.runs.create("shop", {"a": 1, "b": 2}, id="one")
    again = bench.runs.create("shop", {"b": 2, "a": 1}, id="one")
    assert (first.new, again.new) == (True, False)
    assert len(bench.machines.started) == 1


def test_an_id_is_taken_by_its_first_payload(bench: Bench) -> None:
    bench.runs.create("shop", {"n": 1}, id="one")
    with pytest.raises(RunExists):
        bench.runs.create("shop", {"n": 2}, id="one")


def test_an_idempotency_key_belongs_to_its_workflow(bench: Bench) -> None:
    one = bench.runs.create("shop", {"n": 1}, idempotency_key="k")
    same = bench.runs.create("shop", {"n": 1}, idempotency_key="k")
    other = bench.runs.create("post", {"n": 2}, idempotency_key="k")
    assert one.id == same.id != other.id
    with pytest.raises(RunExists):
        bench.runs.create("shop", {"n": 3}, idempotency_key="k")


def test_a_throttled_start_goes_on_where_it_stopped_under_the_same_name(bench: Bench) -> None:
    bench.machines.busy = 1
    with pytest.raises(Throttled):
        bench.runs.create("shop", {}, id="one")
    assert status_of(load(bench.table, "shop", "one")).status == "queued"
    named = bench.table.get(header_key("shop", "one"))
    assert not bench.runs.create("shop", {}, id="one").new
    assert named is not None
    assert execution(bench) == named["execution"]
    assert status_of(load(bench.table, "shop", "one")).status == "running"


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 65, "ä", "a/b", "a\n"])
def test_an_id_has_a_form(bench: Bench, wrong: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        bench.runs.create("shop", {}, id=wrong)
    with pytest.raises(RunNotFound):
        status_of(load(bench.table, "shop", wrong))


def test_another_workflows_instance_is_not_found(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    with pytest.raises(RunNotFound):
        status_of(load(bench.table, "post", "one"))


def test_the_end_of_an_execution_is_the_end_of_the_run(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.clock.advance_to(bench.clock.now() + 1500)
    bench.runs.close("shop", execution(bench), ExecutionState("SUCCEEDED", output={"ok": True}))
    status = status_of(load(bench.table, "shop", "one"))
    assert (status.status, status.output, status.error) == ("complete", {"ok": True}, None)
    assert (status.created_at, status.updated_at) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z")


def test_a_run_ends_once(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", execution(bench), ExecutionState("SUCCEEDED", output=1))
    bench.runs.close("shop", execution(bench), FAILED)
    assert status_of(load(bench.table, "shop", "one")).status == "complete"


def test_only_the_current_execution_can_end_the_run(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", "one.00000000", FAILED)
    bench.runs.close("shop", execution(bench), ExecutionState("RUNNING"))
    assert status_of(load(bench.table, "shop", "one")).status == "running"


def test_the_end_of_an_unknown_execution_makes_no_row(bench: Bench) -> None:
    bench.runs.close("shop", "nobody.00000000", FAILED)
    with pytest.raises(RunNotFound):
        status_of(load(bench.table, "shop", "nobody"))


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (FAILED, {"name": "Declined", "message": "The workflow failed."}),
        (
            ExecutionState("FAILED", error="WorkflowError", cause='{"errorMessage": "too much", "errorType": "x"}'),
            {"name": "WorkflowError", "message": "too much"},
        ),
        (ExecutionState("FAILED", error="States.Timeout"), "StepTimeoutError"),
        (ExecutionState("FAILED", error="Runtime.ExitError"), "StepError"),
        (ExecutionState("FAILED", error="States.Runtime", cause="secret"), "States.Runtime"),
        (ExecutionState("TIMED_OUT"), "WorkflowTimeoutError"),
    ],
)
def test_an_error_says_what_happened_and_no_more(bench: Bench, state: ExecutionState, error: object) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", execution(bench), state)
    status = status_of(load(bench.table, "shop", "one"))
    assert status.status == "errored"
    assert status.error is not None
    assert status.error == error if isinstance(error, dict) else status.error["name"] == error
    assert "secret" not in json.dumps(status.error)


def test_an_error_names_the_step_that_it_comes_from(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    steps.raises[:] = [steps.Declined("secret")]
    with pytest.raises(Exception, match="charge"):
        bench.handler()({**bench.event(), "run": bench.machines.started[-1][2]["run"]}, "a")
    bench.runs.close("shop", execution(bench), FAILED)
    status = status_of(load(bench.table, "shop", "one"))
    assert status.error == {"name": "Declined", "message": "The card was declined.", "step": "charge"}
    assert [(each.name, each.status, each.attempts) for each in status.steps] == [("charge", "errored", 1)]


def test_a_stopped_execution_is_a_terminated_run(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", execution(bench), ExecutionState("ABORTED"))
    assert status_of(load(bench.table, "shop", "one")).status == "terminated"


def test_an_id_that_is_used_again_is_another_run(bench: Bench) -> None:
    """Also where rows of the first one are left, or written late."""
    made = []
    for _ in range(2):
        bench.runs.create("shop", {}, id="one")
        made.append(bench.machines.started[-1][2]["run"])
        for step in ("charge", "refund"):
            bench.handler()({**bench.event(key=step), "run": made[-1]}, f"owner of {step}")
        bench.table.write(Delete(header_key("shop", "one")))
    first, second = ([key for _, key, _ in steps.calls[at : at + 2]] for at in (0, 2))
    assert set(first).isdisjoint(second)
    bench.runs.create("shop", {}, id="one")
    late = bench.handler()({**bench.event(key="late"), "run": made[0]}, "zombie")
    assert late["result"] == "charged 5"
    assert status_of(load(bench.table, "shop", "one")).steps == ()
    bench.runs.close("shop", execution(bench), FAILED)
    error = status_of(load(bench.table, "shop", "one")).error
    assert error == {"name": "Declined", "message": "The workflow failed."}


def test_an_execution_from_before_a_restart_begins_no_step(bench: Bench) -> None:
    """Lambda may invoke a step a second time, long after the first: also for an execution on Standard."""
    bench.runs.create("shop", {}, id="one")
    before = bench.machines.started[-1][2]["run"]
    bench.runs.close("shop", execution(bench), ExecutionState("ABORTED"))
    bench.runs.go_on(load(bench.table, "shop", "one").header, anew=True, did="restarted")
    with pytest.raises(Exception, match="paused or terminated") as error:
        bench.handler()({**bench.event(), "run": before}, "second invocation")
    assert type(error.value).__name__ == "Stopped"
    assert steps.calls == []
    bench.handler()({**bench.event(), "run": bench.machines.started[-1][2]["run"]}, "first invocation")
    assert len(steps.calls) == 1


def test_a_run_of_a_former_version_goes_on_under_the_keys_that_it_has(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    bench.table.write(Write(header_key("shop", "one"), remove=("incarnation",)))
    bench.handler()(bench.event(), "a")
    assert [key for _, key, _ in steps.calls] == ["shop/one/1/charge"]
    assert [each.name for each in status_of(load(bench.table, "shop", "one")).steps] == ["charge"]


def test_a_run_that_is_being_deleted_does_not_go_on(bench: Bench) -> None:
    """Also where somebody has read its header before."""
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", execution(bench), ExecutionState("ABORTED"))
    read = load(bench.table, "shop", "one").header
    bench.table.write(Write(read.key, {"deleting": True}))
    with pytest.raises(ConditionFailed):
        bench.runs.go_on(read, did="retried")


def test_a_run_that_goes_on_is_due_no_more(bench: Bench) -> None:
    """Else the reconciler would look at it each minute until it ends."""
    bench.runs.create("shop", {}, id="one")
    bench.runs.close("shop", execution(bench), ExecutionState("ABORTED"))
    bench.runs.go_on(load(bench.table, "shop", "one").header, did="retried")
    header = load(bench.table, "shop", "one").header
    assert (header.status, header.due, header.reopens) == ("running", None, False)


def test_a_run_with_large_results_is_described_in_pages(bench: Bench) -> None:
    """An answer of Lambda holds 6 MB."""
    bench.runs.create("shop", {}, id="one")
    run = bench.machines.started[-1][2]["run"]
    names = [f"step-{number:02}" for number in range(50)]
    for name in names:
        key = StepKey.within(run, name)
        bench.record.begin(key, name, owner=name, limit=3, input_hash="")
        bench.record.succeed(key, owner=name, result="x" * 200_000, at=bench.clock.now())
    queries, shown, first, pages = Queries(bench.table, bench.clock), list[str](), 0, 0
    while True:
        page = queries.describe("shop", "one", first)
        assert len(json.dumps([each.output for each in page.steps])) < 4_000_000
        shown, pages = [*shown, *(each.name for each in page.steps)], pages + 1
        if page.next_step is None:
            break
        first = page.next_step
    assert (shown, pages) == (names, 4)
    assert queries.describe("shop", "one", 1_000).steps == ()


LARGE = {"text": "x" * 10_000}


def test_a_large_payload_is_no_part_of_the_header(bench: Bench) -> None:
    bench.runs.create("shop", LARGE, id="one")
    row = bench.table.get(header_key("shop", "one"))
    assert row is not None
    assert len(json.dumps(row)) < 1_000
    assert bench.machines.started[-1][2]["payload"] == LARGE
    assert describe(load(bench.table, "shop", "one")).params == LARGE
    assert not bench.runs.create("shop", LARGE, id="one").new
    with pytest.raises(RunExists):
        bench.runs.create("shop", {"text": "y" * 10_000}, id="one")


def test_a_run_with_a_large_payload_goes_on_with_it(bench: Bench) -> None:
    bench.runs.create("shop", LARGE, id="one")
    bench.runs.close("shop", execution(bench), ExecutionState("ABORTED"))
    header = load_header(bench.table, "shop", "one")
    assert header is not None
    bench.runs.go_on(header, anew=True, did="restarted")
    assert [input["payload"] for _, _, input in bench.machines.started] == [LARGE, LARGE]


def test_a_run_that_fails_again_after_a_restart_shows_the_error_of_that_epoch(bench: Bench) -> None:
    bench.runs.create("shop", {}, id="one")
    for epoch, message in ((1, "first"), (2, "second")):
        header = load_header(bench.table, "shop", "one")
        assert header is not None
        error = {"name": "Declined", "message": message, "exception": "Declined", "frames": []}
        fields = {"status": "errored", "outcome": "error", "error": error, "finished": epoch, "started": epoch}
        key = StepKey("shop", "one", epoch, "charge", header.incarnation).row
        row = fields | {"step": "charge", "order": str(epoch), "attempts": 1, "input_hash": "h"}
        bench.table.write(Write(key, row))
        cause = json.dumps({"errorMessage": "charge: \n (at=1)", "stackTrace": []})
        bench.runs.close("shop", header.execution, ExecutionState("FAILED", error="Declined", cause=cause))
        header = load_header(bench.table, "shop", "one")
        assert header is not None
        assert header.error == {"name": "Declined", "message": message, "step": "charge"}
        assert header.ended_by == key.sort
        bench.runs.go_on(header, did="restarted", anew=True)
