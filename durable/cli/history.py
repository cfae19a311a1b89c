"""The command that shows what happened to a run: events."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from threading import Event
from typing import Any, Final

import click

from durable.cli.completion import runs
from durable.cli.operations import LATEST, Operations
from durable.cli.options import on_runs, where, workflow_argument
from durable.cli.outcome import INTERRUPTED
from durable.cli.screen import Screen
from durable.cli.tables import exception_name
from durable.cli.times import clock_time
from durable.control_characters import escaped
from durable.store.statuses import CLOSED

_COLOURS: Final = {
    "errored": "red",
    "stepErrored": "red",
    "attemptFailed": "yellow",
    "complete": "green",
    "stepComplete": "green",
}


@click.command()
@workflow_argument
@click.argument("id", default=LATEST, shell_complete=runs)
@click.option("--follow", is_flag=True, help="Show what happens until the run ends.")
@on_runs
def events(operations: Operations, screen: Screen, *, workflow: str, id: str, follow: bool) -> None:
    """Show what happened to a run, in order: its attempts, what failed and why, what operators did."""
    id, cursor, pause = operations.id_of(workflow, id), None, Event()
    # Whoever follows outlasts a restart of the server; whoever asks once wants to know that it does not answer.
    operations = operations.patient() if follow else operations
    try:
        while True:
            # Asked before the page: what happens between the two is on it, so nothing of the end is missed.
            ended = not follow or operations.describe(workflow, id)["status"] in CLOSED
            page = operations.history(workflow, id, cursor)
            for entry in page["events"]:
                click.echo(json.dumps(entry, ensure_ascii=False) if screen.as_json else _line(entry))
            cursor = page["cursor"]
            if page["more"]:
                continue
            if ended:
                return
            pause.wait(operations.pause_seconds)
    except KeyboardInterrupt:
        click.echo(f"{workflow}/{id} goes on; see `durable describe {workflow} {id}{where()}`", err=True)
        sys.exit(INTERRUPTED)


def _line(entry: Mapping[str, Any]) -> str:
    """Return an entry as a line; the colour is left out by click where there is no terminal."""
    attempt = f" attempt {entry['attempt']}" if entry.get("attempt") else ""
    error = entry.get("error")
    said = (error.get("detail") or error.get("message", "")) if error else ""
    why = f"{exception_name(error)}{f': {said}' if said else ''}" if error else ""
    rest = escaped("  ".join(filter(None, (f"{entry.get('key') or entry.get('step') or ''}{attempt}", why))))
    type = click.style(f"{entry['type']:<15}" if rest else entry["type"], fg=_COLOURS.get(entry["type"]))
    return f"{clock_time(entry['at'])}  {type}{rest}"
