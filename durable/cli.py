"""The command line: `python -m durable`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from durable.errors import DurableError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Durable workflows on AWS, and on this machine."""


@main.command()
@click.option("--port", default=8787, show_default=True, type=click.IntRange(1, 65535))
@click.option("--data", default=".data", show_default=True, type=click.Path(file_okay=False, path_type=Path))
def dev(port: int, data: Path) -> None:
    """Run the project on this machine, at http://127.0.0.1:PORT, with its data in a folder."""
    from durable.local.serve import serve

    with _sentences():
        serve(port, data)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is missing or stale.")
def compile(check: bool) -> None:
    """Compile every workflow of app.py to the .asl.json beside its class."""
    from durable.build import asl_path, build
    from durable.project import load

    with _sentences():
        built = build(load())
        for declared in built.project.workflows:
            for note in built.compiled[declared.name].notes:
                click.echo(f"{declared.name}: {note}")
        texts = {asl_path(each.workflow): built.compiled[each.name].text for each in built.project.workflows}
        _keep(texts, check=check, stale="not what its class compiles to; run make compile")


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when the file is missing or stale.")
def openapi(check: bool) -> None:
    """Write the OpenAPI document of app.py to docs/openapi.json."""
    from durable.document import PATH, document_text
    from durable.project import load

    with _sentences():
        _keep({PATH.absolute(): document_text(load())}, check=check, stale="not what app.py serves; run make openapi")


def _keep(texts: Mapping[Path, str], *, check: bool, stale: str) -> None:
    """Write the files that are not up to date; with `check` name them instead, and exit with 1 if there are any."""
    found = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in found:
        name = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        if check:
            click.echo(f"{name} is {stale}", err=True)
        else:
            path.write_text(texts[path], encoding="utf-8")
            click.echo(f"wrote {name}")
    if check and found:
        sys.exit(1)


@contextmanager
def _sentences() -> Iterator[None]:
    """Turn an error of ours into its sentences on standard error and exit code 2."""
    try:
        yield
    except DurableError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
