"""What stops a run is in nobody's `except`, and is never tried again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from durable.compiler import compile_workflow
from tests.integration.local.journeys import JourneyWorkflow
from tests.integration.local.orders import OrderWorkflow
from tests.integration.local.trips import TripWorkflow

STOPS = ("Stopped", "StaleResult")


def states(machine: Any) -> Iterator[dict[str, Any]]:
    """Yield all states, those of branches and maps too."""
    for state in machine["States"].values():
        yield state
        for inner in [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]:
            yield from states(inner)


@pytest.mark.parametrize("workflow", [JourneyWorkflow, OrderWorkflow, TripWorkflow])
def test_no_arm_takes_a_stop_and_no_task_tries_again_after_one(workflow: Any) -> None:
    found = list(states(compile_workflow(workflow).definition))
    caught = {name for state in found for each in state.get("Catch", ()) for name in each["ErrorEquals"]}
    assert caught.isdisjoint({*STOPS, "States.ALL", "States.TaskFailed"})
    tasks = [state for state in found if state["Type"] == "Task"]
    assert tasks
    for task in tasks:
        for stop in STOPS:
            first = next(each for each in task["Retry"] if {stop, "States.ALL"}.intersection(each["ErrorEquals"]))
            assert first["MaxAttempts"] == 0


def test_a_task_says_which_errors_an_except_catches_here_or_around() -> None:
    payloads = {
        state["Arguments"]["Payload"]["step"]: state["Arguments"]["Payload"]
        for state in states(compile_workflow(JourneyWorkflow).definition)
        if state["Type"] == "Task"
    }
    assert payloads["leg"]["caught"] == ["Blocked"]
    assert "StepTimeoutError" in payloads["last"]["caught"]
    assert "caught" not in payloads["detour"]


def test_a_task_says_how_it_is_undone_and_the_undo_is_a_function_of_its_own() -> None:
    compiled = compile_workflow(TripWorkflow)
    payloads = [each["Arguments"]["Payload"] for each in states(compiled.definition) if each["Type"] == "Task"]
    undos = {each["step"]: each["undo"] for each in payloads if "undo" in each}
    assert undos["book-train"] == {
        "function": "${BookTrainUndo}",
        "attempts": 3,
        "timeout": 600,
        "delay": 10,
        "rate": 2,
        "input": True,
    }
    assert "book-bike" not in undos
    assert ("BookTrainUndo", "book-train") in [(each.placeholder, each.undoes) for each in compiled.steps]
