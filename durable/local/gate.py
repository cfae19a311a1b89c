"""Holds HTTP answers until what they say is on disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from durable.errors import Throttled, public_message
from durable.local.storage.journal import Journal, JournalFailed


class Gate:
    """`await gate()` returns once all that was written so far is durable; for the event loop that it was made on.

    One call into the loop settles everybody that a commit lets through.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        journal.listen(self._committed)

    async def __call__(self) -> None:
        """Wait.

        Raises:
            Throttled: it will never be durable, as the journal failed.
        """
        ticket = self._journal.ticket
        if self._journal.failed is not None:
            raise Throttled(public_message(Throttled))
        if ticket <= self._journal.durable:
            return
        opened: asyncio.Future[None] = self._loop.create_future()
        # In the order of tickets, but for what `settle` adds: `_open` looks at the first only. If that one is later
        # than the next, its commit has been asked for too.
        self._waiting.append((ticket, opened))
        # Somebody waits: the commit is not to linger for more changes.
        self._journal.hasten()
        if ticket <= self._journal.durable:
            return
        await opened

    def settle(self, futures: Sequence[asyncio.Future[None]]) -> None:
        """Have futures of the loop done once all that was written so far is durable; from any thread.

        They fail with Throttled if it never will be.
        """
        ticket = self._journal.ticket
        self._waiting.extend((ticket, each) for each in futures)
        self._journal.hasten()
        # The commit may have come before they were in the queue: then nobody else looks at them.
        if self._journal.failed is not None or ticket <= self._journal.durable:
            error = self._journal.failed
            self._committed(self._journal.durable, error if isinstance(error, JournalFailed) else None)

    def _committed(self, ticket: int, error: JournalFailed | None) -> None:
        # Whoever begins to wait after this look sees for themselves that their ticket is durable.
        if self._waiting and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._open, ticket, error)

    def _open(self, ticket: int, error: JournalFailed | None) -> None:
        while self._waiting and (error is not None or self._waiting[0][0] <= ticket):
            _, opened = self._waiting.popleft()
            if opened.done():
                continue
            if error is None:
                opened.set_result(None)
            else:
                opened.set_exception(Throttled(public_message(Throttled)))
