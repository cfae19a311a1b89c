"""Ours: the engine in a process of its own, and `python -m durable dev` as `make run` starts it."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.connection import Answer, Request
from bench.environments import ROOT
from bench.inprocess import InProcessPeer
from bench.overhttp import HttpPeer
from bench.peer import State, sign_up, state_of
from bench.processes import Process, free_port


def in_process() -> InProcessPeer:
    return InProcessPeer("ours, in process", "bench.peers.ours.library", Path(sys.executable))


class OverHttp(HttpPeer):
    name = "ours, over HTTP"

    def launch(self, data: Path) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "durable", "dev", "--no-reload", "--port", str(self.port), "--data", str(data)]
        log = data.with_name(f"{data.name}.log")
        self.processes.append(Process(command, environment={}, folder=ROOT, log=log))
        self.ready(Request("GET", "/api/workflow/status/none"))

    def start_request(self, number: int) -> Request:
        return Request("POST", "/api/workflow/start", sign_up(number))

    def started(self, number: int, answer: Answer) -> str:
        return str(answer.of(201).body["workflowId"])

    def status_request(self, id: str) -> Request:
        return Request("GET", f"/api/workflow/status/{id}")

    def state(self, answer: Answer) -> State:
        if answer.status == 404:
            return State.FORGOTTEN
        return state_of(answer.of(200).body["status"])
