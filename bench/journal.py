"""What the journal does on this machine: python -m bench.journal [folder]."""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from durable.clock import SystemClock
from durable.local.storage.journal import Journal
from durable.local.storage.schema import EXECUTION
from durable.local.storage.table import SQLiteTable
from durable.store.table import Absent, Equals, Key, Write

ROW: dict[str, Any] = {"step": "create-profile", "status": "running", "owner": "x" * 40, "input_hash": "a" * 32}
DATA = "x" * 400
WAITERS = 50


def spread(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, longest {ordered[-1] * 1e3:.1f} ms"


def timed(call: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def fsync(folder: Path) -> str:
    with (folder / "fsync").open("wb", buffering=0) as file:

        def append() -> None:
            file.write(b"x" * 8_192)
            os.fdatasync(file.fileno())

        return spread(timed(append, 500))


def alone(journal: Journal) -> str:
    return spread(timed(lambda: journal.wait(journal.put(EXECUTION, ("alone",), (DATA,))), 1_000))


def hand_over(journal: Journal) -> str:
    rows, start = 100_000, time.perf_counter()
    for number in range(rows):
        journal.put(EXECUTION, (f"row-{number}",), (DATA,))
    handed = time.perf_counter() - start
    journal.flush()
    took = time.perf_counter() - start
    return f"{handed / rows * 1e6:.1f} µs a row in the caller's thread, {rows / took:,.0f} rows/s on disk"


def together(journal: Journal) -> str:
    """50 threads, each waiting for each of its rows."""
    each, commits, start = 200, journal.counts.commits, time.perf_counter()

    def write(name: str) -> None:
        for number in range(each):
            journal.wait(journal.put(EXECUTION, (name,), (f"{DATA}{number}",)))

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(WAITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waits, took = WAITERS * each, time.perf_counter() - start
    return f"{waits / took:,.0f} waits/s, {waits / (journal.counts.commits - commits):.0f} to a commit"


class Runs:
    """Four-step runs as the engine makes them, without the engine: 50 at a time, each transition durable first."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._table = SQLiteTable(journal, SystemClock())
        self._ready: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def run(self, first: int, runs: int) -> list[float]:
        """Return how long each transition waited."""
        waits: list[float] = []
        started, open_runs = first, 0
        while started < first + runs and open_runs < WAITERS:
            self._advance(f"{started:012x}", 0, waits)
            started, open_runs = started + 1, open_runs + 1
        while open_runs:
            instance, step = self._ready.get()
            if step < 5:
                self._advance(instance, step, waits)
            elif started < first + runs:
                self._advance(f"{started:012x}", 0, waits)
                started += 1
            else:
                open_runs -= 1
        return waits

    def _advance(self, instance: str, step: int, waits: list[float]) -> None:
        partition, name, start = f"onboarding#{instance}", f"{instance}.abcdef01", time.perf_counter()
        header = Key(partition, "run")
        if step == 0:
            listed = {"workflow": "onboarding", "status": "queued", "updated": step, "payload": ROW}
            self._table.write(Write(header, listed, when=(Absent("status"),)))
        elif step < 5:
            key = Key(partition, f"step#000001#{step}")
            self._table.write(Write(key, ROW | {"attempts": 1}, when=(Absent("attempts"),)))
            self._table.write(Write(key, {"result": ROW}, remove=("owner",), when=(Equals("owner", ROW["owner"]),)))
        if step == 4:
            listed = {"workflow": "onboarding", "status": "complete", "updated": step, "output": ROW}
            self._table.write(Write(header, listed, when=(Absent("closed"),)))
            ticket = self._journal.delete(EXECUTION, (name,))
        else:
            ticket = self._journal.put(EXECUTION, (name,), (DATA,))

        def durable(error: object) -> None:
            waits.append(time.perf_counter() - start)
            self._ready.put((instance, step + 1))

        self._journal.after(ticket, durable)


def onboarding(journal: Journal, first: int, runs: int) -> str:
    commits, start, cpu = journal.counts.commits, time.perf_counter(), time.process_time()
    waits = Runs(journal).run(first, runs)
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    speed = f"{runs / took:,.0f} runs/s, {cpu / runs * 1e6:.0f} µs of CPU a run"
    return f"{speed}, {runs * 5 / (journal.counts.commits - commits):.0f} transitions to a commit, {spread(waits)}"


def main(folder: Path) -> None:
    print("fsync of 8 KB       ", fsync(folder))
    journal = Journal(folder / "data")
    print("one waiter          ", alone(journal))
    print("50 waiting threads  ", together(journal))
    print("no waiters          ", hand_over(journal))
    for first in range(0, 20_000, 5_000):
        print(f"runs after {first:6,}   ", onboarding(journal, first, 5_000))
    counts = journal.counts
    print(f"in all               {counts.handed:,} rows, {counts.written:,} written, {counts.commits:,} commits")
    journal.close()
    print(f"on disk              {sum(file.stat().st_size for file in (folder / 'data').iterdir()) / 1e6:.0f} MB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        main(Path(folder))
