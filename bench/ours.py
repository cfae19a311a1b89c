"""Onboarding on the embedded engine, in process, with fsync: runs a second with 50 at once, and one alone."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from durable.build import build
from durable.clock import SystemClock
from durable.local.host import Host
from durable.local.journal import Journal
from durable.local.log import TextLog
from durable.local.timers import TimerThread
from durable.local.workers import ThreadWorkers
from durable.project import load
from functions.onboarding.models import SignUp


class Quiet(TextLog):
    """Says nothing, and tells when a run has ended."""

    def __init__(self) -> None:
        self.ended: Callable[[str], None] = lambda execution: None

    def run_ended(self, workflow: str, execution: str, status: str) -> None:
        assert status == "SUCCEEDED", status
        self.ended(execution)


def burst(host: Host, log: Quiet, journal: Journal, count: int, at_once: int, start: int = 0) -> float:
    """Run so many sign-ups, so many at once, and return the seconds until the last is complete and on disk."""
    slots, left, done = threading.Semaphore(at_once), [count], threading.Event()
    lock = threading.Lock()

    def ended(execution: str) -> None:
        journal.after(journal.ticket, lambda error: finish())

    def finish() -> None:
        slots.release()
        with lock:
            left[0] -= 1
            if not left[0]:
                done.set()

    log.ended = ended
    began = time.perf_counter()
    for number in range(start, start + count):
        slots.acquire()
        host.workflows["onboarding"].create(SignUp(email=f"user{number}@example.com", name="John Doe"))
    done.wait()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        journal, clock, workers, log = Journal(Path(folder)), SystemClock(), ThreadWorkers(), Quiet()
        host = Host(build(load("app")), journal, Path(folder), clock=clock, workers=workers, log=log, random=Random())
        timers = TimerThread(host.timers, clock)
        timers.start()
        host.pump.start()
        burst(host, log, journal, 100, options.at_once, 10_000_000)
        alone = sorted(burst(host, log, journal, 1, 1, 20_000_000 + n) * 1000 for n in range(options.alone))
        print(f"alone: p50 {statistics.median(alone):.2f} ms, p99 {alone[int(len(alone) * 0.99)]:.2f} ms")
        seconds = burst(host, log, journal, options.runs, options.at_once)
        print(f"{options.runs} runs, {options.at_once} at once: {options.runs / seconds:.0f} runs a second")
        counts = journal.counts
        print(f"rows handed {counts.handed}, written {counts.written}, commits {counts.commits}")
        host.pump.stop(5)
        timers.stop()
        journal.close()


if __name__ == "__main__":
    main()
