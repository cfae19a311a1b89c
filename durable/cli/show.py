"""Commands that show: list, describe."""

from __future__ import annotations

from typing import Any, get_args

import click

from durable.bindings.workflow import Status
from durable.cli import tables
from durable.cli.operations import LATEST, Operations
from durable.cli.options import on_runs, workflow_argument
from durable.cli.screen import Screen
from durable.cli.times import moment
from durable.clock import SystemClock


@click.command()
@click.argument("workflow", required=False)
@click.option("--status", type=click.Choice(get_args(Status)), help="Only runs in this status.")
@click.option("--since", help='Only runs that changed since: a time, or how long ago: "1 hour".')
@click.option("--until", help="Only runs that changed before: the same.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 100), help="How many there are on a page."
)
@click.option("--cursor", help="Where the page before ended.")
@on_runs
def list(
    operations: Operations,
    screen: Screen,
    *,
    workflow: str | None,
    since: str | None,
    until: str | None,
    **query: Any,
) -> None:
    """List workflows with how many runs have which status; with WORKFLOW, its runs, the last changed first."""
    if workflow is None:
        found = operations.workflows()
        screen.show(found, lambda: tables.workflows(found))
        return
    clock = SystemClock()
    since, until = moment("--since", since, clock), moment("--until", until, clock)
    page = operations.list(workflow, since=since, until=until, **query)
    screen.show(page, lambda: tables.runs(page, clock.now()))


@click.command()
@workflow_argument
@click.argument("id", default=LATEST)
@on_runs
def describe(operations: Operations, screen: Screen, *, workflow: str, id: str) -> None:
    """Show a run: steps, attempts, input, output, error. `latest`, which needs not be said, is the last changed."""
    found = operations.describe(workflow, id)
    screen.show(found, lambda: tables.run(found, SystemClock().now()))
