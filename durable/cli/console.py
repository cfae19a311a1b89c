"""The command that serves the console of a deployed stage: console."""

from __future__ import annotations

from typing import Final

import click

from durable.cli.completion import stages
from durable.cli.operations import Operations
from durable.cli.outcome import WRONG, CommandError, sentences
from durable.clock import SystemClock

_PORT: Final = 8788


@click.command()
@click.option("--stage", shell_complete=stages, help="The deployed stage, as prod.")
@click.option("--port", default=_PORT, show_default=True, type=click.IntRange(0, 65535), help="Where it is served.")
@sentences
def console(stage: str | None, port: int) -> None:
    """Serve the console of a deployed stage on this machine; what it does is signed with your AWS credentials."""
    if stage is None:
        raise CommandError(
            "name a deployed stage: durable console --stage prod; `durable dev` serves the console of this machine",
            WRONG,
        )
    # boto3 is imported here, so that the list of commands needs no extra.
    from durable.build import build
    from durable.cli.asked import AskedStage
    from durable.cli.contents import buckets_of, namespaces_of, queues_of
    from durable.cli.stage import StageTransport
    from durable.local.console.stage import stage_console
    from durable.local.http import listen, server
    from durable.project import load

    transport, clock = StageTransport(stage), SystemClock()
    Operations(transport).workflows()  # whoever is not let in is told so here, and not on every page
    asked = AskedStage(transport, clock)
    kept = namespaces_of(transport), buckets_of(transport), queues_of(transport)
    app, key = stage_console(asked, build(load()), *kept, clock)
    with listen(port=port) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/?key={key}"
        click.echo(f"the console of {transport.stack} is at {address}\nCtrl-C ends it")
        server(app).run(sockets=[listening])
