"""Commands on the project itself: dev, compile, openapi, graph, cost."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from durable.bindings import Workflow
from durable.cli.completion import declared
from durable.cli.operations import known, running
from durable.cli.outcome import FAILED, MISSING, WRONG, CommandError, json_option, sentences
from durable.modules import shown
from durable.project import Project, load


@click.command()
@click.option("--port", default=8787, show_default=True, envvar="PORT", type=click.IntRange(1, 65535))
@click.option("--data", default=".data", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--threads",
    default=256,
    show_default=True,
    envvar="DURABLE_THREADS",
    type=click.IntRange(1, 4096),
    help="How many steps run at once; more wait until one has ended.",
)
@click.option("--force", is_flag=True, help="End open runs that need steps or workflows which were removed.")
@click.option("--reload/--no-reload", default=True, show_default=True, help="Go on with sources that have changed.")
@sentences
def dev(port: int, data: Path, threads: int, force: bool, reload: bool) -> None:
    """Run the project on this machine, at http://127.0.0.1:PORT, with its data in a folder."""
    from durable.local.http import PortTaken
    from durable.local.serve import serve

    if not data.name:  # the project's own folder
        raise CommandError("--data names no folder; leave it out, or write --data .data", WRONG)
    try:
        serve(port, data, threads, force=force, reload=reload)
    except PortTaken:
        folder = running(port)
        if folder is None:
            raise
        raise CommandError(
            f"http://127.0.0.1:{port} is the server of the project in {folder} already; end it, or choose another port:"
            f" --port {port + 1}, or PORT={port + 1}",
            WRONG,
        ) from None


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is missing or stale.")
@json_option
@sentences
def compile(check: bool, as_json: bool) -> None:
    """Compile every workflow of app.py to the .asl.json beside its class."""
    from durable.build import build, definitions, undeclared

    built = build(load())
    notes = [f"{each.name}: {note}" for each in built.project.workflows for note in built.bounds(each)]
    notes += undeclared(built.project)
    stale = _keep(definitions(built), check)
    _say(stale, check, as_json, "not what its class compiles to; run `durable compile`", notes)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when the file is missing or stale.")
@json_option
@sentences
def openapi(check: bool, as_json: bool) -> None:
    """Write the OpenAPI document of app.py to docs/openapi.json."""
    from durable.document import PATH, document_text

    stale = _keep({PATH.absolute(): document_text(load())}, check)
    _say(stale, check, as_json, "not what app.py serves; run `durable openapi`")


def _keep(texts: Mapping[Path, str], check: bool) -> Sequence[Path]:
    """Return the files that are not up to date, and write them, unless they are only to be checked."""
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in () if check else stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
    return stale


def _say(found: Sequence[Path], check: bool, as_json: bool, stale: str, notes: Sequence[str] = ()) -> None:
    """Say what was written; of a check, what is stale, and exit with 1 if something is."""
    names = [shown(path) for path in found]
    if as_json:
        click.echo(json.dumps({"stale" if check else "written": names, "notes": list(notes)}))
    else:
        for note in notes:
            click.echo(note)
        for name in names:
            click.echo(f"{name} is {stale}" if check else f"wrote {name}", err=check)
    if check and found:
        sys.exit(FAILED)


@click.command()
@click.argument("workflow", shell_complete=declared("workflow"))
@json_option
@sentences
def graph(workflow: str, as_json: bool) -> None:
    """Print the graph of a workflow of app.py as a Mermaid flowchart."""
    from durable.compiler.graph import as_data, graph_of
    from durable.compiler.mermaid import mermaid

    drawn = graph_of(_declared(load(), workflow).workflow)
    click.echo(json.dumps(as_data(drawn), indent=2) if as_json else mermaid(drawn), nl=as_json)


@click.command()
@click.argument("workflow", required=False, shell_complete=declared("workflow"))
@click.option(
    "--rounds",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Of each loop, and items of each map, on the longest way.",
)
@click.option(
    "--milliseconds", default=100, show_default=True, type=click.IntRange(1, 900_000), help="That each Lambda takes."
)
@json_option
@sentences
def cost(workflow: str | None, rounds: int, milliseconds: int, as_json: bool) -> None:
    """Say what a run of a workflow of app.py takes on AWS, and the price of a million; without WORKFLOW, what a stage
    costs while nothing runs.
    """
    from durable.build import build
    from durable.cli.costs import as_data, idle_text, text
    from durable.cost import PRICES_OF, Cost, longest, shortest
    from durable.idle import idle

    built = build(load())  # what cannot be deployed has no price
    if workflow is None:
        parts = idle(built.project)
        data = {"prices": PRICES_OF, "dollarsAMonth": parts}
        click.echo(json.dumps(data, indent=2) if as_json else idle_text(parts))
        return
    declared = _declared(built.project, workflow)
    definition = built.compiled[workflow].definition
    ways = {"shortest": shortest(definition), "longest": longest(definition, rounds)}
    costs = {name: Cost(way, milliseconds, declared.machine_kind) for name, way in ways.items()}
    click.echo(json.dumps(as_data(costs), indent=2) if as_json else text(workflow, costs, rounds))


def _declared(project: Project, name: str) -> Workflow[Any]:
    found = next((each for each in project.workflows if each.name == name), None)
    if found is None:
        there = known(name, [each.name for each in project.workflows])
        raise CommandError(f"{project.name}.py declares no workflow {name!r}; {there}", MISSING)
    return found
