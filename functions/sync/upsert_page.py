"""upsert-page: writes a page's records into the table; and the undo that takes them back."""

from __future__ import annotations

from durable import Bucket, KVNamespace, NonRetryableError, StepContext
from functions.sync.models import Page, Record, Upserted, export_key


class MissingPageError(NonRetryableError):
    """The export lacks a page that it said it has."""


def upsert_page(
    source: str,
    export: str,
    page: int,
    exchange: Bucket,
    records: KVNamespace[Record],
    replaced: KVNamespace[Upserted],
    context: StepContext,
) -> Upserted:
    """Write the records of a page, and return what they replaced.

    What they replace is noted before the first is written, so that a second attempt still knows it.

    Raises:
        MissingPageError: the page is not in the bucket.
    """
    content = exchange.get(export_key(export, f"page-{page}"))
    if content is None:
        raise MissingPageError
    found = {f"{source}/{each.id}": each for each in Page.model_validate_json(content).records}
    note = Upserted(before={key: records.get(key) for key in found})
    if not replaced.put(context.idempotency_key, note, ttl="30 days", if_absent=True):
        note = replaced.get(context.idempotency_key) or note
    for key, record in found.items():
        records.put(key, record)
    return note


def take_back_page(upserted: Upserted, records: KVNamespace[Record]) -> None:
    """Put back what a page replaced, and remove what it added."""
    for key, record in upserted.before.items():
        if record is None:
            records.delete(key)
        else:
            records.put(key, record)
