"""Ours: the engine in a process of its own, and the server that `python -m durable dev` starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from bench.connection import Answer, Request
from bench.environments import ROOT
from bench.inprocess import InProcessPeer
from bench.overhttp import HttpPeer
from bench.peer import State, sign_up, state_of
from bench.processes import Process, free_port

ONBOARDING: Final = "app"
"""The module of the project of this repository."""
FOUR_STEPS: Final = "bench.peers.ours.bare.app"
"""The module of a project whose four steps compute and return."""
_FSYNC: Final = "an fsync before the next step begins, shared by runs; 1 process"
_WRITES: Final = "the same; checks and claims an address, stores a profile and settings, queues and writes an e-mail"


def four_steps() -> InProcessPeer:
    return _in_process("ours, in process", FOUR_STEPS, _FSYNC)


def onboarding() -> InProcessPeer:
    return _in_process("ours, onboarding with its writes, in process", ONBOARDING, _WRITES)


def _in_process(name: str, project: str, beside: str) -> InProcessPeer:
    return InProcessPeer(name, "bench.peers.ours.library", Path(sys.executable), beside, None, arguments=(project,))


class OverHttp(HttpPeer):
    """`python -m durable dev` in the folder of a project, as `make run` starts it."""

    def __init__(self, name: str, folder: Path, beside: str) -> None:
        super().__init__()
        self.name, self.beside = name, beside
        self._folder = folder

    def launch(self, data: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "durable", "dev", "--no-reload", "--port", str(self.port), "--data", str(data)]
        log = data.with_name(f"{data.name}.log")
        environment = {"PYTHONPATH": str(ROOT)}
        self.processes.append(Process(command, environment=environment, folder=self._folder, log=log))
        self.ready(Request("GET", "/api/workflow/status/none"))

    def start_request(self, number: int) -> Request:
        return Request("POST", "/api/workflow/start", sign_up(number))

    def started(self, number: int, answer: Answer) -> str:
        return str(answer.of(201).body["workflowId"])

    def status_request(self, id: str) -> Request:
        return Request("GET", f"/api/workflow/status/{id}")

    def end_request(self, id: str) -> Request:
        return Request("GET", f"/api/workflow/status/{id}?wait=20s&for=end")

    def state(self, answer: Answer) -> State:
        if answer.status == 404:
            return State.FORGOTTEN
        return state_of(answer.of(200).body["status"])


def four_steps_over_http() -> OverHttp:
    return OverHttp("ours, over HTTP", ROOT / "bench" / "peers" / "ours" / "bare", _FSYNC)


def onboarding_over_http() -> OverHttp:
    return OverHttp("ours, onboarding with its writes, over HTTP", ROOT, _WRITES)
