"""What a command prints: tables for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console, RenderableType


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard output."""

    as_json: bool

    def show(self, value: Any, drawn: Callable[[], RenderableType]) -> None:
        """Print a value: as JSON, or as it is drawn."""
        if self.as_json:
            click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            console().print(drawn())


def console() -> Console:
    """Return the terminal; where there is none, lines are as long as they have to be."""
    found = Console(highlight=False, soft_wrap=False)
    return found if found.is_terminal else Console(highlight=False, width=200)
