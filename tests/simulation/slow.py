"""Parts of a deployment that take a while: then what happens meanwhile happens often enough to be seen."""

from __future__ import annotations

from typing import Any

from durable.runs.runs import Runs
from durable.runs.segments import Segments
from durable.runs.timers import Timers
from durable.store.large_values import RunPlace, ValuesBusy
from durable.store.rows import Header
from durable.store.table import Table
from durable.testing.large_values import MemoryValues
from tests.simulation.aws import Faults
from tests.simulation.kernel import Kernel


class SlowValues(MemoryValues):
    """Large values in a place that is slow and can fail."""

    def __init__(self, kernel: Kernel, faults: Faults) -> None:
        super().__init__()
        self._kernel, self._faults = kernel, faults

    def write(self, run: RunPlace, name: str, data: bytes) -> None:
        self._pause()
        super().write(run, name, data)
        self._pause()

    def read(self, run: RunPlace, name: str) -> bytes | None:
        self._pause()
        return super().read(run, name)

    def delete(self, run: RunPlace) -> None:
        if run in self.kept:
            self._pause()
        super().delete(run)

    def _pause(self) -> None:
        self._kernel.pause(self._kernel.random.randint(5, 60))
        if self._kernel.current is not None and self._kernel.chance(self._faults.table_busy):
            raise ValuesBusy("busy")


class SlowSegments(Segments):
    """Segments of which parking takes a while."""

    def __init__(self, table: Table, runs: Runs, timers: Timers, kernel: Kernel) -> None:
        super().__init__(table, runs, timers, kernel.clock)
        self._kernel = kernel

    def park(self, *arguments: Any, **options: Any) -> Header | None:
        self._kernel.pause(self._kernel.random.choice((1, 5, 40)))
        return super().park(*arguments, **options)
