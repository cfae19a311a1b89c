"""An engine that lives in a process of Python: takes commands as lines of JSON, answers each with one.

It is imported in the peers' own environments: the standard library is all that it may use.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol


class Library(Protocol):
    """What starts a run in this process."""

    def begin(self, number: int, acknowledged: Callable[[], None], ended: Callable[[], None]) -> str:
        """Start a run and return its id; call back when its start is durable, and when its end is."""

    def state(self, id: str) -> str:
        """Return complete, open or forgotten."""


def serve(library: Library) -> None:
    """Answer commands until standard input ends or Ctrl-C."""
    answers: dict[str, Callable[..., Any]] = {"run": run, "begin": begin, "states": states}
    _say("ready")
    try:
        for line in sys.stdin:
            command = json.loads(line)
            _say(answers[command.pop("do")](library, **command))
    except KeyboardInterrupt:
        return


def run(library: Library, first: int, runs: int, at_once: int, seconds: float) -> dict[str, Any]:
    """Run so many to completion; none is started after so many seconds."""
    slots, latencies = threading.Semaphore(at_once), list[float]()
    began = time.perf_counter()
    for number in range(first, first + runs):
        slots.acquire()
        if latencies and time.perf_counter() - began > seconds:
            slots.release()
            break
        library.begin(number, lambda: None, _ended(slots, latencies))
    for _ in range(at_once):
        slots.acquire()
    return {"seconds": time.perf_counter() - began, "latencies": latencies}


def _ended(slots: threading.Semaphore, latencies: list[float]) -> Callable[[], None]:
    began = time.perf_counter()

    def ended() -> None:
        latencies.append(time.perf_counter() - began)
        slots.release()

    return ended


def begin(library: Library, first: int, runs: int, at_once: int, seconds: float) -> list[str]:
    """Start so many, with no more than so many unacknowledged, and return their ids once all are."""
    slots = threading.Semaphore(at_once)
    ids = []
    for number in range(first, first + runs):
        slots.acquire()
        ids.append(library.begin(number, slots.release, lambda: None))
    for _ in range(at_once):
        slots.acquire()
    return ids


def states(library: Library, ids: Sequence[str]) -> list[str]:
    return [library.state(each) for each in ids]


def fail(reason: str) -> NoReturn:
    """End the process from whatever thread: what it measures would not be what was asked for."""
    print(reason, file=sys.stderr, flush=True)
    os._exit(1)


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
