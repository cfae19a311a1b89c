"""Programs that are wrong, and what the compiler says of each: `line: found; remedy`, lines counted in the text."""

from __future__ import annotations

GALLERY: dict[str, tuple[str, list[str]]] = {}


def wrong(name: str, body: str, *messages: str) -> None:
    GALLERY[name] = (body, list(messages))
