"""An answer is held until what it tells is on disk, and never given if it will not be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.errors import Throttled
from durable.local.gate import Gate
from durable.local.storage.journal import Journal, JournalFailed
from durable.local.storage.schema import EXECUTION
from tests.unit.local.commits import HeldCommits


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "data")
    yield journal
    journal.close()


@pytest.fixture
def commits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldCommits]:
    held = HeldCommits(journal, monkeypatch)
    yield held
    held.go()


def test_it_is_open_while_nothing_is_on_its_way(journal: Journal) -> None:
    async def pass_through() -> None:
        await asyncio.wait_for(Gate(journal)(), 10)

    asyncio.run(pass_through())


def test_it_opens_for_all_with_the_commit_and_not_before(journal: Journal, commits: HeldCommits) -> None:
    async def pass_through() -> list[bool]:
        gate = Gate(journal)
        journal.put(EXECUTION, ("a",), ("one",))
        waiting = [asyncio.ensure_future(gate()) for _ in range(3)]
        await asyncio.sleep(0)
        held = [each.done() for each in waiting]
        commits.go()
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        return held

    assert asyncio.run(pass_through()) == [False] * 3
    assert journal.durable == journal.ticket


def test_what_will_never_be_on_disk_is_not_told(journal: Journal, commits: HeldCommits) -> None:
    commits.fails = True

    async def pass_through() -> None:
        gate = Gate(journal)
        journal.put(EXECUTION, ("a",), ("one",))
        waiting = asyncio.ensure_future(gate())
        await asyncio.sleep(0)
        commits.go()
        with pytest.raises(Throttled):
            await asyncio.wait_for(waiting, 10)
        with pytest.raises(Throttled):
            await gate()

    asyncio.run(pass_through())


class TestSettle:
    """Futures of the loop that another thread has done with a commit."""

    def test_they_are_done_with_the_commit_and_not_before(self, journal: Journal, commits: HeldCommits) -> None:
        async def settle() -> bool:
            gate, ended = Gate(journal), asyncio.get_running_loop().create_future()
            journal.put(EXECUTION, ("a",), ("one",))
            await asyncio.to_thread(gate.settle, [ended])
            held = ended.done()
            commits.go()
            await asyncio.wait_for(ended, 10)
            return held

        assert asyncio.run(settle()) is False
        assert journal.durable == journal.ticket

    def test_they_are_done_where_the_commit_has_been(self, journal: Journal) -> None:
        async def settle() -> None:
            gate, ended = Gate(journal), asyncio.get_running_loop().create_future()
            journal.wait(journal.put(EXECUTION, ("a",), ("one",)))
            await asyncio.to_thread(gate.settle, [ended])
            await asyncio.wait_for(ended, 10)

        asyncio.run(settle())

    @pytest.mark.parametrize("before", [True, False])
    def test_they_fail_where_nothing_will_be_on_disk(
        self, journal: Journal, commits: HeldCommits, *, before: bool
    ) -> None:
        commits.fails = True

        async def settle() -> None:
            gate, ended = Gate(journal), asyncio.get_running_loop().create_future()
            ticket = journal.put(EXECUTION, ("a",), ("one",))
            if before:
                commits.go()
                with pytest.raises(JournalFailed):
                    journal.wait(ticket)
            await asyncio.to_thread(gate.settle, [ended])
            commits.go()
            with pytest.raises(Throttled):
                await asyncio.wait_for(ended, 10)

        asyncio.run(settle())
