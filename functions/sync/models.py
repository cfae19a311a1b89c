"""What travels through a sync, and what lies in the bucket meanwhile."""

from __future__ import annotations

from typing import Any, Literal

from functions.model import Model


class ExportRequest(Model):
    """The message that asks the partner for an export; one id, one export."""

    id: str
    source: str


class Export(Model):
    """How far an export is, and how many pages it has once it is done."""

    state: Literal["running", "done", "failed"]
    pages: int = 0


class Record(Model):
    """A record of the partner's; `id` is theirs."""

    id: str
    fields: dict[str, Any]


class Page(Model):
    """Some records of an export, as the partner writes them."""

    records: list[Record]


class Upserted(Model):
    """What an upsert replaced: by key, the record that was there before, or None."""

    before: dict[str, Record | None]


def export_key(export: str, name: str) -> str:
    """Return where in the bucket something of an export lies."""
    return f"exports/{export}/{name}.json"
