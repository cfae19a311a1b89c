"""What operators did to a run, and how it ended before that: a list in its header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from durable.store.parts import ChangeRow
from durable.store.rows import Header

_MOST_CHANGES: Final = 50
_MOST_MESSAGE: Final = 300


def changes_with(header: Header | None, did: str, now: int) -> Sequence[ChangeRow]:
    """Return what operators did to a run and its earlier ends, with one thing more; the latest come last."""
    # How it ended stands in the header's own fields, which the next execution overwrites: so it is kept here.
    before = [] if header is None else [*header.changes, *end_of(header)]
    return [*before, ChangeRow(at=now, did=did)][-_MOST_CHANGES:]


def end_of(header: Header) -> list[ChangeRow]:
    """Return how a run ended by itself, as one of its changes; nothing where it did not. A long message is cut."""
    if not header.closed or header.status not in ("complete", "errored"):
        return []
    end: ChangeRow = {"at": header.updated, "did": header.status}
    if header.error is not None:
        end["error"] = {**header.error, "message": header.error["message"][:_MOST_MESSAGE]}
    return [end]
