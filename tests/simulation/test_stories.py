"""Runs on a simulated AWS under a storm of faults end as their Python says, whatever is done to them in between.

A seed is a schedule: `python -m tests.simulation trial pause 17` plays one again, and says what came of it.
`DURABLE_SEEDS=100` plays so many of each pair of a workflow and a script.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.aws import CALM, STORM
from tests.simulation.story import SCRIPTS, Script, Story
from tests.simulation.world import World

SEEDS = int(os.environ.get("DURABLE_SEEDS", "2"))
WORKFLOWS = (
    *("trial", "waiter", "child", "parent", "trip", "doomed", "racer", "hook", "lender", "couriers", "chat"),
    *("breaker", "keeper", "vault"),
)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_runs_keep_their_promises_in_a_storm(workflow: str, script: Script) -> None:
    for seed in range(SEEDS):
        world = Story(seed, workflow, script, STORM).play()
        assert world.trouble == [], f"python -m tests.simulation {workflow} {script!r} {seed}"


@pytest.mark.parametrize(("workflow", "script", "seed"), [("waiter", "again", 300_009), ("parent", "again", 300_004)])
def test_a_wait_that_begins_after_its_run_was_deleted_leaves_nothing(workflow: str, script: Script, seed: int) -> None:
    assert Story(seed, workflow, script, STORM).play().trouble == []


@pytest.mark.parametrize("seed", [16, 119])
def test_children_of_a_run_whose_restart_died_before_it_ended_them_are_ended(seed: int) -> None:
    assert Story(seed, "parent", "restart", STORM).play().trouble == []


def test_an_event_whose_delivery_the_table_is_too_busy_for_is_delivered_by_the_next_call() -> None:
    assert Story(700_185, "waiter", "none", STORM).play().trouble == []


def test_an_event_that_a_wait_took_before_its_race_was_decided_is_gone_with_it() -> None:
    assert Story(9_100_056, "racer", "none", STORM).play().trouble == []


def test_a_run_on_standard_whose_end_nobody_reports_is_looked_at_after_as_long_as_it_was_silent() -> None:
    assert Story(9_100_132, "chat", "none", STORM, former=True).play().trouble == []


# In the second one the operator dies too, and gives the order again.
@pytest.mark.parametrize("seed", [7_400_116, 9_100_184])
def test_the_step_whose_process_died_in_each_attempt_is_given_a_result_though_standard_names_no_step(seed: int) -> None:
    assert Story(seed, "doomed", "retry after", STORM, former=True).play().trouble == []


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("script", SCRIPTS)
def test_runs_that_began_on_standard_end_when_the_deployment_has_come_to_segments(script: Script) -> None:
    for number, workflow in enumerate(WORKFLOWS):
        for seed in range(number, number + max(1, SEEDS // 4)):
            story = Story(seed, workflow, script, STORM, former=True)
            assert story.play().trouble == [], (workflow, script, seed)


def test_a_step_of_standard_that_is_invoked_twice_does_not_begin_again_after_a_restart() -> None:
    for seed in range(76, 76 + max(1, SEEDS // 2)):
        assert Story(seed, "trip", "restart", STORM, former=True).play().trouble == [], seed


def test_such_a_run_ends_on_its_machine_and_one_that_is_taken_up_again_goes_on_in_segments() -> None:
    left, paused = (
        [Story(seed, "trip", script, CALM, former=True).play() for seed in range(8)] for script in ("none", "pause")
    )
    assert not any(world.trouble for world in (*left, *paused))
    # its rollback is the other execution
    assert {(world.count["standard"], world.count["express"]) for world in left} == {(2, 0)}
    assert any(world.count["express"] for world in paused)


@pytest.mark.parametrize("workflow", ["trial", "child", "trip", "parent"])
def test_without_faults_a_run_takes_few_executions(workflow: str) -> None:
    world = Story(1, workflow, "none", CALM).play()
    assert world.trouble == []
    assert (
        world.count["express"] + world.count["standard"] <= {"trial": 5, "child": 2, "trip": 3, "parent": 11}[workflow]
    )


@pytest.mark.parametrize("workflow", ["waiter", "child", "parent", "loop", "grinder", "hook"])
def test_to_park_and_to_go_on_in_another_execution_is_no_error_of_a_lambda(workflow: str) -> None:
    for seed in range(3):
        raised = Story(seed, workflow, "none", CALM).play().lambdas.raised
        # A failed attempt is one, and so is the outcome of a wait that failed.
        assert raised.keys() <= {"StepError", "ChildWorkflowError", "CallbackFailed"}, (seed, raised)


def test_the_same_seed_is_the_same_schedule() -> None:
    first, second = (Story(5, "trial", "pause", STORM).play() for _ in range(2))
    assert (first.count, steps_of(first)) == (second.count, steps_of(second))


def steps_of(world: World) -> dict[str, int]:
    """Return how often each step was called, by its path: the incarnation before it is drawn at random."""
    return {key.split("/", 3)[3]: count for key, count in world.watch.calls.items()}


def test_another_seed_is_another_schedule() -> None:
    assert Story(5, "trial", "pause", STORM).play().count != Story(6, "trial", "pause", STORM).play().count
