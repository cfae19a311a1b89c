"""Many runs at once on the embedded engine, with fsync: python -m bench.scale.

Runs wait for an event: what each costs in memory and on disk, and how long the next process takes to go on with them.
Some of them are sent the event: how fast they end. And runs of four steps are started at once: how fast they are
acknowledged, and end. Each phase is a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.environments import CACHE
from bench.peer import sign_up
from bench.peers.ours.library import Onboarding, onboarding
from bench.peers.ours.peer import FOUR_STEPS
from bench.processes import bytes_on_disk

_WORKFLOW: Final = "waiting"
_LOOK_SECONDS: Final = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--waiting", type=int, default=100_000, metavar="RUNS")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--burst", type=int, default=50_000, metavar="RUNS")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        _apart(_wait, Path(folder) / "waiting", options.waiting)
        _apart(_go_on, Path(folder) / "waiting", min(options.events, options.waiting))
        _apart(_burst, Path(folder) / "burst", options.burst)


def _apart(phase: Callable[[Path, int], None], data: Path, runs: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=phase, args=(data, runs))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{phase.__name__} ended with {process.exitcode}")


def _wait(data: Path, runs: int) -> None:
    with onboarding(data, FOUR_STEPS) as library:
        before, began = _resident(), time.perf_counter()
        workflow = library.host.workflows[_WORKFLOW]
        params = workflow.params.validate_python(sign_up(0))
        for number in range(runs):
            workflow.create(params, id=f"run-{number}")
        _until(lambda: _counted(library, "waiting", runs) == runs)
        seconds = time.perf_counter() - began
        grown, memory = (_resident() - before) / runs, _resident() / 1e6
    print(f"{runs:,} runs wait after {seconds:.0f} s, {runs / seconds:,.0f} a second, with {memory:.0f} MB:", end=" ")
    print(f"{grown:,.0f} bytes of memory and {bytes_on_disk(data) / runs:,.0f} on disk each", flush=True)


def _go_on(data: Path, events: int) -> None:
    began = time.perf_counter()
    with onboarding(data, FOUR_STEPS) as library:
        taken_up = time.perf_counter() - began
        print(f"the next process goes on with them after {taken_up:.1f} s, with {_resident() / 1e6:.0f} MB", flush=True)
        began = time.perf_counter()
        for number in range(events):
            library.host.workflows[_WORKFLOW].send_event(f"run-{number}", "go", id="go")
        _until(lambda: _counted(library, "complete", events) == events)
        seconds = time.perf_counter() - began
        print(f"{events:,} events end as many runs in {seconds:.1f} s, {events / seconds:,.0f} a second", flush=True)


def _burst(data: Path, runs: int) -> None:
    with onboarding(data, FOUR_STEPS) as library:
        began = time.perf_counter()
        for number in range(runs):
            library.begin(number, lambda: None, lambda: None)
        library.journal.flush()
        acknowledged = time.perf_counter() - began
        _until(lambda: _counted(library, "complete", runs, "onboarding") == runs)
        ended, most = time.perf_counter() - began, _resident() / 1e6
        print(f"{runs:,} starts in {acknowledged:.1f} s, all ended after {ended:.1f} s, with {most:.0f} MB", flush=True)


def _counted(library: Onboarding, status: str, most: int, workflow: str = _WORKFLOW) -> int:
    return library.host.table.counts(workflow, most=most).get(status, 0)


def _until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(_LOOK_SECONDS)


def _resident() -> int:
    """Return the bytes of memory of this process that are in use now."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(each for each in status.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
