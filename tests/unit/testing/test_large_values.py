"""What `run` only passes on may be of any size: it travels by reference, and goes with its run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from durable import NonRetryableError, Workflow
from durable.compiler import compile_workflow
from durable.local.storage.large_values import FileValues
from durable.store.large_values import INLINE_BYTES, RunPlace, is_reference
from durable.testing import Sandbox
from tests.unit.testing import volumes
from tests.unit.testing.volumes import (
    CallingWorkflow,
    ChoosingWorkflow,
    DrawingWorkflow,
    EchoWorkflow,
    GrandWorkflow,
    ListsWorkflow,
    LookedIntoWorkflow,
    MirrorWorkflow,
    OpeningWorkflow,
    PretendingWorkflow,
    ReadingWorkflow,
    ReturningWorkflow,
    SecretWorkflow,
    UndoneWorkflow,
    Volume,
    VolumesWorkflow,
)

LARGE = 1_000
"""Pages of a thousand characters: four times what an execution holds."""


@pytest.fixture(autouse=True)
def _forget() -> None:
    volumes.undone.clear()
    volumes.drawn.clear()


@pytest.fixture(params=[False, True])
def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that makes a sandbox, in memory or on disk."""
    made: list[Sandbox] = []

    def make(workflow: object) -> Sandbox:
        made.append(Sandbox(workflow, folder=tmp_path / "data" if request.param else None))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.__exit__(None, None, None)


def kept(sandbox: Sandbox) -> dict[RunPlace, int]:
    """Return how many values each run has."""
    values = sandbox._virtual.host._values
    if isinstance(values, FileValues):
        return {run: len(list((values._folder / str(run)).iterdir())) for run in values.runs()}
    return {run: len(found) for run, found in sandbox._virtual.values.kept.items()}


def test_a_large_result_reaches_the_next_steps(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(VolumesWorkflow)
    run = made.start(LARGE)
    made.advance("1 day")
    made.restart()
    made.settle()
    assert run.output == [2 * LARGE, LARGE, 1, 50]
    assert len(run.step("double").result.pages) == 2 * LARGE
    assert list(kept(made).values()) == [3]  # two large ones, and the one of fifty pages


def test_lists_of_large_results_reach_the_next_steps(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(ListsWorkflow)
    run = made.run(LARGE)
    assert run.output == [3 * LARGE + 6, LARGE, 2 * LARGE + 4, LARGE + 4, LARGE + 1, LARGE + 2, LARGE + 3, 3]
    # three of the map, those of the first gather, and the large one of the second
    assert list(kept(made).values()) == [6]


def test_many_small_results_of_a_map_are_kept_beside_the_execution(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(ListsWorkflow)
    run = made.run(1)
    assert run.output == [9, 1, 6, 5, 2, 3, 4, 3]
    # Each has two thousand characters and more: three of the map, and the one of the step of that name in the gather.
    assert list(kept(made).values()) == [4]


def test_an_undo_is_given_the_list_of_large_values(sandbox: Callable[..., Sandbox]) -> None:
    run = sandbox(ListsWorkflow).run(7)
    assert (run.status, volumes.undone) == ("errored", [27])


def test_lists_that_run_looks_into_travel_by_themselves(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(LookedIntoWorkflow)
    assert made.run(4).output == [{"pages": ["x" * 1000]}]
    assert kept(made) == {}


def test_a_small_one_travels_by_itself(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(VolumesWorkflow)
    run = made.run(1)
    assert run.output == [1, 1, 1, 50]
    assert list(kept(made).values()) == [1]


def test_no_execution_holds_a_large_value(tmp_path: Path) -> None:
    with Sandbox(VolumesWorkflow, folder=tmp_path / "data") as made:
        made.start(LARGE)
        made.advance("1 day")
    database = sum(each.stat().st_size for each in (tmp_path / "data").glob("*") if each.is_file())
    assert database < LARGE * 1_000
    (file,) = [each for each in (tmp_path / "data" / "values").rglob("*") if each.is_file()]
    assert (file.stat().st_size > LARGE * 1_000, file.stat().st_mode & 0o077) == (True, 0)


def test_an_undo_is_given_the_large_result_and_the_large_argument(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(UndoneWorkflow)
    run = made.run(LARGE)
    assert run.status == "errored"
    assert volumes.undone == [3 * LARGE, LARGE]


def test_the_values_of_a_deleted_run_are_deleted(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(VolumesWorkflow)
    first, second = made.run(LARGE), made.run(LARGE)
    made.workflow().delete(first.id)
    assert [each.instance for each in kept(made)] == [second.id]


def test_the_values_of_a_run_go_when_it_expires(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(Workflow("volumes", VolumesWorkflow, retention="1 day"))
    made.run(LARGE)
    host = made._virtual.host
    host.purge()
    assert kept(made)
    made.advance("2 days")
    host.purge()
    assert kept(made) == {}


def test_a_value_that_looks_like_a_reference_is_data(sandbox: Callable[..., Sandbox]) -> None:
    assert sandbox(PretendingWorkflow).run().output == {"$value": "somebody-else's", "bytes": 1}


def test_of_a_sensitive_step_only_a_reference_is_in_the_execution(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(SecretWorkflow)
    run = made.run()
    assert run.output == 13
    assert run.step("sign in").result.get_secret_value() == "correct horse"
    rows = list(made._virtual.host.table.query(f"secret#{run.id}"))
    assert "correct horse" not in str(rows)
    assert list(kept(made).values()) == [1]


def test_what_run_looks_into_keeps_its_limit_and_says_why(sandbox: Callable[..., Sandbox]) -> None:
    run = sandbox(ReadingWorkflow).run(LARGE)
    assert run.error is not None
    assert run.error.name == "InvalidResult"
    assert "what run only passes on may be larger, and this is read by `volume.pages`" in run.error.message


def test_a_retry_takes_the_recorded_value(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(DrawingWorkflow)
    tries: list[int] = []

    def count(volume: Volume) -> int:
        tries.append(len(volume.pages))
        if len(tries) == 1:
            raise NonRetryableError("not now")
        return len(volume.pages)

    made.stub("count").does(count)
    run = made.run(LARGE)
    assert run.status == "errored"
    made.workflow().retry(run.id)
    made.settle()
    assert (run.output, volumes.drawn) == (LARGE, [1])
    assert list(kept(made).values()) == [1]


def said(workflow: type) -> dict[str, tuple[object, ...]]:
    states = json.loads(compile_workflow(workflow).text)
    found: dict[str, tuple[object, ...]] = {}

    def look(node: Any) -> None:
        match node:
            case {"step": str(name), "input": _}:
                names = ("by_reference", "inline", "references", "lists", "read")
                found[name] = tuple(node[each] for each in names if each in node)
            case dict():
                for each in node.values():
                    look(each)
            case list():
                for each in node:
                    look(each)

    look(states)
    return found


def test_the_compiler_knows_what_is_only_passed_on() -> None:
    assert said(VolumesWorkflow) == {
        "write": (True,),
        "double": (True, ["volume"]),
        "count": (["volume"],),
        "count slowly": (["volume"],),
        "write one": (True,),
        "count one": (["volume"],),
    }
    assert said(ReadingWorkflow) == {"write": ("`volume.pages`",), "count": ()}
    assert said(PretendingWorkflow)["show"] == (True, ["value"])
    assert said(OpeningWorkflow)["make"] == ("`volume.pages`",)
    assert said(CallingWorkflow) == {"make": (True,), "count": (["volume"],)}


def test_the_compiler_knows_which_workflows_may_return_a_reference() -> None:
    may = {each: compile_workflow(each).may_return for each in (ReturningWorkflow, ChoosingWorkflow, CallingWorkflow)}
    assert may == dict.fromkeys(may, True)
    assert not any(compile_workflow(each).may_return for each in (VolumesWorkflow, GrandWorkflow, LookedIntoWorkflow))


def test_the_compiler_knows_which_lists_are_only_passed_on() -> None:
    passed, looked_into = said(ListsWorkflow), said(LookedIntoWorkflow)
    assert passed["write"] == (True, 1024)
    assert passed["merge"] == (["volumes"],)
    assert passed["second"] == (True, ["volume"])
    assert {each: passed[each] for each in ("count first", "count fourth", "count each")} == dict.fromkeys(
        ("count first", "count fourth", "count each"), (["volume"],)
    )
    assert [name for name, each in looked_into.items() if True in each or list in map(type, each)] == []
    assert looked_into["each"] == ("`looked_into[0].pages[0]`",)


def test_a_reference_is_what_has_its_key() -> None:
    assert (is_reference({"$value": 1}), is_reference({"value": 1}), is_reference("$value")) == (True, False, False)
    assert INLINE_BYTES < 256_000 / 4


@pytest.mark.parametrize("workflow", [ReturningWorkflow, ChoosingWorkflow])
def test_a_run_returns_what_a_step_returned(sandbox: Callable[..., Sandbox], workflow: type) -> None:
    made = sandbox(workflow)
    run = made.run(LARGE)
    assert len(run.output["pages"]) == LARGE
    status = made.workflow().get(run.id)
    assert (status.status, status.output) == ("complete", None)
    name = next(iter(made._virtual.host._values.runs()))
    assert status.output_url is not None
    assert f"/{name}/" in status.output_url


def test_an_output_that_may_be_shown_stands_in_the_status(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(ReturningWorkflow)
    for pages, most in ((1, 1), (100, 100), (2, 4)):
        status = made.workflow().get(made.run(pages).id)
        assert (status.output, status.output_url) == ({"pages": ["x" * 1000] * most}, None)


def test_operators_are_given_links_to_what_steps_and_the_run_returned(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(ReturningWorkflow)
    run = made.run(LARGE)
    shown = made._virtual.host.operator.queries.describe(run.workflow, run.id)
    (step,) = shown.steps
    assert (shown.output, step.output) == (None, None)
    assert shown.output_url == step.output_url is not None


def test_an_output_that_was_deleted_is_not_shown(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(ReturningWorkflow)
    run = made.run(100)
    values = made._virtual.host._values
    values.delete(next(iter(values.runs())))
    assert made.workflow().get(run.id).output is None


@pytest.mark.parametrize("pages", [1, 100, LARGE])
def test_what_a_called_workflow_returned_is_passed_on(sandbox: Callable[..., Sandbox], pages: int) -> None:
    made = sandbox(GrandWorkflow)
    run = made.run(pages)
    assert run.output == pages
    # The run, the one that it called, and the one that that called have one each: each may be deleted by itself.
    assert list(kept(made).values()) == ([1, 1, 1] if pages > 1 else [])


def test_what_a_caller_looks_into_keeps_its_limit_and_says_why(sandbox: Callable[..., Sandbox]) -> None:
    made = sandbox(OpeningWorkflow)
    assert [made.run(each).output for each in (1, 100)] == [1, 100]
    error = made.run(LARGE).error
    assert error is not None
    assert error.name == "ChildWorkflowError"
    assert "what run only passes on may be larger, and this is read by `volume.pages`" in error.message


@pytest.mark.parametrize("workflow", [EchoWorkflow, MirrorWorkflow])
def test_an_output_that_looks_like_a_reference_is_data(sandbox: Callable[..., Sandbox], workflow: type) -> None:
    posing = {"$value": "somebody-else's", "bytes": 1}
    made = sandbox(workflow)
    assert made.workflow().get(made.run(posing).id).output == posing
