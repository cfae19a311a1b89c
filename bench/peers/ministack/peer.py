"""MiniStack: a whole AWS on one port; its state is in memory, and written to disk when it is stopped in order."""

from __future__ import annotations

from pathlib import Path

from bench.environments import Environment
from bench.processes import Process
from bench.stepfunctions import CREDENTIALS, REGION, StepFunctionsPeer


class MiniStack(StepFunctionsPeer):
    name = "MiniStack, over HTTP"
    beside = "in memory until an orderly stop; 1 process, and 1 for each Lambda"
    environment = Environment("ministack")
    account = "000000000000"

    def serve(self, data: Path) -> None:
        variables = {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(data),
            "TMPDIR": str(data.parent),
            "HOME": str(data.parent),
        }
        command = [self.environment.folder / "venv" / "bin" / "ministack"]
        log = data.with_name(f"{data.name}.log")
        self.processes.append(Process(command, environment=CREDENTIALS | variables, folder=data.parent, log=log))
