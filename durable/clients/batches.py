"""Batches: as many things at a time as one request takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def batches(things: Iterable[T], size_of: Callable[[T], int], *, most: int, most_size: int) -> Iterator[list[T]]:
    """Yield things in their order, so many at a time, and of no more than that size together unless one is larger."""
    batch, size = list[T](), 0
    for each in things:
        length = size_of(each)
        # One that is larger by itself goes alone, and whoever takes it refuses it.
        if batch and (len(batch) == most or size + length > most_size):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += length
    yield batch
