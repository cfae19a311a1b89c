"""The callbacks that were waited for when the last process ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

from durable.local.engine.workers import Workers

_AT_ONCE: Final = 256

StillWaiting = Callable[[Sequence[str]], Mapping[str, int]]
"""Given the names of executions, the tokens of theirs that certainly have no outcome yet, each with its deadline in
milliseconds."""


class Unanswered:
    """Has the functions called again whose callback may have come without being delivered, on the engine's threads.

    Of most of many runs that wait no outcome is there. Those are not called: their deadline is noted.

    Args:
        still_waiting: which callbacks need no call.
        ask: calls the function of an execution's token again.
        ask_at: has that done at a time in milliseconds.
    """

    def __init__(
        self,
        turns: Workers,
        still_waiting: StillWaiting,
        ask: Callable[[str, str], None],
        ask_at: Callable[[str, str, int], None],
    ) -> None:
        self._turns = turns
        self._still_waiting = still_waiting
        self._ask = ask
        self._ask_at = ask_at
        self._tokens: deque[tuple[str, str]] = deque()

    def add(self, name: str, tokens: Collection[str]) -> None:
        """Add the callbacks of an execution."""
        self._tokens += [(name, token) for token in tokens]

    def call(self) -> None:
        """Go through what was added, some at once, so that others have their turn in between.

        A callback that comes in meanwhile is delivered by whoever brings it.
        """
        some = [self._tokens.popleft() for _ in range(min(_AT_ONCE, len(self._tokens)))]
        if not some:
            return
        self._turns.submit(self.call)
        deadlines = self._still_waiting([name for name, _ in some])
        for name, token in some:
            if token in deadlines:
                self._ask_at(name, token, deadlines[token])
            else:
                self._turns.submit(partial(self._ask, name, token))
