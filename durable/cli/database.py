"""Commands on the databases of a project: db migrate. On AWS, `durable deploy` does it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from durable.bindings import Database
from durable.cli.completion import declared
from durable.cli.outcome import MISSING, CommandError, json_option, sentences
from durable.project import load


@click.group()
def db() -> None:
    """Commands on the databases of app.py, on this machine."""


@db.command()
@click.argument("names", nargs=-1, metavar="[DATABASE]...", shell_complete=declared("database"))
@click.option("--data", default=".data", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@json_option
@sentences
def migrate(names: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Apply the migrations of databases to DATABASE_URL, or to SQLite in the data folder."""
    from durable.local.bindings.database import bring_up_to_date, engine_of, url_of

    declared = [each.name for each in load().declarations if isinstance(each, Database)]
    for each in names:
        if each not in declared:
            there = ", ".join(declared) or "none"
            raise CommandError(f"app.py declares no database {each!r}; there are: {there}", MISSING)
    applied = {name: bring_up_to_date(name, engine_of(url_of(name, data)[0])) for name in names or declared}
    if as_json:
        click.echo(json.dumps(applied))
        return
    for name, files in applied.items():
        for file in files:
            click.echo(f"{name}: applied {file}")
        if not files:
            click.echo(f"{name}: nothing to apply")
