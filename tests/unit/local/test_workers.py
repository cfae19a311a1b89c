"""The worker threads: one moves as long as none blocks, and others move as soon as one does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from durable.local.engine import workers
from durable.local.engine.workers import Crew

PATIENCE_SECONDS = 20


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_work_that_waits_for_other_work_is_not_in_its_way() -> None:
    crew, number = Crew(), 100
    pool, met = crew.pool(number), threading.Barrier(number + 1)
    for _ in range(number):
        pool.submit(lambda: met.wait(PATIENCE_SECONDS))

    met.wait(PATIENCE_SECONDS)

    assert pool.drain(PATIENCE_SECONDS)


def test_no_more_of_a_pool_runs_at_once_than_it_may_and_another_pool_moves(released: threading.Event) -> None:
    crew, begun = Crew(), list[int]()
    steps, turns = crew.pool(3), crew.pool(2)
    began = threading.Semaphore(0)

    def step(number: int) -> None:
        begun.append(number)
        began.release()
        released.wait(PATIENCE_SECONDS)

    for number in range(5):
        steps.submit(partial(step, number))
    for _ in range(3):
        assert began.acquire(timeout=PATIENCE_SECONDS)
    turned = threading.Event()
    turns.submit(turned.set)

    assert turned.wait(PATIENCE_SECONDS)
    assert not steps.drain(0.02)
    assert begun == [0, 1, 2]
    released.set()
    assert steps.drain(PATIENCE_SECONDS)
    assert begun == [0, 1, 2, 3, 4]


def test_it_says_whether_a_thread_is_at_work_and_when_no_work_is_left(released: threading.Event) -> None:
    rests = threading.Semaphore(0)
    crew = Crew(rests=rests.release)
    pool, began = crew.pool(9), threading.Semaphore(0)

    def work() -> None:
        began.release()
        released.wait(PATIENCE_SECONDS)

    pool.submit(work)
    assert began.acquire(timeout=PATIENCE_SECONDS)
    assert crew.busy()
    assert not rests.acquire(blocking=False)

    released.set()

    assert rests.acquire(timeout=PATIENCE_SECONDS)
    assert not crew.busy()


def test_short_work_is_done_in_order_by_one_thread() -> None:
    crew, done = Crew(), list[tuple[int, int]]()
    pool = crew.pool(8)

    def note(number: int) -> None:
        done.append((number, threading.get_ident()))

    def fan_out() -> None:
        for number in range(1_000):
            pool.submit(partial(note, number))

    pool.submit(fan_out)

    assert pool.drain(PATIENCE_SECONDS)
    assert sorted(number for number, _ in done) == list(range(1_000))
    by_thread: dict[int, list[int]] = {}
    for number, thread in done:
        by_thread.setdefault(thread, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_thread.values())
    assert len(by_thread) < 8


@pytest.mark.skipif(not Path(workers._THREADS).exists(), reason="only Linux says which threads could go on")
def test_work_that_computes_on_a_busy_machine_is_not_given_to_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if other programs had the processor at all times.
    monkeypatch.setattr("durable.local.engine.workers.time.process_time", lambda: 0.0)
    crew, done = Crew(), set[int]()
    pool = crew.pool(64)

    def compute() -> None:
        sum(range(400_000))
        done.add(threading.get_ident())

    for _ in range(64):
        pool.submit(compute)

    assert pool.drain(PATIENCE_SECONDS)
    assert len(done) < 16


def test_work_that_raises_ends_no_thread() -> None:
    crew, after = Crew(), threading.Event()
    pool = crew.pool(1)

    def leave() -> None:
        raise SystemExit(4)

    pool.submit(leave)
    pool.submit(after.set)

    assert after.wait(PATIENCE_SECONDS)
    assert pool.drain(PATIENCE_SECONDS)


def test_the_threads_of_every_pool_may_compute_and_wait() -> None:
    pool, found = Crew().pool(1), list[bool]()

    pool.submit(lambda: found.append(pool.here()))

    assert pool.drain(PATIENCE_SECONDS)
    assert (found, pool.here()) == ([True], False)
