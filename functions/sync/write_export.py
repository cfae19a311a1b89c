"""The consumer of the queue of exports: it plays the partner, whose service this would be in earnest."""

from __future__ import annotations

from typing import Final

from durable import Bucket
from functions.sync.models import Export, ExportRequest, Page, Record, export_key

_SOURCES: Final = {"customers": 250, "products": 120}
_RECORDS_A_PAGE: Final = 100


def write_export(request: ExportRequest, exchange: Bucket) -> None:
    """Write the pages of a source, and the last word when they are all there."""
    count = _SOURCES.get(request.source)
    if count is None:
        last_word = Export(state="failed")
    else:
        last_word = Export(state="done", pages=_write_pages(request, count, exchange))
    exchange.put(export_key(request.id, "done"), last_word.model_dump_json())


def _write_pages(request: ExportRequest, count: int, exchange: Bucket) -> int:
    starts = range(0, count, _RECORDS_A_PAGE)
    for page, start in enumerate(starts):
        numbers = range(start, min(start + _RECORDS_A_PAGE, count))
        records = [Record(id=f"{request.source}-{number}", fields={"number": number}) for number in numbers]
        exchange.put(export_key(request.id, f"page-{page}"), Page(records=records).model_dump_json())
    return len(starts)
