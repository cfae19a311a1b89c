"""A server that is killed again and again while runs are started, and what must hold of it in the end.

A round starts runs, each under an id of its own, looks at some of them, and kills the server at a random moment; now
and then it kills the next one, too, before or while that recovers. The steps say in a log when they begin and end, so
that it can be told afterwards what ran, how often, and in which process.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.e2e.server import Server, eventually

PROJECT = Path(__file__).parent / "projects" / "torture"
INSTANCES = "/api/workflows/torture/instances"
_CLIENTS = 4
_STARTS = 60
_LONGEST_SECONDS = 0.8
_ENDED = ("complete", "errored")
_TOLD = 0.3
"""How often a run that is looked at is told what it waits for."""

_FIRST = ("keep", "fail once")
_LAST = ("refuse", "kept")
CHAINS = tuple(
    (*_FIRST, side, f"items[{item}]/first", f"items[{item}]/second", *_LAST)
    for side in ("left", "right")
    for item in (0, 1)
)
"""The step keys of a run, in every order in which one must be complete before the next may begin."""

STEPS = frozenset(itertools.chain(*CHAINS))


@dataclass(frozen=True)
class Line:
    """A line of the log: where it ends, and what a step said."""

    end: int
    process: int
    run: str
    step: str
    attempt: int
    what: str


class Log:
    """What the steps said, those of the children too, and which messages were delivered."""

    def __init__(self, path: Path) -> None:
        self.lines: list[Line] = []
        self.children: defaultdict[str, list[Line]] = defaultdict(list)
        self.delivered: set[int] = set()
        end = 0
        for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
            assert text.endswith("\n"), f"half a line: {text!r}"
            end += len(text)
            process, rest = text.split(" ", 1)
            key, attempt, what = rest.rsplit(maxsplit=2)
            if what == "delivered":
                self.delivered.add(int(key))
            else:
                workflow, run, _, epoch, step = key.split("/", 4)
                assert epoch == "1", key
                lines = self.lines if workflow == "torture" else self.children[run]
                lines.append(Line(end, int(process), run, step, int(attempt), what))

    def runs(self) -> dict[str, list[Line]]:
        runs: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            runs[line.run].append(line)
        return runs


class Torture:
    """The server, the runs that were started on it, and how far they were seen to be."""

    def __init__(self, server: Server, log: Path, seed: int) -> None:
        self.server = server
        self.processes: list[int] = []
        self.acknowledged: set[str] = set()
        self._log = log
        self._random = random.Random(seed)
        self._doubtful: list[str] = []
        self._fresh = itertools.count(1)
        self._complete: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._lock = threading.Lock()

    def round(self) -> None:
        """Start the server and runs on it, and kill it."""
        while self._random.random() < 0.25:
            self.server.spawn()
            self._kill_within(2 * _LONGEST_SECONDS)
        self.server.start()
        ids = [*self._doubtful, *(f"run-{number}" for number in itertools.islice(self._fresh, _STARTS))]
        self._doubtful = []
        rest = iter(ids)
        with ThreadPoolExecutor(_CLIENTS) as clients:
            uses = [clients.submit(self._use, rest, random.Random(self._random.random())) for _ in range(_CLIENTS)]
            self._kill_within(_LONGEST_SECONDS)
        for use in uses:
            use.result()
        self._doubtful.extend(id for id in ids if id not in self.acknowledged)

    def _kill_within(self, seconds: float) -> None:
        time.sleep(self._random.uniform(0, seconds))  # noqa: TID251  # when the axe falls
        self.processes.append(self.server.kill())

    def _use(self, ids: Iterator[str], draw: random.Random) -> None:
        """Start runs and look at others until the server is gone; starts that got no answer stay doubtful."""
        try:
            while (id := self._next(ids)) is not None:
                answer = self.server.post(INSTANCES, {"id": id, "params": number_of(id)})
                assert answer.status in (200, 201), answer
                self.acknowledged.add(id)
            while True:
                id = draw.choice(sorted(self.acknowledged))
                self._look(id)
                if draw.random() < _TOLD:
                    tell(self.server, id)
        except (OSError, HTTPException):
            return

    def _next(self, ids: Iterator[str]) -> str | None:
        with self._lock:
            return next(ids, None)

    def _look(self, id: str) -> str:
        """Return a run's status, and note how long the log was when each step was first seen to be complete."""
        answer = self.server.get(f"{INSTANCES}/{id}")
        assert answer.status == 200, (id, answer)
        status: str = answer.body["status"]
        complete = {each["name"] for each in answer.body["steps"] if each["status"] in _ENDED}
        size = self._log.stat().st_size
        for step in STEPS if status in _ENDED else STEPS & complete:
            self._complete[id].setdefault(step, size)
        return status

    def _has_ended(self, id: str) -> bool:
        return self._look(id) in _ENDED

    def finish(self) -> None:
        """Start the server once more, let every run end, and stop it."""
        self.server.start()
        for id in self._doubtful:
            assert self.server.post(INSTANCES, {"id": id, "params": number_of(id)}).status in (200, 201)
            self.acknowledged.add(id)
        for id in self.acknowledged:
            tell(self.server, id)
        for id in sorted(self.acknowledged):
            eventually(partial(self._has_ended, id), f"{id} to end")
        wanted = {number_of(id) for id in self.acknowledged}
        eventually(lambda: Log(self._log).delivered >= wanted, "every message to be delivered")

    def check(self) -> None:
        """See that every run came to what it should, and that no step ran that should not have."""
        log = Log(self._log)
        runs = log.runs()
        assert runs.keys() == self.acknowledged
        assert log.delivered == {number_of(id) for id in runs}
        for id, lines in runs.items():
            body = self.server.get(f"{INSTANCES}/{id}").body
            assert (body["status"], body["output"]) == ("complete", expected(number_of(id))), json.dumps(body)
            check_run(lines, self._complete[id], self.processes)
        assert len(log.children) == len(runs)
        for lines in log.children.values():
            _check_step(lines, [*self.processes, lines[-1].process])


def tell(server: Server, id: str) -> None:
    """Send a run the event that it waits for, once more if it was sent before."""
    event = {"id": f"{id}-told", "payload": 3 * number_of(id)}
    answer = server.post(f"{INSTANCES}/{id}/events/tell", event)
    assert answer.status in (200, 202), (id, answer.body, server.get(f"{INSTANCES}/{id}").body)


def number_of(id: str) -> int:
    return int(id.rpartition("-")[2])


def expected(number: int) -> dict[str, Any]:
    """Return what a run comes to, however often the server was killed."""
    left, right = number + 2, number + 1
    return {
        "left": left,
        "right": right,
        "items": [left + 2, right + 2],
        "told": 3 * number,
        "doubled": 2 * number,
        "kept": 2 * number,
        "refused": number % 3 == 0,
    }


def check_run(lines: Iterable[Line], complete: Mapping[str, int], killed: Sequence[int]) -> None:
    """See what the lines of one run say.

    Args:
        complete: how long the log was when each step was first seen to be complete.
        killed: the processes that were killed, in order.

    Raises:
        AssertionError: a completed step ran again, or one in flight more than once a kill, or two at once.
    """
    steps: defaultdict[str, list[Line]] = defaultdict(list)
    places = dict.fromkeys(CHAINS, 0)
    for line in lines:
        assert line.end <= complete[line.step], f"{line}: after it was seen to be complete"
        steps[line.step].append(line)
        for chain, place in places.items():
            if line.what == "begin" and line.step in chain:
                assert chain.index(line.step) in (place, place + 1), f"{line}: after {chain[place]}"
                places[chain] = chain.index(line.step)
    assert steps.keys() == STEPS
    for of_step in steps.values():
        _check_step(of_step, [*killed, of_step[-1].process])


def _check_step(lines: Sequence[Line], processes: Sequence[int]) -> None:
    """See that the attempts of one step followed each other: a new one only after a failure or a kill.

    An attempt that a kill cut off may have said nothing, and one that said something may not have been counted.
    """
    born = {process: number for number, process in reversed(list(enumerate(processes)))}
    assert lines[0].what == "begin", lines
    assert 0 < lines[0].attempt <= 1 + born[lines[0].process], lines
    for before, line in itertools.pairwise(lines):
        kills = born[line.process] - born[before.process]
        attempts = line.attempt - before.attempt
        if line.what != "begin":
            assert (before.what, kills, attempts) == ("begin", 0, 0), f"{line}: after {before}"
        elif kills:
            assert 0 <= attempts <= kills + (before.what == "fail"), f"{line}: after {before}"
        else:
            assert (before.what, attempts) == ("fail", 1), f"{line}: after {before}"
