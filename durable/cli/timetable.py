"""The command that shows when workflows start by themselves: schedules."""

from __future__ import annotations

import json

import click
from rich.table import Table

from durable.cli.outcome import json_option, sentences
from durable.cli.screen import console
from durable.cli.times import clock_time, lasted
from durable.clock import SystemClock, timestamp
from durable.project import load


@click.command()
@json_option
@sentences
def schedules(as_json: bool) -> None:
    """Show the schedules of app.py with their next times; `durable start` starts such a run now."""
    now = SystemClock().now()
    found = [
        {
            "workflow": workflow.name,
            "schedule": f"every {each.every}" if each.cron is None else f"{each.cron} {each.timezone}",
            "params": each.params,
            "next": timestamp(each.next_after(now)),
            "in": lasted(each.next_after(now) - now),
        }
        for workflow in load().workflows
        for each in workflow.schedules
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2, default=str))
        return
    if not found:
        click.echo("no workflow of app.py has a schedule; write Workflow(…, schedules=[Schedule(cron=…)])")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for name in ("workflow", "schedule", "next", "in"):
        table.add_column(name)
    for row in found:
        table.add_row(row["workflow"], row["schedule"], clock_time(str(row["next"])), row["in"])
    console().print(table)
