"""One run with all that is known of it, drawn for a terminal: its times, its data, and what can be done next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from durable.cli import tables
from durable.cli.screen import copied
from durable.cli.times import ago, clock_time
from durable.store.statuses import CLOSED

Run = Mapping[str, Any]

_MOST_OF_NAMES: Final = 20
"""How many columns of a terminal the names of steps take, so that data has some too."""


def described(run: Run, now: int, where: str) -> RenderableType:
    """Draw a run.

    Args:
        where: the options that name the server or the stage, as commands to be copied need them.
    """
    parts = [tables.progress(run, now, started=True), _times(run, now), *tables.data(run, "params")]
    if any(each["input"] is not None or each["output"] is not None or each["sensitive"] for each in run["steps"]):
        parts += [Text("data of its steps", style="bold"), _data(run)]
    return Group(*parts, *tables.data(run, "output"), *_next(run, where))


def _times(run: Run, now: int) -> Text:
    said = f"started {clock_time(run['createdAt'])}, {ago(run['createdAt'], now)}"
    changed = "ended" if run["status"] in CLOSED else "changed"
    said += f"; {changed} {clock_time(run['updatedAt'])}, {ago(run['updatedAt'], now)}"
    epoch = f"; restarted {run['epoch'] - 1} times" if run["epoch"] > 1 else ""
    return Text(said + epoch, style="dim")


def _data(run: Run) -> Table:
    """Draw what each step took and returned, each in a line that is cut at the edge; --json prints all of it."""
    # In a narrow terminal the data is cut, and not what it is of: the last column has what the others leave.
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True, max_width=_MOST_OF_NAMES)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for step in run["steps"]:
        name = Text(step.get("key") or step["name"])
        if step["sensitive"]:
            table.add_row(name, "", Text("sensitive: not shown", style="dim"))
            continue
        url = step.get("outputUrl")
        output = f"kept beside the record: {url}" if url else _line(step["output"])
        for mark, value in (("in", _line(step["input"])), ("out", output)):
            if value:
                table.add_row(name, mark, Text(value))
                name = Text()
    return table


def _next(run: Run, where: str) -> Iterator[RenderableType]:
    """Yield what a run that waits or has failed can be sent or told, as commands."""
    named = f"{run['workflow']} {shlex.quote(run['id'])}"
    commands = [
        (
            f"it waits for the event {step['eventType']!r} in {step['name']}; send it:",
            f"durable send-event {named} --type {shlex.quote(step['eventType'])} --payload '…'{where}",
        )
        for step in run["steps"]
        if step.get("eventType")
    ]
    if run["status"] == "errored":
        commands.append(("go on from the step that failed, once it is mended:", f"durable retry {named}{where}"))
    if run["status"] == "paused":
        commands.append(("let it go on:", f"durable resume {named}{where}"))
    for why, command in commands:
        yield Text(why, style="dim")
        yield copied(f"  {command}")


def _line(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
