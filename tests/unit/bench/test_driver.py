"""The benchmark's own logic, on a peer in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.__main__ import BEGIN, END, replaced
from bench.driver import ACKNOWLEDGED, Result, Sizes, install, measure
from bench.peer import Load, Sample, State, Unavailable, state_of
from bench.table import table

SIZES = Sizes(alone=3, small=4, large=5, history=20, seconds=1, history_seconds=1)


@dataclass
class Remembered:
    """A peer that takes a second a run, writes 1,000 bytes for each, and knows after a kill what it is told to."""

    name: str = "remembered"
    beside: str = "nothing"
    after_kill: State = State.COMPLETE
    fails: str = ""
    most: int = 1_000
    running: bool = False
    starts: int = 0
    numbers: list[int] = field(default_factory=list)

    def install(self) -> None:
        if self.fails == "install":
            raise Unavailable("no such package")

    def start(self, data: Path) -> None:
        assert not self.running
        self.running, self.starts = True, self.starts + 1
        if self.fails == "start":
            raise Unavailable("it does not come up")

    def run(self, load: Load) -> Sample:
        assert self.running
        runs = min(load.runs, self.most)
        self.numbers += range(load.first, load.first + runs)
        return Sample(float(runs), [1.0] * runs)

    def begin(self, load: Load) -> list[str]:
        self.numbers += range(load.first, load.first + load.runs)
        return [str(number) for number in range(load.first, load.first + load.runs)]

    def states(self, ids: Sequence[str]) -> list[State]:
        assert self.running
        return [self.after_kill] * len(ids)

    def stop(self) -> None:
        self.running = False

    def kill(self) -> None:
        self.running = False

    def disk(self) -> int | None:
        return len(self.numbers) * 1_000

    def memory(self) -> int:
        return 5_000_000


def measured(peer: Remembered, tmp_path: Path, rounds: int = 1) -> Result:
    result = Result(peer, SIZES)
    install([result])
    measure([result], rounds, tmp_path / "data")
    return result


def test_no_two_runs_of_a_round_have_one_number(tmp_path: Path) -> None:
    peer = Remembered()
    measured(peer, tmp_path)
    assert peer.numbers == list(range(1 + 20 - 1 + 4 + ACKNOWLEDGED))


def test_a_history_counts_the_bursts_before_it(tmp_path: Path) -> None:
    [measured_round] = measured(Remembered(), tmp_path).rounds
    assert measured_round.history == 20
    assert measured_round.disk_a_run == 1_000


def test_a_row_shows_medians_what_was_lost_and_where_the_time_was_over(tmp_path: Path) -> None:
    text = table([measured(Remembered(after_kill=State.FORGOTTEN, most=4), tmp_path, rounds=3)])
    assert "| 1000.0 (1000.0–1000.0) |" in text
    assert "| 1 (1–1) | 1 (1–1) of 4 |" in text
    assert "600 forgotten of 600" in text


def test_a_peer_that_loses_nothing_says_so(tmp_path: Path) -> None:
    assert "nothing of 200" in table([measured(Remembered(), tmp_path)])


@pytest.mark.parametrize("fails", ["install", "start"])
def test_a_peer_that_cannot_be_had_is_skipped_with_its_reason_and_ended(fails: str, tmp_path: Path) -> None:
    peer = Remembered(fails=fails)
    result = measured(peer, tmp_path, rounds=2)
    assert not peer.running
    assert peer.starts == (0 if fails == "install" else 1)
    assert f"- remembered: {result.reason}" in table([result])


def test_an_interrupt_ends_the_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Remembered()

    def interrupted(load: Load) -> Sample:
        raise KeyboardInterrupt

    monkeypatch.setattr(peer, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measured(peer, tmp_path)
    assert not peer.running
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("word", "state"), [("SUCCEEDED", State.COMPLETE), ("ENQUEUED", State.OPEN), ("errored", State.FAILED)]
)
def test_a_peers_words_are_understood(word: str, state: State) -> None:
    assert state_of(word) is state


def test_a_document_keeps_what_stands_around_the_measurements() -> None:
    once = replaced(f"before {BEGIN} old {END} after", "new")
    assert once == f"before {BEGIN}\n\nnew\n\n{END} after"
    assert replaced(once, "newer") == once.replace("new", "newer")


def test_a_document_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="where the table is to stand"):
        replaced(f"before {BEGIN} after", "new")
