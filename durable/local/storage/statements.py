"""The statements by which one commit writes and removes rows: as few as can be, and few different ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from durable.local.storage.schema import Key, RowSchema, Values, delete, upsert

_MOST_ROWS: Final = 256  # of 7 columns at most: SQLite takes 32,766 parameters


def statements(changes: Mapping[RowSchema, Mapping[Key, Values | None]]) -> Iterator[tuple[str, list[object]]]:
    """Yield the statements that write rows, or remove those that are None, with their parameters."""
    for schema, rows in changes.items():
        puts = [(*key, *values) for key, values in rows.items() if values is not None]
        gone = [key for key, values in rows.items() if values is None]
        for rows_at_once, some in ((upsert, puts), (delete, gone)):
            for size, parameters in _chunks(some):
                yield rows_at_once(schema, size), parameters


def _chunks(rows: Sequence[tuple[object, ...]]) -> Iterator[tuple[int, list[object]]]:
    """Yield the rows' values in chunks of 1, 2, 4 … 256 rows, filled up with rows of NULL.

    So there are few different statements, which SQLite keeps prepared.
    """
    for start in range(0, len(rows), _MOST_ROWS):
        some = rows[start : start + _MOST_ROWS]
        # The next power of two: nine different statements for each table, up to 256 rows.
        size = 1 << (len(some) - 1).bit_length()
        padding = [None] * (len(some[0]) * (size - len(some)))
        yield size, [*chain.from_iterable(some), *padding]
