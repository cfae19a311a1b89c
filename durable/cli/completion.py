"""What a shell completes on the command line: names of the project, and ids of runs of the server of this machine.

A shell has no place for an error: what cannot be had is not completed.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import click

Completer = Callable[[click.Context, click.Parameter, str], list[str]]

_SECONDS: Final = 1.0
_RUNS: Final = 50
_PORT: Final = 8787


def declared(kind: str) -> Completer:
    """Return what completes the names that app.py gives to bindings of a kind."""

    def names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        from durable.project import load

        sys.path.insert(0, os.getcwd())  # the command itself, which does this, is not called
        # Whatever app.py raises or prints is no name.
        with (
            suppress(Exception, SystemExit),
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(nowhere),
        ):
            return _beginning(incomplete, (each.name for each in load().declarations if each.kind == kind))
        return []

    return names


def runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the ids of runs of the workflow before it, the last changed first.

    Those of a stage are not completed: a request to AWS takes longer than one waits for a key.
    """
    given = ctx.params
    if given.get("stage") or not given.get("workflow"):
        return []
    query = urlencode({"limit": _RUNS} | ({"prefix": incomplete} if incomplete else {}))
    path = f"/api/workflows/{quote(given['workflow'], safe='')}/instances?{query}"
    connection = HTTPConnection("127.0.0.1", given.get("port") or _PORT, timeout=_SECONDS)
    with suppress(OSError, HTTPException, ValueError, KeyError, TypeError):
        connection.request("GET", path)
        found = json.loads(connection.getresponse().read())["instances"]
        return _beginning(incomplete, ["latest", *(each["id"] for each in found)])
    return []


def stages(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the stages that stages.toml names."""
    with suppress(OSError, ValueError):
        return _beginning(incomplete, tomllib.loads(Path("stages.toml").read_text(encoding="utf-8")))
    return []


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [each for each in names if each.startswith(incomplete)]
