"""What it would cost and give to run steps in processes of their own: python -m bench.workers.

A step of the four-step project is called as it is, and in a process that is spawned for it: over a pipe with its data
as JSON, and by `concurrent.futures`. Then a step that computes for long is called several times, by threads and by
processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from typing import Final

from bench.peer import sign_up
from bench.peers.ours.bare.steps import SignUp, User, validate_user

_SPAWN: Final = multiprocessing.get_context("spawn")
_HEAVY: Final = 3_000_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.workers", description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    text = SignUp.model_validate(sign_up(1)).model_dump_json().encode()
    print(f"a small step, microseconds of processor a call and of time, {options.calls:,} calls")
    _show("in this process", options.calls, lambda: _validated(text))
    began = time.perf_counter()
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    ours.send_bytes(text)
    ours.recv_bytes()
    started = time.perf_counter() - began
    _show("in another one, over a pipe", options.calls, partial(_asked, ours, text), process.pid)
    ours.send_bytes(b"")
    process.join()
    with ProcessPoolExecutor(1, mp_context=_SPAWN) as executor:
        _show(
            "by concurrent.futures", options.calls, lambda: executor.submit(_validated, text).result(), _pid(executor)
        )
    print(f"a worker was ready after {started:.2f} s")
    print(f"\na step that computes, {2 * options.workers} calls: seconds")
    with ThreadPoolExecutor(options.workers) as threads:
        print(f"{_seconds(threads, 2 * options.workers):8.2f}  by {options.workers} threads")
    with ProcessPoolExecutor(options.workers, mp_context=_SPAWN) as processes:
        list(processes.map(_compute, [1] * options.workers))  # they are up
        print(f"{_seconds(processes, 2 * options.workers):8.2f}  by {options.workers} processes")
    print(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:8.0f}  MB, the largest worker")


def _validated(text: bytes) -> bytes:
    user: User = validate_user(SignUp.model_validate_json(text))
    return user.model_dump_json().encode()


def _asked(connection: Connection, text: bytes) -> bytes:
    connection.send_bytes(text)
    return connection.recv_bytes()


def _serve(connection: Connection) -> None:
    while text := connection.recv_bytes():
        connection.send_bytes(_validated(text))


def _compute(number: int) -> int:
    return sum(range(number))


def _seconds(executor: Executor, calls: int) -> float:
    began = time.perf_counter()
    list(executor.map(_compute, [_HEAVY * 10] * calls))
    return time.perf_counter() - began


def _pid(executor: Executor) -> int:
    return executor.submit(os.getpid).result()


def _show(name: str, calls: int, call: Callable[[], object], other: int | None = None) -> None:
    """Print what a call costs, in this process and in the other one."""
    before, began = _processor(other), time.perf_counter()
    for _ in range(calls):
        call()
    taken, computed = time.perf_counter() - began, _processor(other) - before
    print(f"{computed * 1e6 / calls:8.0f} {taken * 1e6 / calls:8.0f}  {name}")


def _processor(other: int | None) -> float:
    theirs = 0.0 if other is None else time.clock_gettime(_clock_of(other))
    return time.process_time() + theirs


def _clock_of(process: int) -> int:
    """Return the clock of another process's time on Linux, as `clock_getcpuclockid` does."""
    return (~process << 3) | 2


if __name__ == "__main__":
    main()
