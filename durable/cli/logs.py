"""The command on what steps log: logs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from threading import Event
from typing import Any, Final

import click

from durable.cli.completion import declared, runs
from durable.cli.operations import Operations
from durable.cli.options import on_runs, stage_of
from durable.cli.outcome import INTERRUPTED, MISSING, CommandError
from durable.cli.screen import Screen
from durable.cli.times import clock_time, moment
from durable.clock import SystemClock
from durable.control_characters import escaped

_COLOURS: Final = {"warning": "yellow", "error": "red", "critical": "red"}
_ROUTE: Final = "/api/console/logs"

Read = Callable[[Any], dict[str, Any]]
"""Given where a page before ended, or None, returns {"lines", "cursor", "more"}: whether there may be more already."""


@click.command()
@click.argument("workflow", required=False, shell_complete=declared("workflow"))
@click.argument("id", required=False, shell_complete=runs)
@click.option("--follow", is_flag=True, help="Go on with what is logged, until Ctrl-C.")
@click.option("--since", default="1 day", show_default=True, help="With --stage, how far back to look.")
@on_runs
def logs(
    operations: Operations, screen: Screen, *, workflow: str | None, id: str | None, follow: bool, since: str
) -> None:
    """Show what steps logged: of the run ID of WORKFLOW, of all runs of one, or of all; on a stage, from CloudWatch."""
    if workflow is not None and id is not None:
        id = operations.id_of(workflow, id)
    read = _reader(operations, workflow, id, since)
    pause, cursor, silent = Event(), None, True
    try:
        while True:
            page = read(cursor)
            silent = silent and not page["lines"]
            for line in page["lines"]:
                click.echo(json.dumps(line, ensure_ascii=False) if screen.as_json else _line(line))
            cursor = page["cursor"]
            if page["more"]:
                continue
            # Only where nothing was found: a misspelt name has no lines, and neither has a run that logged nothing.
            if silent and workflow is not None:
                _see_that_it_is_there(operations, workflow, id)
                silent = False
            if not follow:
                return
            pause.wait(operations.pause_seconds)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _see_that_it_is_there(operations: Operations, workflow: str, id: str | None) -> None:
    """See that there is what logged nothing.

    Raises:
        CommandError: there is no such workflow or run; the message says which there are.
    """
    if id is not None:
        operations.history(workflow, id, None)
    else:
        operations.list(workflow, limit=1)


def _reader(operations: Operations, workflow: str | None, id: str | None, since: str) -> Read:
    """Return what reads the lines: of the local server, or of the stage that is named."""
    stage = stage_of(operations)
    if stage is None:
        patient = operations.patient()
        return lambda cursor: _served(patient, workflow, id, cursor)
    from durable.cli.cloudwatch import StageLogs

    start = moment("--since", since, SystemClock())
    assert start is not None
    return StageLogs(stage, workflow, id, start).read


def _served(operations: Operations, workflow: str | None, id: str | None, cursor: Any) -> dict[str, Any]:
    run = {"workflow": workflow, "id": id} if id is not None else {}
    try:
        page: dict[str, Any] = operations.call("GET", _ROUTE, query={**run, "after": cursor})
    except CommandError as error:
        if error.code == MISSING and workflow is not None:
            _see_that_it_is_there(operations, workflow, id)
        raise
    # Before the filter: a page of other workflows' lines is no end.
    page["more"] = bool(page["lines"])
    if workflow is not None:
        page["lines"] = [each for each in page["lines"] if each["workflow"] == workflow]
    return page


def _line(line: dict[str, Any]) -> str:
    # Before the colours, which are escape sequences too.
    line = {name: escaped(each) if isinstance(each, str) else each for name, each in line.items()}
    attempt = line.get("attempt") or 1
    which = f" attempt {attempt}" if attempt > 1 else ""
    run = f"{line['workflow']}/{line['id']}"
    where = click.style(f"{run} {line['key']}{which}".strip("/ "), fg="cyan")
    level = "" if line["level"] == "info" else click.style(f"{line['level']}: ", fg=_COLOURS.get(line["level"]))
    # A line of the library's own begins with the run and the step; on one machine it is kept as the terminal has it.
    text = line["text"].removeprefix(f"{run} step {line['key']}: ")
    return f"{clock_time(line['at'])}  {where}  {level}{text}"
