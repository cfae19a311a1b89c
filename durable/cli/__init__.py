"""The command line: `durable`, or `python -m durable`."""

from durable.cli.commands import main

__all__ = ["main"]
