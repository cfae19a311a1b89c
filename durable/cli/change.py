"""Commands that change a run: pause, resume, terminate, restart, retry, delete."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.text import Text

from durable.cli import tables
from durable.cli.operations import Operations
from durable.cli.options import id_argument, on_runs, workflow_argument
from durable.cli.outcome import WRONG, CommandError
from durable.cli.screen import Screen

_code = click.option(
    "--code", type=click.Choice(["latest"]), help="Go on with the code of now, should it have changed."
)


@click.command()
@workflow_argument
@id_argument
@on_runs
def pause(operations: Operations, screen: Screen, *, workflow: str, id: str) -> None:
    """Pause a run once the step that is under way has ended."""
    _change(operations, screen, workflow, id, status="pause")


@click.command()
@workflow_argument
@id_argument
@_code
@on_runs
def resume(operations: Operations, screen: Screen, *, workflow: str, id: str, code: str | None) -> None:
    """Let a paused run go on."""
    _change(operations, screen, workflow, id, status="resume", code=code)


@click.command()
@workflow_argument
@id_argument
@click.option("--rollback", is_flag=True, help="Undo the completed steps that can be undone, newest first.")
@on_runs
def terminate(operations: Operations, screen: Screen, *, workflow: str, id: str, rollback: bool) -> None:
    """End a run; no further step is begun."""
    _change(operations, screen, workflow, id, status="terminate", rollback=rollback or None)


@click.command()
@workflow_argument
@id_argument
@click.option("--from", "step", help="Begin at this step; what came before it is kept.")
@click.option("--count", type=click.IntRange(1), help="In which of its rounds; 1, the default, is the first.")
@on_runs
def restart(
    operations: Operations, screen: Screen, *, workflow: str, id: str, step: str | None, count: int | None
) -> None:
    """Begin a run again with the same input, on the code of now."""
    if count is not None and step is None:
        raise click.UsageError("--count says in which round of a step to begin; name the step with --from")
    start = step if count is None else {"name": step, "count": count}
    _change(operations, screen, workflow, id, status="restart", **{"from": start})


@click.command()
@workflow_argument
@id_argument
@on_runs
def retry(operations: Operations, screen: Screen, *, workflow: str, id: str) -> None:
    """Let a failed run go on from the step that failed, on the code of now; completed steps do not run again."""
    _change(operations, screen, workflow, id, status="retry")


@click.command()
@workflow_argument
@id_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_runs
def delete(operations: Operations, screen: Screen, *, workflow: str, id: str, yes: bool) -> None:
    """Delete a run that has ended, with all that is recorded of it."""
    if not yes and not _terminal():
        raise CommandError("delete asks before it deletes, and there is no terminal to ask on; pass --yes", WRONG)
    id = operations.id_of(workflow, id)
    if not yes:
        click.confirm(f"Delete {workflow}/{id}?", abort=True, err=True)
    deleted = operations.delete(workflow, id) or {"id": id, "workflow": workflow}
    screen.show(deleted, lambda: Text(f"{workflow}/{id} deleted"))


def _terminal() -> bool:
    return sys.stdin.isatty()


def _change(operations: Operations, screen: Screen, workflow: str, id: str, **change: Any) -> None:
    asked = {name: value for name, value in change.items() if value is not None}
    id = operations.id_of(workflow, id)
    now = operations.change(workflow, id, asked)
    screen.show(now, lambda: Text.assemble(f"{workflow}/{id} ", tables.status_text(now["status"])))
