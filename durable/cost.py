"""What a run costs on AWS: its state transitions or executions, invocations and table requests, and their price.

Counted on the compiled state machine, for the shortest and the longest way through it that completes. The bindings' own
traffic, logs and data transfer are not in it, and no free tier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from durable.bindings.workflow import MachineKind
from durable.wire import AGAIN

Json = Mapping[str, Any]

PRICES_OF: Final = "us-east-1, list prices of November 2026"
_MILLION: Final = 1_000_000
# US dollars for a million
_TRANSITIONS: Final = 25.00
_EXECUTIONS: Final = 1.00
_EXPRESS_SECONDS: Final = 1.042
"""A second of an Express execution, of 64 MB; a run that is never parked is one execution."""
_REQUESTS: Final = 0.20
_GB_SECONDS: Final = 13.3334
_WRITES: Final = 0.625
_READS: Final = 0.125
_API_REQUESTS: Final = 1.00
MEMORY_GB: Final = 0.5
"""Of each Lambda, on arm64."""

# of the record, measured: header, running, closed; the index follows; a lease and an outcome, each read after, but for
# the outcome on Express; when it closes a look at all rows, and to each row when it may vanish
_WRITES_OF_RUN: Final[Mapping[MachineKind, int]] = {"standard": 3, "express": 2}
_INDEX_WRITES_OF_RUN: Final[Mapping[MachineKind, int]] = {"standard": 5, "express": 3}
_WRITES_OF_STEP: Final = 3
_READS_OF_RUN: Final = 2
_READS_OF_STEP: Final[Mapping[MachineKind, int]] = {"standard": 2, "express": 1}
_OTHER_INVOCATIONS: Final = 2
"""The API's that starts the run, and that which closes it: the completion's, or the turn's."""


def dollars_of_lambda(invocations: int, milliseconds: int) -> float:
    """Return what so many invocations cost, each of so long."""
    return invocations / _MILLION * (_REQUESTS + milliseconds / 1_000 * MEMORY_GB * _GB_SECONDS)


def dollars_of_reads(units: float) -> float:
    """Return what so many read units of DynamoDB cost."""
    return units / _MILLION * _READS


class Way(NamedTuple):
    """A way through a machine: the states that are entered, and those of them that invoke a Lambda."""

    transitions: int = 0
    invocations: int = 0

    def plus(self, other: Way, times: int = 1) -> Way:
        """Return both, one after the other; the other several times."""
        return Way(self.transitions + times * other.transitions, self.invocations + times * other.invocations)


Pick = Callable[[Iterable[Way]], Way]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run takes, and the price of a million such runs in US dollars.

    Attributes:
        milliseconds: how long a Lambda takes.
        kind: of the workflow; of one on Express, a run that is not parked.
    """

    way: Way
    milliseconds: int
    kind: MachineKind = "standard"

    @property
    def invocations(self) -> int:
        return self.way.invocations + _OTHER_INVOCATIONS

    @property
    def writes(self) -> int:
        own = _WRITES_OF_RUN[self.kind] + _INDEX_WRITES_OF_RUN[self.kind]
        return own + _WRITES_OF_STEP * self.way.invocations

    @property
    def reads(self) -> int:
        return _READS_OF_RUN + _READS_OF_STEP[self.kind] * self.way.invocations

    def prices(self) -> dict[str, float]:
        """Return the price of a million runs, part by part."""
        seconds = self.invocations * self.milliseconds / 1_000
        return {
            **self._of_step_functions(),
            "Lambda, requests": self.invocations * _REQUESTS,
            "Lambda, time": seconds * MEMORY_GB * _GB_SECONDS,
            "DynamoDB, writes of the record": self.writes * _WRITES,
            "DynamoDB, reads of the record": self.reads * _READS,
            "API Gateway, the start": _API_REQUESTS,
        }

    def _of_step_functions(self) -> dict[str, float]:
        if self.kind == "standard":
            return {"Step Functions, transitions": self.way.transitions * _TRANSITIONS}
        # Without the API's invocation, which starts the execution and is no part of it.
        tenths = math.ceil((self.invocations - 1) * self.milliseconds / 100)  # it is billed by 100 ms
        return {
            "Step Functions, executions": _EXECUTIONS,
            "Step Functions, time": tenths / 10 * _EXPRESS_SECONDS,
        }


def shortest(machine: Json) -> Way:
    """Return the shortest way to the end of a state machine: no round of a loop, no item in a map."""
    return _Machine(machine, min, 0).way()


def longest(machine: Json, rounds: int = 1) -> Way:
    """Return the longest way: each loop goes round, and each map has items, so many times; no attempt fails."""
    return _Machine(machine, max, rounds).way()


class _Machine:
    """The graph of a machine, without the edges that lead back in a loop; the body of a loop weighs on its head."""

    def __init__(self, machine: Json, pick: Pick, rounds: int) -> None:
        self._states: Json = machine["States"]
        self._start: str = machine["StartAt"]
        self._pick, self._rounds = pick, rounds
        self._order, self._back = _walked(self._states, self._start)
        self._weights = {name: self._own(self._states[name]) for name in self._order}

    def way(self) -> Way:
        """Return the way from the start to an end; to a failure only where there is no other end."""
        # A loop within another one weighs on the outer one's head as often as that goes round: so the inner ones come
        # first.
        inner_first = sorted(self._loops().items(), key=lambda loop: self._order.index(loop[0]))
        for head, ends in inner_first:
            self._weights[head] = self._weights[head].plus(self._round(head, ends), self._rounds)
        ends = {name for name in self._order if _ends(self._states[name])}
        completes = {name for name in ends if self._states[name]["Type"] != "Fail"}
        return self._best(self._start, completes) or self._best(self._start, ends) or Way()

    def _own(self, state: Json) -> Way:
        own = Way(1, 1 if "lambda:invoke" in state.get("Resource", "") else 0)
        for branch in state.get("Branches", ()):
            # Branches run side by side, and each of their states is paid for.
            own = own.plus(_Machine(branch, self._pick, self._rounds).way())
        if "ItemProcessor" in state:
            own = own.plus(_Machine(state["ItemProcessor"], self._pick, self._rounds).way(), self._rounds)
        return own

    def _loops(self) -> dict[str, set[str]]:
        """Return the heads of loops, each with the states that lead back to it."""
        loops: dict[str, set[str]] = {}
        for end, head in self._back:
            loops.setdefault(head, set()).add(end)
        return loops

    def _body(self, head: str, ends: set[str]) -> set[str]:
        """Return the states of a loop: those from which it goes back to its head."""
        before: dict[str, set[str]] = {}
        for name in self._order:
            for each in self._next(name):
                before.setdefault(each, set()).add(name)
        body, left = {head}, list(ends)
        while left:
            name = left.pop()
            if name not in body:
                body.add(name)
                left += before.get(name, ())
        return body

    def _round(self, head: str, ends: set[str]) -> Way:
        return self._best(head, ends, self._body(head, ends)) or Way()

    def _next(self, name: str) -> Iterator[str]:
        return (each for each in _edges(self._states[name]) if (name, each) not in self._back)

    def _best(self, start: str, ends: set[str], within: set[str] | None = None) -> Way | None:
        """Return the best way from a state to one of the ends; those that come after a state stand before it."""
        best: dict[str, Way] = {}
        for name in self._order:
            if within is not None and name not in within:
                continue
            rest = [best[each] for each in self._next(name) if each in best] + ([Way()] if name in ends else [])
            if rest:
                best[name] = self._weights[name].plus(self._pick(rest))
        return best.get(start)


def _walked(states: Json, start: str) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the states that are reached, each after all that follow it, and the edges that lead back."""
    order: list[str] = []
    back: set[tuple[str, str]] = set()
    open_: dict[str, Iterator[str]] = {start: _edges(states[start])}
    seen = {start}
    while open_:
        name = next(reversed(open_))
        following = next(open_[name], None)
        if following is None:
            del open_[name]
            order.append(name)
        # A state that is still being walked lies on the way here: the edge leads back to it, and closes a loop.
        elif following in open_:
            back.add((name, following))
        elif following not in seen:
            seen.add(following)
            open_[following] = _edges(states[following])
    return order, back


def _edges(state: Json) -> Iterator[str]:
    for rule in (*state.get("Choices", ()), *state.get("Catch", ()), state):
        # The wait before another attempt leads back to its step: no loop of the author's, and no attempt fails here.
        if "Next" in rule and not rule["Next"].endswith(AGAIN):
            yield rule["Next"]
    if "Default" in state:
        yield state["Default"]


def _ends(state: Json) -> bool:
    return bool(state.get("End")) or state["Type"] in ("Succeed", "Fail")
