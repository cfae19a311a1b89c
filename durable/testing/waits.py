"""The waits for events of a sandbox: an event that was sent is matched as ever, a fixed one comes at once."""

from __future__ import annotations

from typing import Any, Final

from durable.clock import Clock
from durable.local.engine.functions import Wait
from durable.steps.attempt import Hang
from durable.steps.events import Events
from durable.store.keys import StepKey
from durable.testing.attempts import Attempts
from durable.testing.stubs import Stubs
from durable.wire import WaitTask


class SandboxWaits:
    """Notes each wait, and what the stubs make of it; outlives the hosts of a sandbox.

    What is fixed has a type of its own, so that no other event and no other wait is concerned.
    """

    def __init__(self, stubs: Stubs, attempts: Attempts, clock: Clock) -> None:
        self._stubs, self._attempts, self._clock = stubs, attempts, clock
        self._types: Final[dict[tuple[StepKey, str], str]] = {}

    def around(self, wait: Wait, events: Events) -> Wait:
        """Return what begins a wait in the place of this."""

        def begin(task: WaitTask) -> int | None:
            key = StepKey.of(task)
            known = self._types.get((key, task["type"]))  # a callback that is begun again has another type
            if known is not None:
                return wait({**task, "type": known})
            return self._first(key, task, wait, events)

        return begin

    def _first(self, key: StepKey, task: WaitTask, wait: Wait, events: Events) -> int | None:
        attempt = self._attempts.begin(str(key), task["step"], number=1, at_ms=self._clock.now(), input={})
        act = self._stubs.act(attempt)
        asked = (key, task["type"])
        self._types[asked] = task["type"]
        if act is None:
            return wait(task)
        try:
            payload: Any = act({})
        except Hang:
            self._types[asked] += " (withheld)"
            return wait({**task, "type": self._types[asked]})
        # The wait is begun before its event is sent, so that its deadline is that of any other.
        type = self._types[asked] = f"{task['type']} (fixed for {key.path})"
        deadline = wait({**task, "type": type})
        events.send(key.workflow, key.instance, type, payload, f"fixed:{key.path}")
        return deadline
