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

SEEDS = int(os.environ.get("DURABLE_SEEDS", "4"))
WORKFLOWS = ("trial", "waiter", "child", "parent", "trip")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_runs_keep_their_promises_in_a_storm(workflow: str, script: Script) -> None:
    for seed in range(SEEDS):
        world = Story(seed, workflow, script, STORM).play()
        assert world.trouble == [], f"python -m tests.simulation {workflow} {script!r} {seed}"


@pytest.mark.parametrize("workflow", ["trial", "child", "trip", "parent"])
def test_without_faults_a_run_takes_few_executions(workflow: str) -> None:
    world = Story(1, workflow, "none", CALM).play()
    assert world.trouble == []
    assert (
        world.count["express"] + world.count["standard"] <= {"trial": 5, "child": 2, "trip": 3, "parent": 11}[workflow]
    )


def test_the_same_seed_is_the_same_schedule() -> None:
    first, second = (Story(5, "trial", "pause", STORM).play() for _ in range(2))
    assert (first.count, steps_of(first)) == (second.count, steps_of(second))


def steps_of(world: World) -> dict[str, int]:
    """Return how often each step was called, by its path: the incarnation before it is drawn at random."""
    return {key.split("/", 3)[3]: count for key, count in world.watch.calls.items()}


def test_another_seed_is_another_schedule() -> None:
    assert Story(5, "trial", "pause", STORM).play().count != Story(6, "trial", "pause", STORM).play().count
