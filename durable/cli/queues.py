"""The command on queues: queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import click
from rich.console import Group, RenderableType
from rich.text import Text

from durable.cli.completion import declared
from durable.cli.contents import queues_of
from durable.cli.operations import Operations, known, segment
from durable.cli.options import on_runs, stage_of
from durable.cli.outcome import MISSING, CommandError
from durable.cli.screen import Screen, table
from durable.cli.times import clock_time
from durable.clients.letters import MOST_SHOWN

_ROUTE = "/api/console/queues"


@click.command()
@click.argument("queue", required=False, shell_complete=declared("queue"))
@click.option("--redrive", is_flag=True, help="Deliver the dead letters of QUEUE anew, with all their attempts.")
@on_runs
def queues(operations: Operations, screen: Screen, *, queue: str | None, redrive: bool) -> None:
    """Show the queues with what waits in them; with QUEUE, its dead letters."""
    if redrive and queue is None:
        raise click.UsageError("--redrive goes with the QUEUE whose dead letters it delivers")
    asked = _asked(operations)
    found = asked.listed()
    if queue is None:
        screen.show(found, lambda: _listed(found))
        return
    dead = {each["name"]: each["dead"] for each in found}
    if queue not in dead:
        raise CommandError(f"there is no queue {queue!r}; {known(queue, dead)}", MISSING)
    if redrive:
        done = {"redriven": asked.redrive(queue)}
        screen.show(done, lambda: Text(f"{done['redriven']} messages of {queue} are delivered anew"))
        return
    letters = asked.letters(queue)
    screen.show(letters, lambda: _letters(queue, letters, dead[queue]))


class Asked(Protocol):
    """The queues of a project, as the command reaches them."""

    def listed(self) -> list[dict[str, Any]]: ...

    def letters(self, queue: str) -> list[dict[str, Any]]: ...

    def redrive(self, queue: str) -> int: ...


class ServedQueues:
    """Those of the local server."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._operations.call("GET", _ROUTE)["queues"]
        return found

    def letters(self, queue: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._operations.call("GET", f"{_path(queue)}/dead-letters")["deadLetters"]
        return found

    def redrive(self, queue: str) -> int:
        redriven: int = self._operations.call("POST", f"{_path(queue)}/redrive", {"all": True})["redriven"]
        return redriven


def _asked(operations: Operations) -> Asked:
    stage = stage_of(operations)
    return ServedQueues(operations) if stage is None else queues_of(stage)


def _path(queue: str) -> str:
    return f"{_ROUTE}/{segment(queue)}"


def _listed(found: Sequence[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("no queue is declared")
    drawn = table("queue", "consumer", "waiting", "dead letters")
    for each in found:
        dead = Text(str(each["dead"]), style="red" if each["dead"] else "")
        drawn.add_row(Text(each["name"]), Text(each["consumer"] or "none"), str(each["waiting"]), dead)
    return drawn


def _letters(queue: str, letters: Sequence[dict[str, Any]], dead: int) -> RenderableType:
    if not letters:
        return Text(f"{queue} has no dead letters")
    drawn = table("sent", "deliveries", "message")
    for each in letters:
        drawn.add_row(clock_time(each["sentAt"]), str(each["attempts"]), Text(each["body"], overflow="fold"))
    # A page is full: a smaller one is not cut, whatever the count of SQS, which is approximate, says.
    more = len(letters) >= MOST_SHOWN and dead > len(letters)
    said = f"the oldest {len(letters)} of {dead:,}; --redrive delivers all of them anew"
    return Group(drawn, Text(said, style="dim")) if more else drawn
