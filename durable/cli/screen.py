"""What a command prints: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from durable.control_characters import escaped


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output."""

    as_json: bool

    def show(self, value: Any, drawn: Callable[[], RenderableType]) -> None:
        """Print a value: as JSON, or as it is drawn."""
        if self.as_json:
            click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            # Not cropped: what is to be copied stands in one line, which the terminal wraps by itself.
            console().print(Escaped(drawn()), crop=False)


def copied(text: str, style: str = "") -> Text:
    """Return a line that is to be copied: it is neither wrapped nor cut, however narrow the terminal is."""
    return Text(text, style=style, no_wrap=True, overflow="ignore")


@dataclass(frozen=True, slots=True)
class Escaped:
    """A renderable, with the control characters of its texts written out; rich keeps styles apart from texts."""

    drawn: RenderableType

    # A text is data of somebody: as a control character it could clear the terminal, or write into its clipboard.
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.drawn, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)


def console() -> Console:
    """Return the terminal; where there is none, lines are as long as they have to be."""
    # Texts are data: in them `[b]` is no style and `:key:` is no emoji.
    plain = partial(Console, highlight=False, markup=False, emoji=False)
    found = plain()
    return found if found.is_terminal else plain(width=200)


def table(*columns: str) -> Table:
    """Return a table without lines, as every command draws one."""
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for each in columns:
        drawn.add_column(each, justify="right" if each == "attempts" else "left")
    return drawn
