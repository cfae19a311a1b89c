"""How soon other requests are answered while a run computes, on the embedded engine: python -m bench.computing.

One run after the other adds up the lengths of 3,000 words in `run`, so that the interpreter computes at all times, and
the list of another workflow's runs is asked for meanwhile, a hundred times a second at most.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from bench.environments import CACHE

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final = ROOT / "tests" / "e2e" / "projects" / "hostile"
_WORDS: Final = ["word"] * 3_000
_PATIENCE_SECONDS: Final = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.computing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    seconds = parser.parse_args().seconds
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder, _server(Path(folder)) as port:
        print("nothing else:", _answered(port, min(seconds, 10)))
        over, runs = threading.Event(), list[str]()
        computing = threading.Thread(target=_compute, args=(port, over, runs))
        computing.start()
        print("while a run computes:", _answered(port, seconds))
        over.set()
        computing.join()
        print(f"{len(runs)} runs computed")


@contextmanager
def _server(data: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "durable", "dev", "--port", str(port), "--data", str(data), "--no-reload"]
    output: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": f"{PROJECT}:{ROOT}"}, **output)
    try:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server does not listen: {' '.join(command)} in {PROJECT}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _ask(port: int, method: str, path: str, body: Any = None) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(method, f"/api/workflows/{path}", None if body is None else json.dumps(body), headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def _answered(port: int, seconds: float) -> str:
    """Return how long requests took, each over a connection of its own."""
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        _ask(port, "GET", "calm/instances")
        took.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.01)
    took.sort()
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    return f"{len(took)} requests, p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {took[-1]:.1f} ms"


def _compute(port: int, over: threading.Event, runs: list[str]) -> None:
    while not over.is_set():
        run = _ask(port, "POST", "computing/instances", {"params": _WORDS})["id"]
        while _ask(port, "GET", f"computing/instances/{run}")["status"] in ("queued", "running"):
            time.sleep(0.05)
        runs.append(run)


if __name__ == "__main__":
    main()
