"""Restate: its server, and a service that it calls, on its Python or its TypeScript SDK."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.connection import Answer, Request
from bench.environments import PATH, ROOT, Environment, tool
from bench.overhttp import HttpPeer
from bench.peer import State, sign_up
from bench.processes import Process, free_port

_ENVIRONMENT: Final = Environment("restate")
_RUN: Final = "/Onboarding/run-{}/run"
_NOT_READY: Final = 470


@dataclass(frozen=True, slots=True)
class Ports:
    ingress: int
    admin: int
    node: int
    service: int


class Restate(HttpPeer):
    environment = _ENVIRONMENT

    beside = "an fsync of its log, shared by runs; 2 processes, the server in Rust"

    def __init__(self, name: str, service: Callable[[int], list[str]]) -> None:
        super().__init__()
        self.name = name
        self._service = service
        self._ports: Ports | None = None

    def launch(self, data: Path) -> None:
        new = self._ports is None or not (data / "node").exists()
        ports = self._ports = Ports(*(free_port() for _ in range(4))) if new or self._ports is None else self._ports
        self._process(self._service(ports.service), {"PYTHONPATH": str(ROOT)}, data)
        server = _ENVIRONMENT.package("@restatedev", "restate-server-linux-x64", "bin", "restate-server")
        self._process([str(server), "--no-logo"], _settings(ports, data / "node"), data)
        self.port = ports.admin
        self.ready(Request("GET", "/health"))
        if new:
            uri = f"http://127.0.0.1:{ports.service}"
            self.ready(Request("POST", "/deployments", {"uri": uri})).of(201)
        self.port = ports.ingress
        self.ready(Request("GET", "/restate/health")).of(200)

    def whole_request(self, number: int) -> Request:
        return Request("POST", _RUN.format(number), sign_up(number))

    def start_request(self, number: int) -> Request:
        return Request("POST", f"{_RUN.format(number)}/send", sign_up(number))

    def started(self, number: int, answer: Answer) -> str:
        answer.of(202)
        return f"run-{number}"

    def status_request(self, id: str) -> Request:
        return Request("GET", f"/restate/workflow/Onboarding/{id}/output")

    def state(self, answer: Answer) -> State:
        if answer.status == 404:
            return State.FORGOTTEN
        return State.OPEN if answer.status == _NOT_READY else State.COMPLETE

    def _process(self, command: list[str], variables: Mapping[str, str], data: Path) -> None:
        log = data.with_name(f"{data.name}.log")
        environment = {"PATH": PATH, **variables}
        self.processes.append(Process(command, environment=environment, folder=_ENVIRONMENT.folder, log=log))


def python() -> Restate:
    def command(port: int) -> list[str]:
        options = ["--bind", f"127.0.0.1:{port}", "--log-level", "error"]
        return [str(_ENVIRONMENT.python), "-m", "hypercorn", *options, "bench.peers.restate.service:app"]

    return Restate("Restate, Python service, over HTTP", command)


def typescript() -> Restate:
    def command(port: int) -> list[str]:
        copied = shutil.copy(_ENVIRONMENT.source / "service.mjs", _ENVIRONMENT.folder)
        return [tool("node"), str(copied), str(port)]

    return Restate("Restate, TypeScript service, over HTTP", command)


def _settings(ports: Ports, folder: Path) -> dict[str, str]:
    return {
        "DO_NOT_TRACK": "1",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_BIND_PORT": str(ports.node),
        "RESTATE_INGRESS__BIND_PORT": str(ports.ingress),
        "RESTATE_ADMIN__BIND_PORT": str(ports.admin),
        "RESTATE_BASE_DIR": str(folder),
        "RUST_LOG": "error",
    }
