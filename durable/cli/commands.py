"""All commands; the module of one is imported when it is called, for a server should start at once."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from typing import Any, Final, NoReturn

import click

from durable import __version__
from durable.cli.outcome import INTERRUPTED, WRONG, print_error

MODULES: Final = {
    "init": "init",
    "dev": "project",
    "compile": "project",
    "openapi": "project",
    "graph": "project",
    "cost": "project",
    "db": "database",
    "synth": "deployment",
    "diff": "deployment",
    "rehearse": "deployment",
    "bootstrap": "deployment",
    "deploy": "deployment",
    "destroy": "deployment",
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
    "events": "history",
    "export": "export",
    "queues": "queues",
    "schedules": "timetable",
    "console": "console",
    "kv": "kv",
    "logs": "logs",
}
"""The module in durable.cli of each command; its function is called as the command is."""


class _Commands(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.obj = "--json" in args  # asked for, also where the rest of the line cannot be read
        for each in args:
            try:
                each.encode()
            except UnicodeEncodeError:  # Python passes on bytes that are not UTF-8, which no name or JSON has
                shown = each.encode("utf-8", "backslashreplace").decode()
                self._unreadable(ctx, click.UsageError(f"{shown!r} is not in UTF-8; write it in UTF-8", ctx))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            self._unreadable(ctx, error)
        except (KeyboardInterrupt, click.Abort):  # of a question, Ctrl-C or "no"
            click.echo("stopped", err=True)
            ctx.exit(INTERRUPTED)

    @staticmethod
    def _unreadable(ctx: click.Context, error: click.UsageError) -> NoReturn:
        """Say what is wrong with a command line: as click does, or as JSON where that is asked for."""
        if not ctx.obj:
            raise error
        path = (error.ctx or ctx).command_path
        print_error(f"{error.format_message().rstrip('.')}; `{path} --help` shows what it takes", as_json=True)
        ctx.exit(WRONG)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            # The shell's completion asks for what is only half typed: that is no mistake.
            if not ctx.resilient_parsing:
                close = get_close_matches(cmd_name, MODULES, n=1)
                meant = f"; did you mean {close[0]!r}" if close else f"; there are: {', '.join(MODULES)}"
                raise click.UsageError(f"No such command {cmd_name!r}{meant}", ctx)
            return None
        module = importlib.import_module(f"durable.cli.{MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="durable", message="%(prog)s %(version)s")
def main() -> None:
    """Durable workflows on AWS, and on this machine."""
    if os.environ.get("NO_COLOR"):  # rich reads it too, and click does not
        click.get_current_context().color = False
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        print_error(
            "the folder that this is called in was deleted; go to another one, and call it again", "--json" in sys.argv
        )
        sys.exit(WRONG)
    if folder not in sys.path:  # an installed command has its own folder there, and app.py is imported from this one
        sys.path.insert(0, folder)
