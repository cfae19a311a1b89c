"""Commands on the project itself: dev, compile, openapi, graph."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
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
    texts = {asl_path(each.workflow): built.compiled[each.name].text for each in built.project.workflows}
    notes = [f"{name}: {note}" for name, each in built.compiled.items() for note in each.notes]
    _keep(texts, notes, check, as_json, "not what its class compiles to; run make compile")


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when the file is missing or stale.")
@json_option
@sentences
def openapi(check: bool, as_json: bool) -> None:
    """Write the OpenAPI document of app.py to docs/openapi.json."""
    from durable.document import PATH, document_text

    _keep({PATH.absolute(): document_text(load())}, (), check, as_json, "not what app.py serves; run make openapi")


def _keep(texts: Mapping[Path, str], notes: Sequence[str], check: bool, as_json: bool, why: str) -> None:
    """Write the files that are not up to date; to check is to name them instead, and to exit with FAILED."""
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in () if check else stale:
        path.write_text(texts[path], encoding="utf-8")
    if as_json:
        found = [_shown(each) for each in stale]
        click.echo(json.dumps({"stale" if check else "written": found, "notes": list(notes)}))
    else:
        _say(notes, stale, check, why)
    if check and stale:
        sys.exit(FAILED)


def _say(notes: Sequence[str], stale: Sequence[Path], check: bool, why: str) -> None:
    for note in notes:
        click.echo(note)
    for path in stale:
        if check:
            click.echo(f"{_shown(path)} is {why}", err=True)
        else:
            click.echo(f"wrote {_shown(path)}")


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
