"""Hostile runs beside ordinary ones, on a server that is killed now and then.

No ordinary run may be lost, and none may be delayed by more than two seconds as long as its server lives.
"""

from __future__ import annotations

import itertools
import random
import time
from contextlib import suppress
from datetime import datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Final

from tests.e2e.server import PATIENCE_SECONDS, Server, eventually

PROJECT: Final = Path(__file__).parent / "projects" / "hostile"
HARMS: Final = ("exit", "interrupt", "cancel", "recurse", "letter", "block", "deep")
NAP_SECONDS: Final = 1
LONGEST_DELAY_SECONDS: Final = 2
_LIFE_SECONDS: Final = 6
_MOST_DEATHS: Final = 4
_WORDS: Final = 2_000


class Soak:
    """Ordinary runs that were acknowledged, and the server that they are on."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server = server
        self.acknowledged: list[str] = []
        self.delays: dict[str, float] = {}
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.server.start()
            self._live(min(end, time.monotonic() + _LIFE_SECONDS))
            self._end()
        self.server.start()
        for id in self.acknowledged:
            eventually(partial(self._is_complete, id), f"{id} to complete")

    def _is_complete(self, id: str) -> bool:
        return self._status(id) == "complete"

    def _live(self, end: float) -> None:
        """Start runs on one server, and see how long those take that it also ends."""
        own: list[str] = []
        while time.monotonic() < end:
            self._harm()
            id = f"calm-{next(self._numbers)}"
            answer = self.server.post("/api/workflows/calm/instances", {"id": id, "params": 1})
            assert answer.status == 201, answer
            own.append(id)
            time.sleep(0.05)  # noqa: TID251  # another process's doing
        self.acknowledged += own
        for id in own:
            body = self.server.get(f"/api/workflows/calm/instances/{id}").body
            if body["status"] == "complete":
                times = [datetime.fromisoformat(body[name]) for name in ("createdAt", "updatedAt")]
                self.delays[id] = (times[1] - times[0]).total_seconds() - NAP_SECONDS

    def _end(self) -> None:
        """End the server as `kill -9` does, or by a step that does so each time it is tried, until it is given up."""
        if self._random.random() < 0.5:
            id = f"die-{next(self._numbers)}"
            with suppress(OSError, HTTPException):  # the step may end the server before it answers
                self.server.post("/api/workflows/hostile/instances", {"id": id, "params": "die"})
            deaths = 0
            while not self._is_given_up(id):
                deaths += 1
                assert deaths <= _MOST_DEATHS, "the step ends the server for ever"
                self.server.spawn()
        self.server.kill()

    def _is_given_up(self, id: str) -> bool:
        """Return whether a run has ended, or was never acknowledged; False where the server ended before it."""
        process = self.server.process
        assert process is not None
        end = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None:
            assert time.monotonic() < end, f"{id} neither ends nor ends the server"
            with suppress(OSError, HTTPException):
                answer = self.server.get(f"/api/workflows/hostile/instances/{id}")
                if answer.status == 404 or answer.body["status"] == "errored":
                    return True
            time.sleep(0.05)  # noqa: TID251  # another process's doing
        return False

    def _harm(self) -> None:
        draw = self._random.random()
        if draw < 0.05:
            self._post("computing", ["word"] * _WORDS)
        elif draw < 0.1:
            self._post("hostile", _nested(190))
        else:
            self._post("hostile", self._random.choice(HARMS))

    def _post(self, workflow: str, params: object) -> None:
        try:
            self.server.post(f"/api/workflows/{workflow}/instances", {"params": params})
        except (OSError, HTTPException):
            raise AssertionError(
                f"the server did not answer a start of {workflow}: {self.server.log[-2_000:]}"
            ) from None

    def _status(self, id: str) -> str:
        status: str = self.server.get(f"/api/workflows/calm/instances/{id}").body["status"]
        return status

    def check(self) -> None:
        late = {id: delay for id, delay in self.delays.items() if delay > LONGEST_DELAY_SECONDS}
        assert not late, late
        assert self.delays
        _, _, trace = self.server.log.partition("\nTraceback (")  # one of the server itself: a step's has a frame
        assert not trace, trace[:2_000]


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value
