"""The event loop of the process, on which the steps run that are coroutines.

There is one, in a thread of its own, which begins with the first coroutine and ends with the process. So what a module
keeps between steps, as a client with open connections, stays with its loop, and ten thousand steps that wait need one
thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final

_CANCEL_SECONDS: Final = 1.0
"""How long a coroutine may take to end once it was cancelled."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a coroutine ended."""

    value: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        """Return what it returned, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(slots=True, eq=False)
class _Running:
    """A loop that runs in a thread, and how many coroutines are under way on it."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    under_way: int = 0


class EventLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._quiet = threading.Condition(self._lock)

    def submit(self, coroutine: Coroutine[Any, Any, Any], ended: Callable[[Ended], object]) -> Callable[[], None]:
        """Have a coroutine run, and return what cancels it. `ended` is called on its thread, and may not wait."""
        with self._lock:
            running = self._running = self._running or _started()
            running.under_way += 1
        loop = running.loop
        tasks: list[asyncio.Task[Ended]] = []

        def finish(task: asyncio.Task[Ended]) -> None:
            coroutine.close()  # one that was cancelled before it began would be told of as never awaited
            with self._lock:
                running.under_way -= 1
                if not running.under_way:
                    self._quiet.notify_all()
            ended(Ended(error=asyncio.CancelledError()) if task.cancelled() else task.result())

        def begin() -> None:
            tasks.append(loop.create_task(_guarded(coroutine)))
            tasks[0].add_done_callback(finish)

        # With the caller's context: what the step logs is known by it as the step's.
        loop.call_soon_threadsafe(begin, context=copy_context())

        def cancel() -> None:
            # `begin` was called before: the loop keeps the order of such calls.
            loop.call_soon_threadsafe(lambda: tasks[0].cancel())

        return cancel

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Return what a coroutine returns; not to be called on the loop's own thread.

        What is raised in the calling thread meanwhile, as a timeout, cancels the coroutine. One that does not end
        within a second keeps the loop and its thread for itself, and the next coroutine gets another.
        """
        over, found = threading.Event(), list[Ended]()

        def ended(how: Ended) -> None:
            found.append(how)
            over.set()

        cancel = self.submit(coroutine, ended)
        try:
            # A signal's handler raises in here: Python waits for a lock so that a signal interrupts it.
            over.wait()
        except BaseException:
            cancel()
            if not over.wait(_CANCEL_SECONDS):
                with self._lock:
                    self._running = None
            raise
        return found[0].result()

    def ask(self, answered: Callable[[], object]) -> int | None:
        """Have a function called on the loop's thread as soon as that is free, and return the thread's id.

        None, and nothing is called, where no coroutine is under way.
        """
        with self._lock:
            running = self._running
            if running is None or not running.under_way:
                return None
        running.loop.call_soon_threadsafe(answered)
        return running.thread.ident

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is under way, for so long at most, and return whether that was reached.

        A coroutine that kept its loop for itself is not waited for.
        """
        with self._lock:
            return self._quiet.wait_for(lambda: self._running is None or not self._running.under_way, seconds)


LOOP: Final = EventLoop()
"""The loop of this process."""


async def _guarded(coroutine: Coroutine[Any, Any, Any]) -> Ended:
    """Await a coroutine; whatever it raises ends itself alone: a SystemExit would end the loop."""
    try:
        return Ended(await coroutine)
    except BaseException as error:
        return Ended(error=error)


def _started() -> _Running:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="coroutines", daemon=True)
    thread.start()
    return _Running(loop, thread)
