"""Says which line of the author's keeps the event loop of the coroutines from going on."""

from __future__ import annotations

import sys
import traceback
from functools import partial
from typing import Final

from durable.clock import Clock
from durable.local.log import logger
from durable.modules import is_authors, shown
from durable.steps.loop import EventLoop

LOOK_MS: Final = 1_000
"""How often to look; a loop that has not answered by then stands still."""


class StallWatch:
    """Asks the event loop for an answer. Where there is none by the next look, it says where the loop's thread is."""

    def __init__(self, loop: EventLoop, clock: Clock) -> None:
        self._loop, self._clock = loop, clock
        self._asked = 0  # how often
        self._answered = 0  # the number of the last question that has an answer
        self._thread: int | None = None
        self._at = 0
        self._said: set[str] = set()

    def look(self) -> None:
        """Ask, or say that there is no answer to what was asked the last time."""
        if self._thread is not None and self._answered != self._asked:
            self._say(self._thread)
        self._asked += 1
        self._at = self._clock.now()
        # By its number: an answer that comes late, or from a loop that was given up, is none to a later question.
        self._thread = self._loop.ask(partial(self._answer, self._asked))

    def _answer(self, number: int) -> None:
        self._answered = number

    def _say(self, thread: int) -> None:
        # Documented for exactly this; nothing else tells where another thread is.
        frame = sys._current_frames().get(thread)
        lines = [each for each in traceback.extract_stack(frame) if is_authors(each.filename)] if frame else []
        if not lines:
            return
        place = f"{shown(lines[-1].filename)}:{lines[-1].lineno} in {lines[-1].name}"
        if place not in self._said:
            self._said.add(place)
            logger.warning(
                "%s has kept the event loop for %.1f s, and all other steps that are `async def` wait for it; await"
                " what takes so long, or write the step with `def`: it is given a thread then",
                place,
                (self._clock.now() - self._at) / 1000,
            )
