"""The command that serves the console of a deployed stage: console."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from durable.cli.completion import stages
from durable.cli.operations import Operations
from durable.cli.outcome import WRONG, CommandError, sentences
from durable.clock import SystemClock
from durable.installation import lacking

if TYPE_CHECKING:  # the server takes its time
    from durable.local.console.stage import Refusals

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
    from durable.cli.contents import buckets_of, databases_of, namespaces_of, queues_of
    from durable.cli.stage import StageTransport
    from durable.local.console.stage import Kept, stage_console
    from durable.local.http import listen, server
    from durable.project import load

    transport, clock = StageTransport(stage), SystemClock()
    Operations(transport).workflows()  # whoever is not let in is told so here, and not on every page
    asked = AskedStage(transport, clock)
    kept = Kept(namespaces_of(transport), buckets_of(transport), databases_of(transport), queues_of(transport))
    app, key = stage_console(asked, build(load()), kept, clock, _refusals())
    with listen(port=port) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/?key={key}"
        click.echo(f"the console of {transport.stack} is at {address}\nCtrl-C ends it")
        server(app).run(sockets=[listening])


def _refusals() -> Refusals:
    """Return what is said where AWS, or a database of the stage, cannot be asked."""
    from botocore.exceptions import BotoCoreError, ClientError

    from durable.cli.refusals import sentence

    found: dict[type[Exception], Callable[[Any], str]] = {
        each: lambda error: sentence(error, "AWS refuses this") for each in (BotoCoreError, ClientError)
    }
    found[ModuleNotFoundError] = lambda error: lacking(error) or str(error)
    with suppress(ModuleNotFoundError):  # a project without databases does without it
        from sqlalchemy.exc import DBAPIError

        # Of what SQLAlchemy says, the rest is the statement.
        found[DBAPIError] = lambda error: f"the database cannot be looked into: {error.orig}"
    return found
