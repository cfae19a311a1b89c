"""Peers side by side, printed as one table: `make bench`, or python -m bench --help."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from bench.driver import Result, Sizes, install, measure
from bench.environments import CACHE, ROOT
from bench.peers import PEERS
from bench.table import table

DOCUMENT: Final = ROOT / "docs" / "performance.md"
BEGIN: Final = "<!-- what `make bench` measured -->"
END: Final = "<!-- until here -->"
OURS: Final = ("ours", "ours-http", "onboarding", "onboarding-http")
FULL: Final = Sizes(alone=300, small=1_000, large=5_000, history=10_000, seconds=6, history_seconds=6)
PEER: Final = Sizes(alone=300, small=1_000, large=5_000, history=2_000, seconds=2.5, history_seconds=4)
QUICK: Final = Sizes(alone=100, small=200, large=1_000, history=2_000, seconds=10, history_seconds=20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 0; what was measured before Ctrl-C is printed too."""
    options = _options(arguments)
    results = [Result(PEERS[name], _sizes(name, options)) for name in options.only]
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    try:
        install(results)
        began = time.monotonic()
        measure(results, options.rounds, CACHE / "data")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    minutes = (time.monotonic() - began) / 60
    how = f"`make bench` on {date.today():%-d %B %Y}: {_machine()}; {options.rounds} rounds, {minutes:.0f} minutes."
    measured = f"{how}\n\n{table(results)}"
    print(measured)
    if options.write:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text(encoding="utf-8"), measured), encoding="utf-8")
        print(f"\nwritten to {DOCUMENT.relative_to(ROOT)}")
    return 0


def replaced(document: str, measured: str) -> str:
    """Return a document with the measurements between its two marks replaced.

    Raises:
        ValueError: it does not have both marks.
    """
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"write {BEGIN} and {END} where the table is to stand")
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ours only, one round, small sizes: two minutes")
    parser.add_argument("--only", nargs="+", choices=PEERS, metavar="PEER", help=f"some of: {', '.join(PEERS)}")
    parser.add_argument("--rounds", type=int, help="3, or 1 when quick")
    for name in ("alone", "small", "large", "history"):
        parser.add_argument(f"--{name}", type=int, metavar="RUNS", help="a size, for every peer")
    parser.add_argument("--seconds", type=float, help="after so many, a burst starts no further run")
    parser.add_argument("--history-seconds", type=float, help="the same for the runs that make a history")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md too")
    options = parser.parse_args(arguments)
    options.only = options.only or (OURS if options.quick else tuple(PEERS))
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


def _sizes(name: str, options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else FULL if name in OURS else PEER
    chosen = ("alone", "small", "large", "history", "seconds", "history_seconds")
    return replace(sizes, **{each: getattr(options, each) for each in chosen if getattr(options, each) is not None})


def _machine() -> str:
    model = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor())
    processor = f"{os.cpu_count()} cores of {model.rpartition(':')[2].strip()}"
    return f"{processor}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
