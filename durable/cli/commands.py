"""All commands; what each needs is imported when it is called, for a server should start at once."""

from __future__ import annotations

import click

from durable.cli.project import compile, dev, graph, openapi


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Durable workflows on AWS, and on this machine."""


for each in (dev, compile, openapi, graph):
    main.add_command(each)
