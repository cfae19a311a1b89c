"""Commands that change runs: pause, resume, terminate, restart, retry, delete."""

from __future__ import annotations

from typing import Any

import click

from durable.cli.bulk import Chosen, carry_out, on_several
from durable.cli.data import read
from durable.cli.operations import Operations
from durable.cli.options import on_runs, workflow_argument
from durable.cli.screen import Screen

_code = click.option(
    "--code", type=click.Choice(["latest"]), help="Go on with the code of now, should it have changed."
)


@click.command()
@workflow_argument
@on_several
@on_runs
def pause(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen) -> None:
    """Pause runs once the step that is under way has ended."""
    _change(operations, screen, workflow, chosen, status="pause")


@click.command()
@workflow_argument
@on_several
@_code
@on_runs
def resume(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen, code: str | None) -> None:
    """Let paused runs go on."""
    _change(operations, screen, workflow, chosen, status="resume", code=code)


@click.command()
@workflow_argument
@on_several
@click.option("--rollback", is_flag=True, help="Undo the completed steps that can be undone, newest first.")
@on_runs
def terminate(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen, rollback: bool) -> None:
    """End runs; no further step is begun."""
    _change(operations, screen, workflow, chosen, status="terminate", rollback=rollback or None)


@click.command()
@workflow_argument
@on_several
@click.option("--from", "step", help="Begin at this step; what came before it is kept.")
@click.option("--count", type=click.IntRange(1), help="In which of its rounds; 1, the default, is the first.")
@click.option("--result", help="JSON, or @file: what that step has returned; it does not run, and what follows does.")
@on_runs
def restart(
    operations: Operations,
    screen: Screen,
    *,
    workflow: str,
    chosen: Chosen,
    step: str | None,
    count: int | None,
    result: str | None,
) -> None:
    """Begin runs again with the same input, on the code of now."""
    for option, given in (("--count", count), ("--result", result)):
        if given is not None and step is None:
            raise click.UsageError(f"{option} is of a step; name that with --from")
    start = step if count is None else {"name": step, "count": count}
    _change(operations, screen, workflow, chosen, status="restart", **{"from": start}, **_given(result))


@click.command()
@workflow_argument
@on_several
@click.option("--result", help="JSON, or @file: what the step has returned that failed; it does not run again.")
@on_runs
def retry(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen, result: str | None) -> None:
    """Let failed runs go on from the step that failed, on the code of now; completed steps do not run again."""
    _change(operations, screen, workflow, chosen, status="retry", **_given(result))


def _given(result: str | None) -> dict[str, Any]:
    return {} if result is None else {"result": read("--result", result)}


@click.command()
@workflow_argument
@on_several
@on_runs
def delete(operations: Operations, screen: Screen, *, workflow: str, chosen: Chosen) -> None:
    """Delete runs that have ended, with all that is recorded of them."""

    def act(id: str) -> dict[str, Any]:
        return operations.delete(workflow, id) or {"id": id, "workflow": workflow}

    carry_out(operations, screen, workflow, chosen, act, action="Delete", asks=True)


def _change(operations: Operations, screen: Screen, workflow: str, chosen: Chosen, **change: Any) -> None:
    # A result may be null, which says that the step returned None.
    asked = {name: value for name, value in change.items() if value is not None or name == "result"}

    def act(id: str) -> dict[str, Any]:
        now: dict[str, Any] = operations.change(workflow, id, asked)
        return {"id": id, **now}

    carry_out(operations, screen, workflow, chosen, act, action=str(change["status"]).capitalize())
