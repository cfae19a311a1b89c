"""Cloudflare Workflows as `wrangler dev` runs them on one machine, without any network."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from bench.connection import Answer, Request
from bench.environments import PATH, Environment, tool
from bench.overhttp import HttpPeer
from bench.peer import State, sign_up, state_of
from bench.processes import Process, free_port

_QUIET: Final = {
    "CI": "1",
    "CLOUDFLARE_CF_FETCH_ENABLED": "false",
    "NO_UPDATE_NOTIFIER": "1",
    "WRANGLER_HIDE_BANNER": "true",
    "WRANGLER_LOG": "warn",
    "WRANGLER_SEND_METRICS": "false",
    "WRANGLER_SEND_ERROR_REPORTS": "false",
}


class Wrangler(HttpPeer):
    name = "Cloudflare Workflows, `wrangler dev`, over HTTP"
    beside = "SQLite in workerd, as it comes; 3 processes or more"
    environment = Environment("cloudflare")

    def launch(self, data: Path) -> None:
        folder = self.environment.folder
        for each in ("worker.mjs", "wrangler.json"):
            shutil.copy(self.environment.source / each, folder)
        self.port = free_port()
        cli = str(self.environment.package("wrangler", "bin", "wrangler.js"))
        where = ["--ip", "127.0.0.1", "--port", str(self.port), "--inspector-port", str(free_port())]
        command = [tool("node"), cli, "dev", *where, "--persist-to", str(data), "--show-interactive-dev-session=false"]
        log = data.with_name(f"{data.name}.log")
        environment = {"PATH": PATH, "XDG_CONFIG_HOME": str(folder / "config")} | _QUIET
        self.processes.append(Process(command, environment=environment, folder=folder, log=log))
        self.ready(Request("GET", "/")).of(200)

    def start_request(self, number: int) -> Request:
        return Request("POST", "/start", sign_up(number))

    def started(self, number: int, answer: Answer) -> str:
        return str(answer.of(201).body["workflowId"])

    def status_request(self, id: str) -> Request:
        return Request("GET", f"/status/{id}")

    def state(self, answer: Answer) -> State:
        if answer.status == 404:
            return State.FORGOTTEN
        return state_of(answer.of(200).body["status"])
