"""Child workflows on virtual time: started once, awaited, failed, killed and gone on with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from durable.testing import Sandbox
from tests.unit.testing.family import BookWorkflow, Page, ShelfWorkflow


def test_children_are_awaited_and_those_that_fail_are_caught() -> None:
    sandbox = Sandbox(BookWorkflow)
    run = sandbox.run([3, -1, 5])
    assert (run.status, run.output, run.elapsed) == ("complete", [3, 0, 5], timedelta(minutes=1))
    assert run.step("page", round=1).result == Page(number=3)
    assert sorted(each.status for each in sandbox.runs("page")) == ["complete", "complete", "errored"]


def test_a_child_that_fails_ends_the_run_by_a_name_and_says_which_it_was() -> None:
    sandbox = Sandbox(ShelfWorkflow)
    run = sandbox.run(-1)
    (child,) = sandbox.runs("page")
    assert run.error is not None
    assert (run.error.name, run.error.step) == ("ChildWorkflowError", "first")
    assert run.error.message == f"page/{child.id} ended errored with EmptyPageError: There is nothing on the page."


def test_children_of_children() -> None:
    sandbox = Sandbox(ShelfWorkflow)
    assert sandbox.run(7).output == 3
    assert len(sandbox.runs("page")) == 3


def test_a_run_waits_while_its_child_does() -> None:
    run = (sandbox := Sandbox(ShelfWorkflow)).start(7)
    run.wait_for_status("waiting")
    (child,) = sandbox.runs("page")
    child.wait_for_status("waiting")
    assert run.status == "waiting"


def test_a_process_that_is_killed_at_any_time_starts_each_child_once(tmp_path: Path) -> None:
    for number, moment in enumerate(range(0, 130, 10)):
        with Sandbox(ShelfWorkflow, folder=tmp_path / str(number)) as sandbox:
            run = sandbox.start(7)
            sandbox.advance(timedelta(seconds=moment))
            sandbox.restart()
            sandbox.settle()
            assert run.output == 3
            assert len(sandbox.runs("page")) == 3


def test_the_steps_of_a_child_have_stubs_too() -> None:
    sandbox = Sandbox(ShelfWorkflow)
    sandbox.stub("load", workflow="page").returns(Page(number=4))
    assert sandbox.run(7).output == 8
