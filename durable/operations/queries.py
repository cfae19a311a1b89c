"""Finding runs: lists, counts, and one as an operator sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from durable.clock import Clock
from durable.errors import RunNotFound, public_message
from durable.operations.history import HistoryPage, history
from durable.runs.description import Description, Entry, describe, entry, page_of, with_links
from durable.runs.record import load, load_header
from durable.store.large_values import LargeValues
from durable.store.rows import Header
from durable.store.search import found_under, text_of_attribute
from durable.store.table import Table

MOST_COUNTED: Final = 10_000
MOST_DESCRIBED_BYTES: Final = 3_000_000
_MOST_LOOKED_AT: Final = 2_000
"""How many runs one call looks at that searches by the beginning of ids, which no index has."""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Runs, and where to go on in the list of the same workflow and status; None when there are no more."""

    entries: tuple[Entry, ...]
    cursor: str | None


class Queries:
    """Reads the record for operators.

    Args:
        values: where large values are; without it none is shown.
    """

    def __init__(self, table: Table, clock: Clock, values: LargeValues | None = None) -> None:
        self._table = table
        self._clock = clock
        self._values = values

    def counts(self, workflow: str) -> Mapping[str, int]:
        """Return how many runs have each status that any has, counted to 10,000."""
        return self._table.counts(workflow, most=MOST_COUNTED)

    def list(
        self,
        workflow: str,
        *,
        status: str | None = None,
        where: tuple[str, str] | None = None,
        prefix: str | None = None,
        since: int | None = None,
        until: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> EntryPage:
        """Return runs, those that changed last first; of the table's page each that can be shown.

        Args:
            where: the name in JSON of a search attribute and its value as text: see `attribute_of`. Those created last
                come first, and a page may be shorter than the limit.
            prefix: what their ids begin with. Up to 2,000 runs are looked at, so a page may be empty and have a cursor.

        Raises:
            ValueError: the cursor is none that a list of this workflow and status gave.
        """
        # A cursor of another list would be a place in this one too: so each says which list it is of.
        mark = _mark(workflow, status, where, prefix)
        if cursor is not None and not cursor.startswith(mark):
            raise ValueError("the cursor is of another list")
        start = None if cursor is None else cursor.removeprefix(mark)
        found, looked_at = list[Entry](), 0
        while True:
            page = self._page(workflow, status, where, prefix or "", since, until, start, limit - len(found))
            found += page.entries
            start, looked_at = page.cursor, looked_at + limit
            if prefix is None or start is None or 2 * len(found) >= limit or looked_at >= _MOST_LOOKED_AT:
                return EntryPage(tuple(found), None if start is None else mark + start)

    def _page(
        self,
        workflow: str,
        status: str | None,
        where: tuple[str, str] | None,
        prefix: str,
        since: int | None,
        until: int | None,
        cursor: str | None,
        limit: int,
    ) -> EntryPage:
        """Return what fits of a page of the table's list, or of its search; the cursor is the table's."""
        if where is None:
            page = self._table.list(workflow, status=status, since=since, until=until, cursor=cursor, limit=limit)
            fit = (row for row in page.rows if row["instance"].startswith(prefix))
            return EntryPage(tuple(entry(Header.from_row(row)) for row in fit), page.cursor)
        page = self._table.search(found_under(workflow, *where), since=since, until=until, cursor=cursor, limit=limit)
        headers = [
            # The attribute's row does not change with the run: its status stands in the header alone.
            load_header(self._table, workflow, row["instance"])
            for row in page.rows
            if row["instance"].startswith(prefix)
        ]
        shown = (each for each in headers if each is not None and status in (None, each.status))
        return EntryPage(tuple(map(entry, shown)), page.cursor)

    def entry(self, workflow: str, instance: str) -> Entry:
        """Return a run as lists show it.

        Raises:
            RunNotFound: the workflow has none of that id.
        """
        header = load_header(self._table, workflow, instance)
        if header is None:
            raise RunNotFound(public_message(RunNotFound))
        return entry(header)

    def describe(self, workflow: str, instance: str, first: int = 0) -> Description:
        """Return what is known of a run, with a page of its steps: an answer of Lambda holds 6 MB.

        Args:
            first: the number of the first step on the page.

        Raises:
            RunNotFound: the workflow has none of that id.
            ValuesBusy: its output cannot be read now.
        """
        run = load(self._table, workflow, instance)
        page = page_of(describe(run, self._values), first, MOST_DESCRIBED_BYTES)
        return page if self._values is None else with_links(page, run, self._values)

    def history(self, workflow: str, instance: str, after: str | None) -> HistoryPage:
        """Return what happened to a run since a cursor, or from the beginning.

        Raises:
            RunNotFound: the workflow has none of that id.
            ValueError: the cursor is none that was given.
        """
        now = self._clock.now()  # before the rows are read, one page after the other
        return history(load(self._table, workflow, instance), after, now)


def attribute_of(search: Mapping[str, str], name: str, value: object) -> tuple[str, str]:
    """Return a search attribute as lists are asked for it; it may be named as in Python or as in JSON.

    Raises:
        ValueError: there is none of that name, or the value can be none.
    """
    known = {**{json: json for json in search.values()}, **search}
    text = text_of_attribute(value)
    if name not in known or text is None:
        there = ", ".join(search) or "none; declare them: Workflow(…, search=[…])"
        raise ValueError(f"{name!r} is no search attribute with a text, number or boolean; there are: {there}")
    return known[name], text


def _mark(workflow: str, status: str | None, where: tuple[str, str] | None, prefix: str | None) -> str:
    """Return what the cursors of a list begin with.

    `since` and `until` are not in it: a time that is said as "an hour ago" is another on the next page.
    """
    named = [workflow, status, *(where or ()), *([] if prefix is None else [["prefix", prefix]])]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:8]
