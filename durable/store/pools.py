"""The rows of a pool: runs that share a limit, one partition `<workflow>#/pool/<which>`, and in it by sort key

pool                            the head
pool#c#<number>                 a slot that is taken, and by which run
pool#r#<number>                 a start that still counts for the rate
wait#<rank>#<since>#<nonce>     a run that waits, those that come first sorted first
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from durable.store.conditions import HEAD
from durable.store.table import Key, Row

POOL: Final = "/pool/"
"""How the second part of a pool's partition begins; no run has an id like it."""
TAKEN: Final = f"{HEAD}#c#"
STARTS: Final = f"{HEAD}#r#"
WAITING: Final = "wait#"
HIGHEST_PRIORITY: Final = 1_000


def pool_partition(workflow: str, which: str) -> str:
    return f"{workflow}#{POOL}{which}"


def pool_key(pool: str) -> Key:
    return Key(pool, HEAD)


def is_pool(instance: str) -> bool:
    """Return whether the second part of a partition is a pool's, and no run's id."""
    return instance.startswith(POOL)


def waiting_sort(priority: int, order: str, nonce: str) -> str:
    """Return the sort key of a run that waits: a higher priority comes first, and of one priority the earliest."""
    # 0 to 2,000: as text these are sorted as numbers are.
    return f"{WAITING}{HIGHEST_PRIORITY - priority:04d}#{order}#{nonce}"


@dataclass(frozen=True, slots=True)
class PoolHead:
    """The row `pool`, there while runs wait and a while longer. Times are in milliseconds since 1970.

    Attributes:
        touched: when a run last came to wait, to the minute.
        due: when the reconciler looks at the pool.
        timer: until when a timer is set that looks at it; 0 is never.
    """

    touched: int = 0
    due: int = 0
    timer: int = 0

    @classmethod
    def from_row(cls, row: Row) -> PoolHead:
        return cls(row.get("touched", 0), row.get("due", 0), row.get("timer", 0))


@dataclass(frozen=True, slots=True)
class Slot:
    """The row of a slot that a run has taken; the run's header names the same grant while it may execute."""

    sort: str
    instance: str
    grant: str

    @classmethod
    def from_row(cls, row: Row) -> Slot:
        return cls(row["sort"], row["instance"], row["grant"])
