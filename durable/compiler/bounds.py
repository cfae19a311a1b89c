"""How many rounds a loop or map may take, before an execution has more events than Step Functions holds.

What is certain is counted with all attempts of each step, and the rest is for rounds. Where one loop has the rest to
itself, that is a number of rounds. Where several share it, a variable counts the events of the rounds so far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from durable.compiler.names import TOKEN_RETRIES
from durable.compiler.terms import Constant
from durable.compiler.tree import (
    Assign,
    Awaited,
    Break,
    Continue,
    EventWait,
    Gather,
    If,
    Loop,
    MapCall,
    Program,
    Raise,
    RaiseAgain,
    Return,
    Run,
    Sleep,
    Statement,
    StepCall,
    Try,
    WorkflowCall,
    blocks,
    walk,
)

MOST_EVENTS: Final = 25_000
_STATE: Final = 2
"""Entered and exited."""
_ATTEMPT: Final = 3
"""Scheduled, started, ended."""
TOKEN_ATTEMPT: Final = 4
"""Scheduled, started, submitted, ended."""
_MARGIN: Final = 100
"""Kept free for the start, the end, and attempts outside of the author's."""

Unbounded = Loop | MapCall


@dataclass(frozen=True, slots=True)
class Bounds:
    """What rounds may cost.

    Attributes:
        certain: the events of an execution without rounds of unbounded loops.
        rounds: those that are left for rounds.
        costs: the events of a round of each unbounded loop or map, by the variable of its round.
        shared: whether several loops share the rest.
        notes: what the bounds mean, in words.
    """

    certain: int
    rounds: int
    costs: Mapping[str, int]
    shared: bool
    notes: tuple[str, ...]


def bounds(program: Program) -> Bounds:
    """Return the bounds of a program."""
    certain = _certain(program.body)
    rounds = MOST_EVENTS - _MARGIN - certain
    found = list(unbounded(program.body))
    outermost = {each.round for each in unbounded(program.body, deep=False)}
    shared = len(found) > 1 or any(each.round not in outermost for each in found)
    costs = {each.round: _STATE + _certain(_body(each)) for each in found}
    notes = dict.fromkeys(_note(each, rounds // costs[each.round], shared) for each in found)
    return Bounds(certain, rounds, costs, shared, tuple(notes))


def _body(each: Unbounded) -> tuple[Statement, ...]:
    return each.body if isinstance(each, Loop) else each.body.body


def unbounded(body: tuple[Statement, ...], *, deep: bool = True) -> Iterator[Unbounded]:
    """Yield the unbounded loops and maps of a body; with `deep` those in loops and branches too."""
    for statement in body:
        match statement:
            case Loop(bound=None):
                yield statement
            case Run(MapCall(bound=None) as call):
                yield call
        if deep or isinstance(statement, (If, Try)):
            for block in blocks(statement):
                yield from unbounded(block, deep=deep)


def _note(each: Unbounded, rounds: int, shared: bool) -> str:
    fewer = ", fewer where other loops go round too" if shared else ""
    if isinstance(each, MapCall):
        return f"line {each.line}: `{each.label}` takes {rounds:,} items at most{fewer}; map over pages for more"
    asleep = sum(each.milliseconds or 0 for each in walk(_body(each)) if isinstance(each, Sleep))
    lasts = f", for {_in_words(timedelta(milliseconds=rounds * asleep))}; sleep longer for more" if asleep else ""
    return f"line {each.line}: `{each.label}` goes round {rounds:,} times at most{fewer}{lasts}"


def _in_words(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"


def _certain(body: tuple[Statement, ...]) -> int:
    """Return the events of a body at the most, the rounds of unbounded loops left out."""
    return sum(_events(statement) for statement in body)


def _events_of(what: Awaited) -> int:
    match what:
        case StepCall(retries=retries):
            return _STATE + _ATTEMPT * (retries.limit + 1)
        case EventWait() | WorkflowCall():
            return _STATE + TOKEN_ATTEMPT * (TOKEN_RETRIES + 1)
        case Gather(branches=branches):
            return 2 * _STATE + sum(_certain(branch.body) for branch in branches)
        case MapCall(bound=bound, body=branch):
            return 3 * _STATE + (bound or 0) * (_STATE + _certain(branch.body))
        case _:
            assert_never(what)


def _events(statement: Statement) -> int:
    match statement:
        case Assign():
            return 0
        case Run(what):
            return _events_of(what)
        case Loop(bound=int() as rounds, body=body):
            return _STATE + rounds * (_STATE + _certain(body))
        case If(arms, otherwise):
            return _STATE + max(_certain(otherwise), *(_certain(arm.body) for arm in arms))
        case Try(body, handlers, otherwise):
            return _certain(body) + max([_certain(otherwise), *(_certain(each.body) for each in handlers)])
        case Sleep(until=until):
            return _STATE if until is None or isinstance(until, Constant) else 2 * _STATE
        case Loop() | Return() | Raise() | RaiseAgain() | Break() | Continue():
            return _STATE
        case _:
            assert_never(statement)
