"""What of an execution is in the journal, and how it goes on from there."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from durable.build import Build, build
from durable.local.engine.checkpoints import MOST_LEFT_OUT
from durable.local.engine.executions import Executions
from durable.local.engine.functions import Functions
from durable.local.storage.schema import EXECUTION
from durable.project import Project, declarations
from durable.runs.record import load_header
from durable.testing.host import VirtualHost
from tests.integration.local import relay

MakeHost = Callable[[Build], VirtualHost]


@pytest.fixture(scope="module")
def project() -> Build:
    return build(Project("relay", tuple(declarations(sys.modules[relay.__name__]))))


@pytest.fixture(autouse=True)
def _forget() -> None:
    relay.calls.clear()


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the execution of each workflow was put into the journal."""
    counted: Counter[str] = Counter()
    put = Executions.put

    def count(executions: Executions, stored: Any, *args: Any, **options: Any) -> None:
        counted[stored.workflow] += 1
        put(executions, stored, *args, **options)

    monkeypatch.setattr(Executions, "put", count)
    return counted


def test_an_execution_is_put_into_the_journal_once_in_several_steps(
    host: MakeHost, project: Build, puts: Counter[str]
) -> None:
    assert host(project).run_workflow("relay", 1).output == 21
    assert puts["relay"] == 2  # at its start, and when as many turns were left out as may be
    assert MOST_LEFT_OUT < 20


def test_whoever_is_told_of_an_end_finds_the_execution_removed_so_that_one_commit_has_both(
    host: MakeHost, project: Build
) -> None:
    world, left = host(project), list[Any]()

    def ended(instance: str) -> None:
        header = load_header(world.host.table, "relay", instance)
        assert header is not None
        left.append((header.status, world.host.journal.get(EXECUTION, (header.execution,))))

    world.host.ended = ended
    world.run_workflow("relay", 1)
    assert left == [("complete", None)]


def test_a_turn_that_follows_from_a_failure_is_put_into_the_journal(
    host: MakeHost, project: Build, puts: Counter[str]
) -> None:
    assert host(project).run_workflow("stumbles", 1).output == 4
    assert puts["stumbles"] == 2  # at its start, and before what the except block calls


@pytest.mark.parametrize("turns", [2, 5, 12, 18, 20])
def test_steps_that_ended_answer_from_the_record_after_a_crash(host: MakeHost, project: Build, turns: int) -> None:
    first = host(project)
    id = first.start("relay", 1)
    with pytest.raises(RuntimeError, match="still busy"):
        first.run(turns=turns)
    first.close()
    second = host(project)
    second.run()
    assert second.status("relay", id).output == 21
    assert relay.calls == ["pass on"] * 20


def test_after_a_crash_an_attempt_is_on_disk_before_it_begins_also_behind_steps_that_ended(
    host: MakeHost, project: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = host(project)
    first.start("relay", 1)
    with pytest.raises(RuntimeError, match="still busy"):
        first.run(turns=12)
    first.close()
    known, resumed, invoke = len(relay.calls), list[bool](), Functions.invoke

    def watch(functions: Functions, *args: Any, resumes: bool = False, **options: Any) -> Any:
        resumed.append(resumes)
        return invoke(functions, *args, resumes=resumes, **options)

    monkeypatch.setattr(Functions, "invoke", watch)
    host(project).run()
    assert known > 1
    assert all(resumed[: known + 1])  # those that answer from the record, and the one that may have ended the process


def test_an_orderly_end_leaves_the_next_process_nothing_to_ask_the_record_for(host: MakeHost, project: Build) -> None:
    first = host(project)
    first.start("relay", 1)
    with pytest.raises(RuntimeError, match="still busy"):
        first.run(turns=12)
    first.host.engine.keep()
    first.close()
    relay.calls.clear()
    invoked = list[str]()
    second = host(project)
    begin = second.host.table.write

    def write(*changes: Any) -> Any:
        invoked.extend(each.key.sort for each in changes if each.key.sort.startswith("step#"))
        return begin(*changes)

    second.host.table.write = write  # type: ignore[method-assign]  # to see which steps are begun
    second.run()
    assert len(relay.calls) == len(set(invoked))
