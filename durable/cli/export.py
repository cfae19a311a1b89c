"""The command that hands out what is recorded of runs: export."""

from __future__ import annotations

import json

import click

from durable.cli.bulk import Chosen, ids_of, on_chosen
from durable.cli.operations import Operations
from durable.cli.options import on_runs, workflow_argument
from durable.cli.outcome import MISSING, CommandError
from durable.cli.screen import Screen


@click.command()
@workflow_argument
@on_chosen
@on_runs
def export(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen) -> None:
    """Print all that is recorded of runs, a JSON object a line: what was given, returned and failed, step by step."""
    for id in ids_of(operations, workflow, chosen):
        try:
            run = operations.describe(workflow, id)
        except CommandError as error:
            if error.code != MISSING or chosen.ids:
                raise
            continue  # it was deleted since it was listed
        click.echo(json.dumps(run, ensure_ascii=False))
