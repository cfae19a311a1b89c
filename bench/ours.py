"""A project on the embedded engine in this process, with fsync, for a profiler: python -m bench.ours."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from bench import lines
from bench.environments import CACHE
from bench.peers.ours.library import onboarding
from bench.peers.ours.peer import FOUR_STEPS, ONBOARDING


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--project", choices=(FOUR_STEPS, ONBOARDING), default=FOUR_STEPS)
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, onboarding(Path(folder), options.project) as library:
        lines.run(library, 10_000_000, 100, options.at_once, 60)
        latencies = lines.run(library, 20_000_000, options.alone, 1, 60)["latencies"]
        alone = sorted(each * 1000 for each in latencies)
        print(f"alone: p50 {statistics.median(alone):.2f} ms, p99 {alone[int(len(alone) * 0.99)]:.2f} ms")
        seconds = lines.run(library, 0, options.runs, options.at_once, 600)["seconds"]
        print(f"{options.runs} runs, {options.at_once} at once: {options.runs / seconds:.0f} runs a second")
        counts = library.journal.counts
        print(f"rows handed {counts.handed}, written {counts.written}, commits {counts.commits}")


if __name__ == "__main__":
    main()
