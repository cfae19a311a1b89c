"""The command on the queues of the local server: queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from durable.cli.operations import Operations, known
from durable.cli.options import on_runs
from durable.cli.outcome import MISSING, WRONG, CommandError
from durable.cli.screen import Screen
from durable.cli.times import clock_time

_ROUTE = "/api/console/queues"


@click.command()
@click.argument("queue", required=False)
@click.option("--redrive", is_flag=True, help="Deliver the dead letters of QUEUE anew, with all their attempts.")
@on_runs
def queues(operations: Operations, screen: Screen, *, queue: str | None, redrive: bool) -> None:
    """Show the queues of the local server with what waits in them; with QUEUE, its dead letters."""
    if click.get_current_context().params.get("stage"):
        raise CommandError(
            "queues of a stage are in SQS, named <project>-<stage>-<queue>; `aws sqs start-message-move-task` delivers"
            " the messages of the one that ends with -dead anew",
            WRONG,
        )
    if redrive and queue is None:
        raise click.UsageError("--redrive goes with the QUEUE whose dead letters it delivers")
    found = operations.call("GET", _ROUTE)["queues"]
    if queue is None:
        screen.show(found, lambda: _listed(found))
        return
    names = [each["name"] for each in found]
    if queue not in names:
        raise CommandError(f"there is no queue {queue!r}; {known(queue, names)}", MISSING)
    path = f"{_ROUTE}/{quote(queue, safe='')}"
    if redrive:
        done = operations.call("POST", f"{path}/redrive", {"all": True})
        screen.show(done, lambda: Text(f"{done['redriven']} messages of {queue} are delivered anew"))
        return
    letters = operations.call("GET", f"{path}/dead-letters")["deadLetters"]
    screen.show(letters, lambda: _letters(queue, letters))


def _listed(found: Sequence[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("no queue is declared")
    table = _table("queue", "consumer", "waiting", "dead letters")
    for each in found:
        dead = Text(str(each["dead"]), style="red" if each["dead"] else "")
        table.add_row(Text(each["name"]), Text(each["consumer"] or "none"), str(each["waiting"]), dead)
    return table


def _letters(queue: str, letters: Sequence[dict[str, Any]]) -> RenderableType:
    if not letters:
        return Text(f"{queue} has no dead letters")
    table = _table("sent", "deliveries", "message")
    for each in letters:
        table.add_row(clock_time(each["sentAt"]), str(each["attempts"]), Text(each["body"], overflow="fold"))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for each in columns:
        table.add_column(each)
    return table
