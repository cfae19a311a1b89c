"""A local server in a process of its own, on loopback, and a client for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}
"""A server is started so often that its modules are compiled once, and not beside them."""


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def location(self) -> str:
        return next(value for name, value in self.headers.items() if name.lower() == "location")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Server:
    """`python -m durable dev` for the app.py of a folder."""

    project: Path
    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    reload: bool = False

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def _log(self) -> Path:
        return self.data.with_name(f"{self.data.name}-{self.port}.log")

    def start(self) -> None:
        self.spawn()
        eventually(self._answers, "the server to listen")

    def refused(self) -> str:
        """Start it where it cannot run, and return what it says."""
        self.spawn()
        assert self.process is not None
        assert self.process.wait(PATIENCE_SECONDS) == 2
        return self.log

    def spawn(self) -> None:
        """Start it, and do not wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "durable", "dev", "--port", str(self.port), "--data", str(self.data)),
                    "--reload" if self.reload else "--no-reload",
                ],
                cwd=self.project,
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": f"{self.project}:{ROOT}"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            self.get("/nothing")
        except OSError:
            return False
        return True

    def kill(self) -> int:
        """End it as `kill -9` does, and return which process it was."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return self.process.pid

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(urllib.request.Request(self._url(path), headers=headers))

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self._send("POST", path, body, headers)

    def patch(self, path: str, body: Any) -> Answer:
        return self._send("PATCH", path, body, {})

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): each for name, each in headers.items()}
        return self._ask(urllib.request.Request(self._url(path), data, sent, method=method))

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @staticmethod
    def _ask(request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer(response.status, dict(response.headers.items()), json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers.items()), json.load(error))


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds.

    Raises:
        TimeoutError: it does not within 30 s.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {PATIENCE_SECONDS} s for {what}")
        time.sleep(0.02)  # noqa: TID251  # another process's doing
