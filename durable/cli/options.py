"""What all commands on runs take: where the API is, and how to print."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from durable.cli.completion import declared, runs, stages
from durable.cli.operations import LocalTransport, Operations
from durable.cli.outcome import json_option, sentences
from durable.cli.screen import Screen

if TYPE_CHECKING:  # boto3 takes a quarter of a second
    from durable.cli.stage import StageTransport

_PORT: Final = 8787
workflow_argument = click.argument("workflow", shell_complete=declared("workflow"))
id_argument = click.argument("id", shell_complete=runs)


def on_runs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of all; it is called with the API and the screen before its own parameters."""

    @click.option("--local", is_flag=True, help="Operate the server of this machine (the default).")
    @click.option(
        "--port", default=_PORT, show_default=True, envvar="PORT", type=click.IntRange(1, 65535), help="Its port."
    )
    @click.option("--stage", shell_complete=stages, help="Operate a deployed stage, as prod; requests are signed.")
    @json_option
    @sentences
    @functools.wraps(command)
    def called(local: bool, port: int, stage: str | None, as_json: bool, **own: Any) -> Any:
        if local and stage:
            raise click.UsageError("--local and --stage exclude each other")
        return command(_operations(port, stage), Screen(as_json), **own)

    return called


def where() -> str:
    """Return the options by which this command found its server, for commands that it shows."""
    given = click.get_current_context().params
    if given.get("stage"):
        return f" --stage {given['stage']}"
    return "" if given.get("port") in (None, _PORT) else f" --port {given['port']}"


def stage_of(operations: Operations) -> StageTransport | None:
    """Return the deployed stage that a command operates; None where it operates the local server."""
    if click.get_current_context().params.get("stage") is None:
        return None
    from durable.cli.stage import StageTransport  # boto3 takes a quarter of a second

    assert isinstance(operations.transport, StageTransport)
    return operations.transport


def _operations(port: int, stage: str | None) -> Operations:
    if stage is None:
        return Operations(LocalTransport(port))
    from durable.cli.stage import StageTransport

    return Operations(StageTransport(stage))
