"""The command on when workflows start by themselves: schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from durable.cli.completion import declared
from durable.cli.operations import Operations
from durable.cli.options import on_runs
from durable.cli.outcome import MISSING, CommandError
from durable.cli.screen import Screen, table
from durable.cli.times import clock_time, lasted
from durable.clock import SystemClock, timestamp
from durable.project import load
from durable.timetable import Appointment, timetable


@click.command()
@click.argument("action", required=False, type=click.Choice(["run"]))
@click.argument("workflow", required=False, shell_complete=declared("workflow"))
@click.option("--key", help="With run, which schedule of the workflow, where it has several.")
@on_runs
def schedules(
    operations: Operations, screen: Screen, *, action: str | None, workflow: str | None, key: str | None
) -> None:
    """Show the schedules of app.py with their next times; `run WORKFLOW` starts the run of one now, with its params."""
    now = SystemClock().now()
    found = timetable(load().workflows, now)
    if action is None:
        screen.show([_data(each, now) for each in found], lambda: _drawn(found, now))
        return
    if workflow is None:
        raise click.UsageError("run takes the WORKFLOW whose schedule it is")
    chosen = _chosen(found, workflow, key)
    made = operations.start(workflow, chosen.params, None)
    screen.show(made, lambda: Text(f"{workflow}/{made['id']} started"))


def _chosen(found: Sequence[Appointment], workflow: str, key: str | None) -> Appointment:
    """Return the schedule that is meant.

    Raises:
        CommandError: the workflow has none, or several, or none of that key.
    """
    own = [each for each in found if each.workflow == workflow]
    if not own:
        there = ", ".join(sorted({each.workflow for each in found})) or "none"
        raise CommandError(f"the workflow {workflow!r} has no schedule; those that have one: {there}", MISSING)
    # Without a key a workflow must have one schedule only: which of several is meant is not to be guessed.
    fit = [each for each in own if key in (None, each.key)]
    if len(fit) != 1:
        keys = ", ".join(f"--key {each.key} ({each.words})" for each in own)
        raise CommandError(f"say which schedule of {workflow}: {keys}", MISSING)
    return fit[0]


def _data(each: Appointment, now: int) -> dict[str, Any]:
    return {
        "workflow": each.workflow,
        "key": each.key,
        "schedule": each.words,
        "params": each.params,
        "next": timestamp(each.next),
        "in": lasted(each.next - now),
    }


def _drawn(found: Sequence[Appointment], now: int) -> RenderableType:
    if not found:
        return Text("no workflow of app.py has a schedule; write Workflow(…, schedules=[Schedule(cron=…)])")
    drawn = table("workflow", "schedule", "key", "next", "in")
    for each in found:
        drawn.add_row(each.workflow, each.words, each.key, clock_time(timestamp(each.next)), lasted(each.next - now))
    return drawn
