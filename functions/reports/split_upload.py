"""split-upload: cuts the file into chunks of rows."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator

from durable import Bucket, NonRetryableError, StepContext
from functions.reports.models import COLUMNS, ROWS_A_CHUNK, Chunk, Upload


class NoSuchUploadError(NonRetryableError):
    """There is no such file in the bucket."""


class NoTableError(NonRetryableError):
    """The file is not CSV in UTF-8 with a header of region,cents."""


def split_upload(upload: Upload, files: Bucket, context: StepContext) -> list[Chunk]:
    """Write chunks of rows beside one another, under names that every attempt of this run gives alike.

    Raises:
        NoSuchUploadError: nothing was put under the key.
        NoTableError: the file's header is another.
    """
    content = files.get(upload.key)
    if content is None:
        raise NoSuchUploadError
    rows = _rows(content)
    chunks: list[Chunk] = []
    while some := list(itertools.islice(rows, ROWS_A_CHUNK)):
        chunk = Chunk(key=f"chunks/{context.instance_id}/{len(chunks):05d}.csv")
        files.put(chunk.key, _text([str(line), *row] for line, row in some))
        chunks.append(chunk)
    return chunks


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Return the rows that are not empty, each with the line that it ends on."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    except UnicodeDecodeError:
        raise NoTableError from None
    if tuple(next(reader, ())) != COLUMNS:
        raise NoTableError
    return ((reader.line_num, row) for row in reader if row)


def _text(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
