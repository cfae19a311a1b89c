"""Holds HTTP answers until what they say is on disk."""

from __future__ import annotations

import asyncio
from collections import deque

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
        # In the order of tickets, as all of this runs on the loop: `_open` looks at the first only.
        self._waiting.append((ticket, opened))
        # Somebody waits: the commit is not to linger for more changes.
        self._journal.hasten()
        if ticket <= self._journal.durable:
            return
        await opened

    def _committed(self, ticket: int, error: JournalFailed | None) -> None:
        if not self._loop.is_closed():
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
