"""The driver's side of a peer that answers HTTP: the load is made here, on as many connections as runs at once."""

from __future__ import annotations

import asyncio
import selectors
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from bench.connection import Answer, Connection, Request
from bench.environments import Environment
from bench.peer import Load, Sample, State, Unavailable
from bench.processes import Process, bytes_on_disk

START_SECONDS: Final = 60.0
RUN_SECONDS: Final = 60.0
"""The longest that a run may take."""

T = TypeVar("T")


class HttpPeer(ABC):
    """A peer behind a port. Subclasses say how it is launched, and what its requests are."""

    name: str
    beside: str
    port: int
    environment: Environment | None = None
    keeps_on_disk = True

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self._data = Path()
        self._recent: deque[float] = deque(maxlen=40)

    @abstractmethod
    def launch(self, data: Path) -> None:
        """Start the processes, and return once it takes runs."""

    @abstractmethod
    def start_request(self, number: int) -> Request:
        """Return what starts a run, and is answered once that is acknowledged."""

    @abstractmethod
    def started(self, number: int, answer: Answer) -> str:
        """Return the id of the run that was started."""

    @abstractmethod
    def status_request(self, id: str) -> Request: ...

    @abstractmethod
    def state(self, answer: Answer) -> State: ...

    def whole_request(self, number: int) -> Request | None:
        """Return what runs to completion before it is answered, where the peer has such a request."""
        return None

    def end_request(self, id: str) -> Request | None:
        """Return what is answered once a run has ended, or after a while, where the peer has such a request."""
        return None

    def install(self) -> None:
        if self.environment is not None:
            self.environment.install()

    def start(self, data: Path) -> None:
        self._data, self.processes = data, []
        data.mkdir(exist_ok=True)
        self.launch(data)

    def run(self, load: Load) -> Sample:
        return _loop(self._load(load))

    def begin(self, load: Load) -> list[str]:
        async def begin(connection: Connection, number: int) -> str:
            return self.started(number, await connection.ask(self.start_request(number)))

        return _loop(self._each(load, begin))

    def states(self, ids: Sequence[str]) -> list[State]:
        async def states() -> list[State]:
            async with Connection(self.port) as connection:
                return [self.state(await connection.ask(self.status_request(each))) for each in ids]

        return _loop(states())

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def disk(self) -> int | None:
        return bytes_on_disk(self._data) if self.keeps_on_disk else None

    def memory(self) -> int:
        return sum(process.peak_memory() for process in self.processes)

    def processor_seconds(self) -> float:
        """Return the seconds of processor that its processes have used."""
        return sum(process.processor_seconds() for process in self.processes)

    def ready(self, request: Request, seconds: float = START_SECONDS) -> Answer:
        """Ask until there is an answer that is no server error, and return it.

        Raises:
            Unavailable: a process ends, or there is none in time.
        """
        return _loop(self._ready(request, time.monotonic() + seconds))

    async def _ready(self, request: Request, end: float) -> Answer:
        while True:
            try:
                async with Connection(self.port) as connection:
                    answer = await connection.ask(request)
                if answer.status < 500:
                    return answer
            except OSError:
                pass
            dead = next((each for each in self.processes if not each.running), None)
            if dead is not None or time.monotonic() > end:
                said = (dead or self.processes[0]).said()
                raise Unavailable(f"it does not come up: {said}")
            await asyncio.sleep(0.005)

    async def _load(self, load: Load) -> Sample:
        self._recent = deque(maxlen=40 if load.at_once > 1 else 0)
        began = time.perf_counter()
        latencies = await self._each(load, self._complete)
        return Sample(time.perf_counter() - began, latencies)

    async def _each(self, load: Load, act: Callable[[Connection, int], Awaitable[T]]) -> list[T]:
        """Act on each run's number, so many at once, until there are enough or the time is over."""
        numbers = _until(range(load.first, load.first + load.runs), load.seconds)

        async def lane() -> list[T]:
            async with Connection(self.port) as connection:
                return [await act(connection, number) for number in numbers]

        return [*chain.from_iterable(await asyncio.gather(*(lane() for _ in range(load.at_once))))]

    async def _complete(self, connection: Connection, number: int) -> float:
        """Run one to completion and return the seconds that this took."""
        began = time.perf_counter()
        whole = self.whole_request(number)
        if whole is not None:
            (await connection.ask(whole)).of(200)
            return time.perf_counter() - began
        await self._ended(connection, self.started(number, await connection.ask(self.start_request(number))))
        taken = time.perf_counter() - began
        self._recent.append(taken)
        return taken

    async def _ended(self, connection: Connection, id: str) -> None:
        """Ask how a run stands until it is complete: with others, first shortly before a quick one of late would be.

        A peer that has a request which waits is asked with that, without a pause.
        """
        waits = self.end_request(id)
        quick = sorted(self._recent)[len(self._recent) // 4] if self._recent else 0.0
        pause, end = quick * 0.8, time.monotonic() + RUN_SECONDS
        while True:
            if waits is None:
                await asyncio.sleep(pause)
            state = self.state(answer := await connection.ask(waits or self.status_request(id)))
            if state is State.COMPLETE:
                return
            if state is not State.OPEN or time.monotonic() > end:
                raise Unavailable(f"a run is {state}: {answer.text[:200].decode(errors='replace')}")
            pause = max(quick * 0.1, 0.001)


def _until(numbers: range, seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    for number in numbers:
        if number > numbers.start and time.monotonic() > end:
            return
        yield number


def _loop(work: Coroutine[Any, Any, T]) -> T:
    """Run on a loop whose waits are exact to microseconds; those of epoll are rounded up to milliseconds."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(work)
