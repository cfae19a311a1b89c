"""tally-chunk: adds up one chunk."""

from __future__ import annotations

import csv
import io
from collections import Counter

from durable import Bucket
from functions.reports.models import COLUMNS, MOST_NAMED, Chunk, Tally, Totals


def tally_chunk(chunk: Chunk, files: Bucket) -> Tally:
    """Add up the chunk's rows by region; a row that is no sale is counted, and its line noted."""
    content = files.get(chunk.key)
    assert content is not None, f"{chunk.key} was written by the step before"
    cents: Counter[str] = Counter()
    malformed: list[int] = []
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    for line, *row in rows:
        sale = _sale(row)
        if sale is None:
            malformed.append(int(line))
        else:
            cents[sale[0]] += sale[1]
    key = f"{chunk.key}.totals.json"
    totals = Totals(cents=dict(cents), malformed_lines=malformed[:MOST_NAMED])
    files.put(key, totals.model_dump_json().encode())
    return Tally(key=key, rows=len(rows) - len(malformed), malformed=len(malformed))


def _sale(row: list[str]) -> tuple[str, int] | None:
    """Return a row's region and cents; None for one that is no sale."""
    if len(row) != len(COLUMNS) or not row[0].strip():
        return None
    try:
        return row[0].strip(), int(row[1])
    except ValueError:
        return None
