"""Steps of a restocking: what is there, in a namespace, a bucket and a database."""

from __future__ import annotations

import json
import logging

from pydantic import BaseModel
from sqlalchemy import text

from durable import Bucket, Database, KVNamespace, StepContext

log = logging.getLogger(__name__)


class Stock(BaseModel):
    """How much of an item there is."""

    pieces: int
    shelf: str


def count(items: list[str], stock: KVNamespace[Stock]) -> int:
    for number, item in enumerate(items):
        if stock.put(item, Stock(pieces=10 * len(item), shelf=f"A{number}"), if_absent=True):
            log.warning("%s was not in stock", item)
    log.info("counted %d items", len(items))
    return sum(found.pieces for item in items if (found := stock.get(item)) is not None)


def book_in(items: list[str], context: StepContext, invoices: Bucket, ledger: Database) -> None:
    invoices.put(f"{context.instance_id}/invoice.json", json.dumps({"items": items, "cents": 990 * len(items)}))
    with ledger.engine.begin() as connection:
        for number, item in enumerate(items):
            row = {"id": f"{context.idempotency_key}-{number}", "item": item, "pieces": 10 * len(item)}
            connection.execute(text("INSERT INTO entry(id, item, pieces) VALUES (:id, :item, :pieces)"), row)
    log.info("booked %s", ", ".join(items))
