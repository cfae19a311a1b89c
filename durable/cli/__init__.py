"""The command line: `python -m durable`."""

from durable.cli.commands import main

__all__ = ["main"]
