"""Commands that show: list, describe."""

from __future__ import annotations

from typing import get_args

import click
from click.core import ParameterSource

from durable.bindings.workflow import Status
from durable.cli import tables
from durable.cli.completion import declared, runs
from durable.cli.described import described
from durable.cli.operations import LATEST, Operations
from durable.cli.options import on_runs, where, workflow_argument
from durable.cli.screen import Screen
from durable.cli.start import follow_to_end
from durable.cli.times import moment
from durable.clock import SystemClock


@click.command()
@click.argument("workflow", required=False, shell_complete=declared("workflow"))
@click.option("--status", type=click.Choice(get_args(Status)), help="Only runs in this status.")
@click.option("--where", help="Only runs with this value in a search attribute: customer_id=ann.")
@click.option("--prefix", help="Only runs whose ids begin so.")
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
    status: str | None,
    where: str | None,
    prefix: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List workflows with how many runs have which status; with WORKFLOW or an option, runs, the last changed first."""
    if workflow is None and cursor is not None:
        raise click.UsageError("--cursor goes with the WORKFLOW whose list it is from")
    if workflow is None and where is not None:
        raise click.UsageError("--where goes with the WORKFLOW that declares the search attribute")
    if workflow is None and prefix is not None:
        raise click.UsageError("--prefix goes with the WORKFLOW whose runs are searched")
    # Without anything that asks for runs, it is the workflows that are listed.
    if workflow is None and not (status or since or until or _is_said("limit")):
        found = operations.workflows()
        screen.show(found, lambda: tables.workflows(found))
        return
    clock = SystemClock()
    query = {
        "since": moment("--since", since, clock),
        "until": moment("--until", until, clock),
        "status": status,
        "where": where,
        "prefix": prefix,
        "limit": limit,
        "cursor": cursor,
    }
    page = operations.list(workflow, **query) if workflow else operations.list_all(limit, query)
    screen.show(page, lambda: tables.runs(page, clock.now(), of_all=workflow is None))


def _is_said(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


@click.command()
@workflow_argument
@click.argument("id", default=LATEST, shell_complete=runs)
@click.option("--follow", is_flag=True, help="Show its steps until it ends; exit with 1 if it fails.")
@on_runs
def describe(operations: Operations, screen: Screen, *, workflow: str, id: str, follow: bool) -> None:
    """Show a run: times, steps, data, error, what it waits for. `latest`, which needs not be said, changed last."""
    if follow:
        id = operations.id_of(workflow, id)
        follow_to_end(operations, screen, workflow, id)
        return
    found = operations.describe(workflow, id)
    screen.show(found, lambda: described(found, SystemClock().now(), where()))
