"""The attempts that steps made in a test, and which round each belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Attempt:
    """One call of a step: which one, when (milliseconds since 1970), with what, and what it raised."""

    workflow: str
    run: str
    step: str
    key: str
    round: int
    number: int
    at_ms: int
    input: Mapping[str, Any]
    exception: Exception | None = None


class Attempts:
    """All attempts, by step key in the order that they were begun."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str, str], list[Attempt]] = {}
        self._rounds: dict[tuple[str, str, str], dict[str, int]] = {}

    def begin(self, idempotency_key: str, step: str, *, number: int, at_ms: int, input: Mapping[str, Any]) -> Attempt:
        """Note an attempt; a step's rounds are counted from 1, in the order that they were begun."""
        # See `durable.store.keys.StepKey`: the step's own key comes last, and may hold slashes of blocks.
        workflow, run, _, _, key = idempotency_key.split("/", 4)
        rounds = self._rounds.setdefault((workflow, run, step), {})
        round = rounds.setdefault(key, len(rounds) + 1)
        attempt = Attempt(workflow, run, step, key, round, number, at_ms, input)
        self._attempts.setdefault((workflow, run, key), []).append(attempt)
        return attempt

    def of(self, workflow: str, run: str, key: str) -> Sequence[Attempt]:
        """Return the attempts of one step in one round."""
        return self._attempts.get((workflow, run, key), ())
