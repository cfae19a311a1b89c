"""Where the processor's time of one run goes: python -m bench.budget.

Three measurements of a project, of four steps that compute and return or of onboarding: the engine with its threads and
SQLite, by thread; the same server over HTTP, by process; and the same code in one thread, by function. The last is
under a profiler, which makes small functions look slower than they are: it says how the rest is divided, not how long
it takes.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import lines
from bench.driver import AT_ONCE
from bench.environments import CACHE, ROOT
from bench.peer import Load, sign_up
from bench.peers.ours.library import onboarding
from bench.peers.ours.peer import FOUR_STEPS, ONBOARDING, OverHttp, four_steps_over_http, onboarding_over_http
from durable.build import build
from durable.clock import VirtualClock
from durable.local.log import TextLog
from durable.project import load
from durable.testing.doubles import SandboxDoubles
from durable.testing.host import VirtualHost

PARTS: Final[Mapping[str, str]] = {
    "jsonata/": "JSONata",
    **{f"durable/asl/{each}": "JSONata" for each in ("expression", "functions", "template", "values")},
    "durable/asl/": "interpreter",
    **{f"durable/local/{each}": "engine" for each in ("engine", "functions", "executions", "timers", "workers")},
    **{f"durable/{each}": "record" for each in ("local/table", "store/")},
    **{f"durable/{each}": "create and close" for each in ("runs/", "clients/workflow.", "operations/completion")},
    **{f"durable/{each}": "queue and e-mail" for each in ("local/pump", "local/queue", "steps/consumer")},
    **{f"durable/{each}": "queue and e-mail" for each in ("clients/email", "testing/outbox")},
    "functions/onboarding/deliver_email": "queue and e-mail",
    "durable/local/journal": "journal, handing over",
    "durable/local/kv": "step: bindings",
    "durable/clients/queue": "step: bindings",
    "durable/clients/kv": "step: bindings",
    "durable/testing/": "",
    "durable/": "step: handler",
    "functions/": "step: the function",
    "bench/": "",
}
"""What a file is part of, by the first of these that is in its path; the measurement's own part is left out."""
Function = tuple[str, int, str]
_SERVERS: Final = {FOUR_STEPS: four_steps_over_http, ONBOARDING: onboarding_over_http}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.budget", description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--project", choices=_SERVERS, default=FOUR_STEPS)
    options = parser.parse_args()
    runs, project = options.runs, options.project
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        threads = by_thread(Path(folder) / "library", runs, project)
        server = by_process(Path(folder) / "http", runs, _SERVERS[project]())
        parts = by_part(Path(folder) / "one", runs, project)
    total = sum(threads.values())
    print("microseconds of processor a run, by thread\n")
    _print(threads)
    print(f"{total:8.0f}  in all, in process\n{server:8.0f}  the server's process, over HTTP")
    print("\nthe same code in one thread, by function, in hundredths\n")
    _print({part: 100 * seconds / sum(parts.values()) for part, seconds in parts.items()})


def by_thread(data: Path, runs: int, project: str) -> dict[str, float]:
    """Return the microseconds a run of each kind of thread."""
    with onboarding(data, project) as library:
        lines.run(library, 0, 200, AT_ONCE, 60)
        before = _thread_seconds()
        lines.run(library, 200, runs, AT_ONCE, 600)
        after = _thread_seconds()
    return {kind: (after[kind] - before[kind]) * 1e6 / runs for kind in after}


def _thread_seconds() -> Mapping[str, float]:
    seconds: defaultdict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        assert thread.ident is not None
        kind = thread.name.partition("-")[0]
        seconds[kind] += time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    return seconds


def by_process(data: Path, runs: int, peer: OverHttp) -> float:
    """Return the microseconds a run of `python -m durable dev`."""
    try:
        peer.start(data)
        peer.run(Load(0, 200, AT_ONCE, 60))
        before = peer.processor_seconds()
        peer.run(Load(200, runs, AT_ONCE, 600))
        return (peer.processor_seconds() - before) * 1e6 / runs
    finally:
        peer.stop()


def by_part(data: Path, runs: int, project: str) -> dict[str, float]:
    """Return the seconds of processor of each part; what is nobody's own counts for whoever called it."""
    with VirtualHost(build(load(project)), data, log=_Quiet(), doubles=SandboxDoubles(VirtualClock())) as host:
        params = host.host.workflows["onboarding"].params
        host.run_workflow("onboarding", params.validate_python(sign_up(0)))
        profile = cProfile.Profile(time.thread_time)
        profile.enable()
        for number in range(1, runs):
            host.run_workflow("onboarding", params.validate_python(sign_up(number)))
        profile.disable()
    return Callers(pstats.Stats(profile).stats).parts()  # type: ignore[attr-defined]  # typeshed leaves it out


class Callers:
    """The functions of a profile, each with who called it."""

    def __init__(self, stats: Mapping[Function, Any]) -> None:
        self._stats = stats
        self._shares: dict[Function, Mapping[str, float]] = {}

    def parts(self) -> dict[str, float]:
        parts: defaultdict[str, float] = defaultdict(float)
        for function, (_, _, own, _, _) in self._stats.items():
            for part, share in self._share(function).items():
                parts[part] += own * share
        parts.pop("", None)
        return dict(parts)

    def _share(self, function: Function) -> Mapping[str, float]:
        """Return how much of a function counts for which part: all for its own, else by its callers' time."""
        if function not in self._shares:
            self._shares[function] = {"": 1.0}  # for a circle of calls
            part = _part(function)
            self._shares[function] = {part: 1.0} if part is not None else self._callers(function)
        return self._shares[function]

    def _callers(self, function: Function) -> Mapping[str, float]:
        callers = {caller: each[3] for caller, each in self._stats[function][4].items()}
        shares: defaultdict[str, float] = defaultdict(float)
        total = sum(callers.values())
        for caller, seconds in callers.items():
            for part, share in self._share(caller).items():
                shares[part] += share * (seconds / total if total else 1 / len(callers))
        return shares


def _part(function: Function) -> str | None:
    path = function[0].replace(str(ROOT), "")
    return next((part for prefix, part in PARTS.items() if f"/{prefix}" in path), None)


def _print(values: Mapping[str, float]) -> None:
    for name, value in sorted(values.items(), key=lambda each: -each[1]):
        print(f"{value:8.0f}  {name}")


class _Quiet(TextLog):
    def run_ended(self, workflow: str, execution: str, status: str, error: str = "") -> None:
        return


if __name__ == "__main__":
    main()
