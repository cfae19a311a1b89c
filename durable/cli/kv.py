"""The command on what KV namespaces hold: kv."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.text import Text

from durable.cli.contents import Kept, ServedNamespaces, namespaces_of
from durable.cli.data import read
from durable.cli.operations import Operations
from durable.cli.options import on_runs, stage_of
from durable.cli.outcome import MISSING, WRONG, CommandError
from durable.cli.screen import Screen, copied
from durable.cli.times import clock_time
from durable.clients.contents import NotThere

_TAKES: Final = {
    "list": ("NAMESPACE",),
    "get": ("NAMESPACE", "KEY"),
    "put": ("NAMESPACE", "KEY", "VALUE"),
    "delete": ("NAMESPACE", "KEY"),
}


class _Action(click.Choice[str]):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in _TAKES:
            self.fail(f"{value!r} is none of {', '.join(_TAKES)}; as `durable kv list {value}`", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@click.argument("action", required=False, type=_Action(list(_TAKES)))
@click.argument("arguments", nargs=-1, metavar="[NAMESPACE [KEY [VALUE]]]")
@click.option("--prefix", default="", help="With list, only keys that begin so.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 1000), help="With list, how many keys a page has."
)
@click.option("--cursor", help="With list, where the page before ended.")
@click.option("--ttl", help='With put, how long the value lives: "1 hour".')
@on_runs
def kv(
    operations: Operations,
    screen: Screen,
    *,
    action: str | None,
    arguments: Sequence[str],
    prefix: str,
    limit: int,
    cursor: str | None,
    ttl: str | None,
) -> None:
    """Show the KV namespaces; list their keys, get, put or delete a value, which is JSON, @file, or - for input."""
    kept = _kept(operations)
    if action is None:
        found = kept.names()
        screen.show(found, lambda: Text("\n".join(each["name"] for each in found) or "no namespace is declared"))
        return
    if len(arguments) != len(_TAKES[action]):
        raise click.UsageError(f"kv {action} takes {' '.join(_TAKES[action])}")
    name, *rest = arguments
    try:
        match action:
            case "list":
                page = kept.keys(name, prefix, cursor, limit)
                screen.show(page, lambda: _keys(page))
            case "get":
                value = kept.get(name, rest[0])
                if value["hidden"]:
                    raise CommandError(f"{rest[0]} of {name} may hold a secret, and is shown nowhere", WRONG)
                screen.show(value, lambda: _value(value))
            case "put":
                kept.put(name, rest[0], read("VALUE", rest[1]), ttl=ttl)
                screen.show({"key": rest[0]}, lambda: Text(f"{rest[0]} of {name} is put"))
            case _:
                kept.delete(name, rest[0])
                screen.show({"deleted": rest[0]}, lambda: Text(f"{rest[0]} of {name} is deleted"))
    except NotThere as error:
        raise CommandError(str(error), MISSING) from None
    except ValueError as error:
        raise CommandError(str(error), WRONG) from None


def _kept(operations: Operations) -> Kept:
    """Return the namespaces of the stage that is named, or of the local server."""
    stage = stage_of(operations)
    return ServedNamespaces(operations) if stage is None else namespaces_of(stage)


def _keys(page: dict[str, Any]) -> RenderableType:
    if not page["keys"]:
        return Text("no keys")
    more = [copied(f"more: --cursor {page['cursor']}", "dim")] if page["cursor"] else []
    return Group(*(Text(each, overflow="fold") for each in page["keys"]), *more)


def _value(found: dict[str, Any]) -> RenderableType:
    text = Text(json.dumps(found["value"], indent=2, ensure_ascii=False), overflow="fold")
    ends = found["expiresAt"]
    return text if ends is None else Group(text, Text(f"expires {clock_time(ends)}", style="dim"))
