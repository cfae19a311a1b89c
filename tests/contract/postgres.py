"""A server of PostgreSQL on loopback, of the machine's own packages; tests that want it are skipped without."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_SETTINGS = ("fsync=off", "synchronous_commit=off", "shared_buffers=16MB", "max_connections=20")


@contextmanager
def postgres() -> Iterator[str]:
    """Start a server in a new folder, yield its URL, and stop it."""
    if not _SERVERS:
        pytest.skip("PostgreSQL is not installed")
    programs = _SERVERS[-1]
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to be root's
        shutil.chown(folder, "postgres")
        who = {"user": "postgres"}
    data, port = folder / "data", _free_port()
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **who}
    make = ["-A", "trust", "-U", "tester", "--no-sync", "-D", str(data)]
    subprocess.run([str(programs / "initdb"), *make], check=True, **quiet)
    place = (f"port={port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={folder}")
    settings = [part for each in (*_SETTINGS, *place) for part in ("-c", each)]
    server = subprocess.Popen([str(programs / "postgres"), "-D", str(data), *settings], **quiet)
    try:
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        while subprocess.run(ready, **quiet).returncode:
            assert server.poll() is None
        yield f"postgresql://tester@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
