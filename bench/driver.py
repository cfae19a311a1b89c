"""Measures peers in rounds: in each round every peer in its turn, so that a busy minute does not strike one alone."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.peer import Load, Peer, Sample, State, Unavailable

AT_ONCE: Final = 50
ACKNOWLEDGED: Final = 200
"""Runs that are acknowledged before the kill."""
_SETTLE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is run. A burst starts nothing more after `seconds`, a history after `history_seconds`.

    Attributes:
        history: runs that a data folder holds, all bursts counted, before the last burst.
    """

    alone: int
    small: int
    large: int
    history: int
    seconds: float
    history_seconds: float


@dataclass(frozen=True, slots=True)
class Loss:
    """What became of acknowledged runs after SIGKILL and a new start."""

    complete: int
    stuck: int
    failed: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Round:
    """One peer, measured once. Times in seconds, sizes in bytes."""

    first_run: float
    alone: Sample
    small: Sample
    large: Sample
    history: int
    after: Sample
    disk_a_run: float | None
    memory: int
    loss: Loss


@dataclass
class Result:
    """A peer's rounds; `reason` says why there are none, or no more."""

    peer: Peer
    sizes: Sizes
    rounds: list[Round] = field(default_factory=list)
    reason: str = ""


def install(results: Sequence[Result]) -> None:
    """Install the peers; one that cannot be installed is left out."""
    for result in results:
        with _reason(result):
            result.peer.install()


def measure(results: Sequence[Result], rounds: int, folder: Path) -> None:
    """Fill in the results, peer by peer in each round; a peer that fails is left out from then on."""
    for number in range(rounds):
        for result in results:
            if result.reason:
                continue
            _say(f"round {number + 1} of {rounds}: {result.peer.name}")
            with _reason(result), _emptied(folder) as data:
                result.rounds.append(_round(result.peer, result.sizes, data / "data"))


@contextmanager
def _reason(result: Result) -> Iterator[None]:
    try:
        yield
    except (Unavailable, OSError, EOFError) as error:
        result.reason = str(error)
        _say(f"{result.peer.name}: {error}")


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _round(peer: Peer, sizes: Sizes, data: Path) -> Round:
    first_run = _first_run(peer, data)
    base = peer.disk()
    runs = _Numbers(peer, 1)
    with _running(peer, data):
        alone = runs.take(sizes.alone, 1, sizes.seconds)
        small = runs.take(sizes.small, AT_ONCE, sizes.seconds)
        large = runs.take(sizes.large, AT_ONCE, sizes.seconds)
        runs.take(max(0, sizes.history - runs.taken), AT_ONCE, sizes.history_seconds)
        history = runs.taken
        after = runs.take(sizes.small, AT_ONCE, sizes.seconds)
        memory = peer.memory()
    disk = None if base is None else ((peer.disk() or 0) - base) / (runs.taken - 1)
    return Round(first_run, alone, small, large, history, after, disk, memory, _loss(peer, data, runs.taken))


def _first_run(peer: Peer, data: Path) -> float:
    """Return the seconds from the start of its processes, on no data, to its first completed run."""
    began = time.perf_counter()
    with _running(peer, data):
        peer.run(Load(0, 1, 1, 0))
        return time.perf_counter() - began


@dataclass
class _Numbers:
    """Runs loads one after the other, so that no two runs have one number."""

    peer: Peer
    taken: int

    def take(self, runs: int, at_once: int, seconds: float) -> Sample:
        sample = self.peer.run(Load(self.taken, runs, at_once, seconds)) if runs else Sample(0, ())
        if runs:
            _say(f"    {sample.runs:,} runs, {at_once} at once: {sample.rate:,.0f} a second")
        self.taken += sample.runs
        return sample


def _loss(peer: Peer, data: Path, first: int) -> Loss:
    """Kill it as soon as so many runs are acknowledged, start it again, and wait until no more of them move."""
    with _running(peer, data):
        ids = peer.begin(Load(first, ACKNOWLEDGED, AT_ONCE, _SETTLE_SECONDS))
        peer.kill()
    with _running(peer, data):
        states, since = peer.states(ids), time.monotonic()
        while State.OPEN in states and time.monotonic() - since < _SETTLE_SECONDS:
            time.sleep(0.2)
            before, states = states, peer.states(ids)
            if states != before:
                since = time.monotonic()
    counted = [states.count(each) for each in (State.COMPLETE, State.OPEN, State.FAILED, State.FORGOTTEN)]
    loss = Loss(*counted)
    _say(f"    after kill -9: {loss}")
    return loss


@contextmanager
def _running(peer: Peer, data: Path) -> Iterator[None]:
    try:
        peer.start(data)
        yield
    finally:
        peer.stop()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
