"""The command that sends an event: send-event."""

from __future__ import annotations

import click
from rich.text import Text

from durable.cli.data import read
from durable.cli.operations import Operations
from durable.cli.options import id_argument, on_runs, workflow_argument
from durable.cli.screen import Screen


@click.command("send-event")
@workflow_argument
@id_argument
@click.option("--type", "type_", required=True, help="What `wait_for_event(…, type=…)` names.")
@click.option("--payload", default="null", show_default=True, help="JSON, @file, or - for standard input.")
@click.option("--event-id", help="Makes it repeatable: the same id is the same event.")
@on_runs
def send_event(
    operations: Operations,
    screen: Screen,
    *,
    workflow: str,
    id: str,
    type_: str,
    payload: str,
    event_id: str | None,
) -> None:
    """Send a run an event; one that comes before it is waited for is kept."""
    event = {"payload": read("--payload", payload)} | ({"id": event_id} if event_id else {})
    sent = operations.send_event(workflow, id, type_, event)
    screen.show(sent, lambda: Text(f"{type_} sent to {workflow}/{id}"))
