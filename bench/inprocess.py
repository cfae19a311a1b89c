"""The driver's side of a peer that is a library: its process is told what to run on standard input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.environments import ROOT, Environment
from bench.peer import Load, Sample, State, Unavailable
from bench.processes import Process, bytes_on_disk


@dataclass
class InProcessPeer:
    """Runs a module that calls `bench.lines.serve`.

    Attributes:
        module: what `python -m` runs, with the data folder and then `arguments`.
        python: of the peer's own environment.
        variables: of the process, beside ours.
    """

    name: str
    module: str
    python: Path
    beside: str
    environment: Environment | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    _process: Process | None = field(default=None, init=False)
    _data: Path = field(default=Path(), init=False)

    def install(self) -> None:
        if self.environment is not None:
            self.environment.install()

    def start(self, data: Path) -> None:
        self._data = data
        self._process = Process(
            [self.python, "-m", self.module, data, *self.arguments],
            environment={"PYTHONPATH": str(ROOT), **self.variables},
            folder=ROOT,
            log=data.with_name(f"{data.name}.log"),
            pipes=True,
        )
        self._hear()

    def run(self, load: Load) -> Sample:
        return Sample(**self._ask("run", asdict(load)))

    def begin(self, load: Load) -> list[str]:
        ids: list[str] = self._ask("begin", asdict(load))
        return ids

    def states(self, ids: Sequence[str]) -> list[State]:
        return [State(each) for each in self._ask("states", {"ids": ids})]

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def disk(self) -> int | None:
        return bytes_on_disk(self._data)

    def memory(self) -> int:
        return 0 if self._process is None else self._process.peak_memory()

    def _ask(self, what: str, parameters: Mapping[str, Any]) -> Any:
        assert self._process is not None
        stdin = self._process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": what, **parameters}).encode() + b"\n")
        stdin.flush()
        return self._hear()

    def _hear(self) -> Any:
        assert self._process is not None
        stdout = self._process.popen.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise Unavailable(f"it ended: {self._process.said()}")
        return json.loads(line)
