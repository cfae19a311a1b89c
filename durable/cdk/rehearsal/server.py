"""MiniStack: a whole AWS on one port of the loopback, in a virtual environment of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from durable.cdk.rehearsal.tls import Certificate, certificate

VERSION: Final = "1.5.33"
ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
_HOSTS: Final = ("localhost", f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}.localhost")
"""The server's names: its own, and that of the bucket of `cdk bootstrap`."""
_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 3


class RehearsalError(Exception):
    """The rehearsal could not be held."""


@dataclass(frozen=True, slots=True)
class MiniStack:
    """A running server; `process` is the id of its group of processes."""

    port: int
    process: int
    log: Path
    certificate: Certificate

    @property
    def endpoint(self) -> str:
        return _endpoint(self.port)

    def environment(self) -> dict[str, str]:
        """Return the environment of a process that is to take it for AWS; nothing of a real account is in it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        return (
            kept
            | self.certificate.trusted()
            | {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            }
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's root."""
        return boto3.client(  # type: ignore[call-overload]  # the name is not a literal
            service,
            endpoint_url=self.endpoint,
            verify=str(self.certificate.authority),
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def mail(self) -> list[dict[str, Any]]:
        """Return the messages that SES has taken."""
        context = ssl.create_default_context(cafile=str(self.certificate.authority))
        with urllib.request.urlopen(f"{self.endpoint}/_ministack/ses/messages", timeout=5, context=context) as answer:
            boxes: dict[str, list[dict[str, Any]]] = json.load(answer)["messages"]
        return [message for box in boxes.values() for message in box]


def installed(cache: Path) -> Path:
    """Return the command `ministack`, installed at its pinned version if it is not there."""
    folder = cache / f"ministack-{VERSION}"
    command = folder / "bin" / "ministack"
    if not command.exists():
        # An environment of its own, for it pins another botocore; `clear`, for an interrupted installation may have
        # left half of one.
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, f"ministack=={VERSION}"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RehearsalError(f"pip could not install ministack {VERSION}: {done.stderr.strip()[-500:]}")
    return command


@contextmanager
def ministack(cache: Path) -> Iterator[MiniStack]:
    """Run a server, with nothing stored but for its log, and end it and all that it started."""
    cache = cache.resolve()
    command = installed(cache)
    port = free_port()
    log = cache / "rehearsal.log"
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, log.open("wb") as output:
        own = certificate(Path(folder), _HOSTS)
        environment = _environment(port, folder, own)
        process = subprocess.Popen(
            [str(command.with_name("python")), str(command)],  # by its shebang it could not be run once it is moved
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A group of processes of its own: MiniStack starts Lambdas, and all of them are ended with it.
            start_new_session=True,
        )
        try:
            server = MiniStack(port, process.pid, log, own)
            _await(process, server)
            yield server
        finally:
            _end(process)


def _environment(port: int, folder: str, own: Certificate) -> dict[str, str]:
    """Return the server's environment: on loopback only, no MQTT listener, and IAM's policies enforced."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return (
        kept
        | own.trusted()
        | {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true",
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": _endpoint(port),
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(own.certificate),
            "MINISTACK_SSL_KEY": str(own.key),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "TMPDIR": folder,
            "HOME": folder,
        }
    )


def _endpoint(port: int) -> str:
    return f"https://localhost:{port}"


def free_port() -> int:
    with socket.socket() as probe:
        # 0 stands for any port that is free.
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(process: subprocess.Popen[bytes], server: MiniStack) -> None:
    context = ssl.create_default_context(cafile=str(server.certificate.authority))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RehearsalError(f"MiniStack ended at once, with {process.returncode}; its log is {server.log}")
        try:
            with urllib.request.urlopen(f"{server.endpoint}/_ministack/health", timeout=2, context=context):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pause(0.1)
    raise RehearsalError(f"MiniStack did not answer within {_START_SECONDS} s; its log is {server.log}")


def pause(seconds: float) -> None:
    """Wait for something that does not say when it is ready."""
    threading.Event().wait(seconds)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and the Lambdas that it runs: they are of one group, which is ours alone."""
    # Twice at the most: what does not end when it is asked to is killed.
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait(_STOP_SECONDS)
