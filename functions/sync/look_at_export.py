"""look-at-export: how far is it?"""

from __future__ import annotations

from durable import Bucket
from functions.sync.models import Export, export_key


def look_at_export(export: str, exchange: Bucket) -> Export:
    """Return how far an export is: the partner writes its last word when all pages are there."""
    said = exchange.get(export_key(export, "done"))
    return Export(state="running") if said is None else Export.model_validate_json(said)
