"""The seam under the record of runs: rows with conditional writes, in DynamoDB or in SQLite.

A row is a flat mapping of field names to JSON values, found by a partition and a sort key. All that the record
decides (leases, `create`, completion) is written once, on these few operations; each condition is data, so that
DynamoDB can check it where the row is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from durable.errors import DurableError

Value = Any
Row = dict[str, Value]


class Key(NamedTuple):
    """Where a row is. Within a partition rows are ordered by the UTF-8 bytes of `sort`."""

    partition: str
    sort: str


class Absent(NamedTuple):
    """Holds when the row lacks the field, or is not there at all."""

    field: str


class Equals(NamedTuple):
    """Holds when the field is there and has this value (a string, a number or a bool)."""

    field: str
    value: str | int | bool


class Below(NamedTuple):
    """Holds when the field is there and is a number less than this one."""

    field: str
    value: int


class Either(NamedTuple):
    """Holds when one of its conditions holds."""

    conditions: tuple[Condition, ...]


Condition = Absent | Equals | Below | Either


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Write(NamedTuple):
    """A change of one row; applied only when every condition holds.

    A row that is absent is created, unless a condition says that a field is there: else a late write brings back a row
    of a run that was deleted.

    Attributes:
        set: fields to write; a value of None is written as None (JSON null), it does not remove.
        add: numbers to add to fields, an absent field counting as zero.
        remove: fields to take away.
        when: the conditions; none means always.
        check_only: nothing is changed, the conditions only guard the other writes of the transaction.
        is_new: the partition's name was just drawn at random, so that no row of it can be there: a table need not look.
    """

    key: Key
    set: Mapping[str, Value] = _NOTHING
    add: Mapping[str, int] = _NOTHING
    remove: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    check_only: bool = False
    is_new: bool = False


class Delete(NamedTuple):
    """The removal of a row; applied only when every condition holds."""

    key: Key
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where to go on; `cursor` is None when there are no more."""

    rows: tuple[Row, ...]
    cursor: str | None


class ConditionFailed(Exception):
    """A condition did not hold, and nothing was written. `rows` are the rows as they stand (None: absent), in the
    order of the writes."""

    def __init__(self, rows: Sequence[Row | None]) -> None:
        self.rows = tuple(rows)
        super().__init__("a condition did not hold")


class TableBusy(Exception):
    """The table is throttled, in conflict or cannot be reached: try again after a while.

    Of a write whose answer was lost nobody knows whether it was made: the same call meets what it wrote.
    """


class RowsUnreadable(DurableError):
    """What is stored cannot be read."""


class Table(Protocol):
    """Rows with conditional writes. Reads see every write that came before them.

    The fields `workflow`, `status` and `updated` (milliseconds) of a row with the sort key `run` are the index
    that `list` reads; `expires` (seconds since 1970) is when a row may vanish by itself, and with a `run` row all rows
    that its partition had when that was written.
    """

    def get(self, key: Key) -> Row | None: ...

    def query(self, partition: str, prefix: str = "", *, since: str = "", limit: int | None = None) -> tuple[Row, ...]:
        """Return all rows of a partition whose sort key begins with the prefix, in order, each with its `sort`.

        Args:
            since: return those only whose sort key is this one or comes after it; not together with a prefix.
            limit: return no more than the first so many.
        """

    def write(self, *changes: Write | Delete) -> tuple[Row | None, ...]:
        """Apply all changes or none, and return the rows after them (None: deleted or only checked).

        At most 100 changes, of different keys, of rows with 4 MB in all.

        Raises:
            ConditionFailed: a condition did not hold.
            TableBusy: nothing was written, or the answer was lost; the same call may succeed later.
        """

    def list(
        self,
        workflow: str,
        *,
        status: str | None = None,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return the `run` rows of a workflow, the newest `updated` first, up to 100 at a time.

        Args:
            since: only those `updated` then or later, in milliseconds since 1970.
            until: only those `updated` before.
        """

    def search(
        self,
        found: str,
        *,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """Return the rows with a sort key that begins with `search#` and with this value in their field `found`.

        They come with the newest `updated` first, up to 100 at a time; `since` and `until` are as in `list`.
        """

    def counts(self, workflow: str, *, most: int) -> Mapping[str, int]:
        """Return how many `run` rows of a workflow have each status that any has; each is counted to `most` only."""


class DueTable(Table, Protocol):
    """A table that is asked what is due; an engine that keeps timers need not ask."""

    def due(self, until: int, *, limit: int = 100) -> Sequence[str]:
        """Return the partitions of `run` and `pool` rows whose field `due` is this time or before, the earliest first.

        The index follows the table within a moment: whoever finds a row there reads it first.

        Args:
            until: in milliseconds since 1970.
        """


def every(table: Table, workflow: str, status: str | None = None, *, until: int | None = None) -> Iterator[Row]:
    """Yield all `run` rows of a workflow, or those of one status, page after page; `until` is as in `list`."""
    # Runs that change their status meanwhile may be seen twice or not at all: whoever goes through them comes again.
    page = table.list(workflow, status=status, until=until, limit=100)
    yield from page.rows
    while page.cursor is not None:
        page = table.list(workflow, status=status, until=until, cursor=page.cursor, limit=100)
        yield from page.rows
