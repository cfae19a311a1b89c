"""Commands on the project itself: dev, compile, graph."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from durable.bindings import Workflow
from durable.cli.outcome import FAILED, MISSING, CommandError, sentences
from durable.project import Project, load

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command()
@click.option("--port", default=8787, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", default=".data", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@sentences
def dev(port: int, data: Path) -> None:
    """Run the project on this machine, at http://127.0.0.1:PORT, with its data in a folder."""
    from durable.local.serve import serve

    serve(port, data)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is missing or stale.")
@json_option
@sentences
def compile(check: bool, as_json: bool) -> None:
    """Compile every workflow of app.py to the .asl.json beside its class."""
    from durable.build import asl_path, build

    built = build(load())
    stale: list[str] = []
    for declared in built.project.workflows:
        text, path = built.compiled[declared.name].text, asl_path(declared.workflow)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(_shown(path))
        if not check:
            path.write_text(text, encoding="utf-8")
        if not as_json:
            what = f"{stale[-1]} is not what {declared.workflow.__name__} compiles to; run make compile"
            click.echo(what if check else f"wrote {stale[-1]}", err=check)
    if as_json:
        click.echo(json.dumps({"stale" if check else "written": stale}))
    if check and stale:
        sys.exit(FAILED)


@click.command()
@click.argument("workflow")
@json_option
@sentences
def graph(workflow: str, as_json: bool) -> None:
    """Print the graph of a workflow of app.py as a Mermaid flowchart."""
    from durable.compiler.graph import as_data, graph_of
    from durable.compiler.mermaid import mermaid

    drawn = graph_of(_declared(load(), workflow).workflow)
    click.echo(json.dumps(as_data(drawn), indent=2) if as_json else mermaid(drawn), nl=as_json)


def _declared(project: Project, name: str) -> Workflow[Any]:
    found = next((each for each in project.workflows if each.name == name), None)
    if found is None:
        there = ", ".join(each.name for each in project.workflows) or "none"
        raise CommandError(f"{project.name}.py declares no workflow {name!r}; there are: {there}", MISSING)
    return found


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
