"""One command for many runs: those that are named, or all in a status or with a search attribute."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from durable.bindings.workflow import Status
from durable.cli.completion import runs
from durable.cli.operations import Operations
from durable.cli.outcome import FAILED, WRONG, CommandError
from durable.cli.screen import Screen
from durable.cli.tables import status_text
from durable.cli.times import moment
from durable.clock import SystemClock

_PAGE = 100
Act = Callable[[str], dict[str, Any]]
"""Given a run's id, does what is asked and returns what to show: a status, or that it was deleted."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which runs a command is for."""

    ids: Sequence[str]
    status: str | None
    where: str | None
    since: str | None
    until: str | None
    yes: bool = False

    @property
    def by_filter(self) -> bool:
        return self.status is not None or self.where is not None


def on_chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the ids of runs, or the options that choose them; it is called with `chosen`."""

    @click.argument("ids", nargs=-1, metavar="[ID]...", shell_complete=runs)
    @click.option("--status", type=click.Choice(get_args(Status)), help="All runs in this status, in place of ids.")
    @click.option("--where", help="All runs with this value in a search attribute, in place of ids: customer_id=ann.")
    @click.option("--since", help='With --status, only runs that changed since: a time, or how long ago: "1 hour".')
    @click.option("--until", help="With --status, only runs that changed before: the same.")
    @functools.wraps(command)
    def called(*, ids: Sequence[str], status: str | None, where: str | None, since: Any, until: Any, **own: Any) -> Any:
        chosen = Chosen(ids, status, where, since, until)
        if bool(ids) == chosen.by_filter:
            raise click.UsageError("name runs by their ids, or all in a status by --status, or by --where")
        if not status and (since or until):
            raise click.UsageError("--since and --until go with --status")
        return command(chosen=chosen, **own)

    return called


def on_several(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the runs that are chosen, and whether it asks before it changes them."""

    @on_chosen
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(command)
    def called(*, chosen: Chosen, yes: bool, **own: Any) -> Any:
        return command(chosen=dataclasses.replace(chosen, yes=yes), **own)

    return called


def carry_out(
    operations: Operations, screen: Screen, workflow: str, chosen: Chosen, act: Act, *, action: str, asks: bool = False
) -> None:
    """Do what is asked with each run, and show what came of it; exit with the greatest code of those refused.

    Args:
        action: what is done, as in "Terminate 12 runs of order?".
        asks: whether it asks first also where the runs are named.

    Raises:
        CommandError: no terminal to ask on; or, of a single run, why it was refused.
    """
    # Runs that are chosen by a filter are not seen by whoever names it: there may be more than expected.
    asks = (asks or chosen.by_filter) and not chosen.yes
    if asks and not _terminal():
        raise CommandError(
            f"{action.lower()} asks before it does that, and there is no terminal to ask on; pass --yes", WRONG
        )
    ids = ids_of(operations, workflow, chosen)
    if asks and ids:
        what = f"{workflow}/{ids[0]}" if len(ids) == 1 else f"{len(ids):,} runs of {workflow}"
        if not click.confirm(f"{action} {what}?", err=True):
            sys.exit(FAILED)
    # One run that is named: its error is the command's own, with the code that says why.
    if len(chosen.ids) == 1:
        done = act(ids[0])
        screen.show(done, lambda: Text.assemble(f"{workflow}/{done['id']} ", _outcome(done)))
        return
    # One that is refused stops no other: all are tried, and the exit code is that of the worst.
    results, code = list[dict[str, Any]](), 0
    for id in ids:
        try:
            results.append({**act(id), "id": id, "error": None})
        except CommandError as error:
            results.append({"id": id, "error": {"status": error.status, "detail": str(error)}})
            code = max(code, error.code)
    screen.show(results, lambda: _drawn(results))
    sys.exit(code)


def ids_of(operations: Operations, workflow: str, chosen: Chosen) -> Sequence[str]:
    """Return the ids of all runs that are chosen."""
    if chosen.ids:
        return [operations.id_of(workflow, each) for each in chosen.ids]
    clock, cursor, ids = SystemClock(), None, list[str]()
    times = {"since": moment("--since", chosen.since, clock), "until": moment("--until", chosen.until, clock)}
    # To the last page first: a run that is changed leaves the status, and would move the pages behind it.
    while True:
        page = operations.list(workflow, status=chosen.status, where=chosen.where, limit=_PAGE, cursor=cursor, **times)
        ids += [each["id"] for each in page["instances"]]
        cursor = page["cursor"]
        if not cursor:
            return ids


def _terminal() -> bool:
    return sys.stdin.isatty()


def _drawn(results: Sequence[dict[str, Any]]) -> RenderableType:
    if not results:
        return Text("no runs")
    table = Table.grid(padding=(0, 3, 0, 0))
    for each in results:
        error = each["error"]
        outcome = Text(f"✗ {error['detail']}", style="red") if error else _outcome(each)
        table.add_row(Text(each["id"], overflow="fold"), outcome)
    return table


def _outcome(done: dict[str, Any]) -> Text:
    return status_text(done["status"]) if "status" in done else Text("deleted")
