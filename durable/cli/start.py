"""The command that starts a run, and follows it to its end: start."""

from __future__ import annotations

import sys
from threading import Event
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from durable.cli import tables
from durable.cli.data import read
from durable.cli.operations import LATEST, NOT_LATEST, Operations
from durable.cli.options import on_runs, where, workflow_argument
from durable.cli.outcome import FAILED, INTERRUPTED, WRONG, CommandError
from durable.cli.screen import Escaped, Screen, console
from durable.clock import Clock, SystemClock
from durable.control_characters import escaped
from durable.store.pools import HIGHEST_PRIORITY
from durable.store.statuses import CLOSED


@click.command()
@workflow_argument
@click.option("--params", default="null", show_default=True, help="The input: JSON, @file, or - for standard input.")
@click.option("--id", help="The run's id; drawn at random unless said. The same id and input is the same run.")
@click.option(
    "--priority",
    type=click.IntRange(-HIGHEST_PRIORITY, HIGHEST_PRIORITY),
    default=0,
    help="Where it is queued, runs of a higher one begin first; 0 unless said.",
)
@click.option("--follow", is_flag=True, help="Show its steps until it ends; exit with 1 if it fails.")
@on_runs
def start(
    operations: Operations,
    screen: Screen,
    *,
    workflow: str,
    params: str,
    id: str | None,
    priority: int,
    follow: bool,
) -> None:
    """Start a run."""
    if id == LATEST:
        raise CommandError(f"--id: {NOT_LATEST}", WRONG)
    made = operations.start(workflow, read("--params", params), id, priority)
    if not follow:
        screen.show(made, lambda: Text(f"{workflow}/{made['id']} started"))
        return
    follow_to_end(operations, screen, workflow, made["id"])


def follow_to_end(operations: Operations, screen: Screen, workflow: str, id: str) -> None:
    """Show a run until it has ended, and exit with 1 if it did not complete."""
    ended = Follow(operations.patient(), SystemClock(), console()).until_closed(workflow, id, quiet=screen.as_json)
    if screen.as_json:
        screen.show(ended, lambda: "")
    if ended["status"] != "complete":
        sys.exit(FAILED)


class Follow:
    """Shows a run while it goes: live on a terminal, a line for each change elsewhere."""

    def __init__(self, operations: Operations, clock: Clock, console: Console) -> None:
        self._operations = operations
        self._clock = clock
        self._console = console
        self._pause = Event()

    def until_closed(self, workflow: str, id: str, *, quiet: bool) -> dict[str, Any]:
        """Return the run when it has ended."""
        try:
            if quiet or not self._console.is_terminal:
                return self._lines(workflow, id, quiet)
            return self._live(workflow, id)
        except KeyboardInterrupt:
            # The run is the server's: only the looking at it ends.
            click.echo(f"{workflow}/{id} goes on; see `durable describe {workflow} {id}{where()}`", err=True)
            sys.exit(INTERRUPTED)

    def _live(self, workflow: str, id: str) -> dict[str, Any]:
        with Live(console=self._console, auto_refresh=False) as live:
            while True:
                run = self._operations.describe(workflow, id)
                live.update(Escaped(tables.run(run, self._clock.now())), refresh=True)
                if run["status"] in CLOSED:
                    return run
                self._pause.wait(self._operations.pause_seconds)

    def _lines(self, workflow: str, id: str, quiet: bool) -> dict[str, Any]:
        # A step has a line for each status of each attempt, however often it is looked at.
        said: set[tuple[str, str, int]] = set()
        while True:
            run = self._operations.describe(workflow, id)
            for step in [*run["steps"], *tables.sleeps(run)]:
                now = (step.get("key") or step["name"], step["status"], tables.attempts(step))
                if now not in said and not quiet:
                    click.echo(escaped(tables.step_line(step, self._clock.now())))
                said.add(now)
            if run["status"] in CLOSED:
                if not quiet:
                    # Its steps have had a line each.
                    self._console.print(Escaped(tables.run({**run, "steps": []}, self._clock.now())), crop=False)
                return run
            self._pause.wait(self._operations.pause_seconds)
