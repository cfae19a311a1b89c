"""All commands; the module of one is imported when it is called, for a server should start at once."""

from __future__ import annotations

import importlib
from typing import Final

import click

MODULES: Final = {
    "dev": "project",
    "compile": "project",
    "openapi": "project",
    "graph": "project",
    "cost": "project",
    "start": "start",
    "start-batch": "batch",
    "list": "show",
    "describe": "show",
    "pause": "change",
    "resume": "change",
    "terminate": "change",
    "restart": "change",
    "retry": "change",
    "delete": "change",
    "send-event": "event",
}
"""The module in durable.cli of each command; its function is called as the command is."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = importlib.import_module(f"durable.cli.{MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Durable workflows on AWS, and on this machine."""
