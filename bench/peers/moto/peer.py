"""moto: Step Functions in memory, with the steps run in its own process."""

from __future__ import annotations

from pathlib import Path

from bench.environments import ROOT, Environment
from bench.processes import Process
from bench.stepfunctions import CREDENTIALS, StepFunctionsPeer


class Moto(StepFunctionsPeer):
    name = "moto, over HTTP, in memory"
    beside = "in memory; 1 process"
    environment = Environment("moto")
    account = "123456789012"
    keeps_on_disk = False

    def serve(self, data: Path) -> None:
        command = [str(self.environment.python), "-m", "bench.peers.moto.server", str(self.port)]
        log = data.with_name(f"{data.name}.log")
        self.processes.append(
            Process(command, environment=CREDENTIALS | {"PYTHONPATH": str(ROOT)}, folder=ROOT, log=log)
        )
