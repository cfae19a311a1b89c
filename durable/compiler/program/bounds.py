"""How many rounds a loop or map may take, before an execution has more events than Step Functions holds.

What happens once is counted with all attempts of each step, and the rest is for rounds. A variable counts the events
of the rounds so far as they happened: a step that is not tried again has the events of one attempt. Another round
begins only where all of its attempts would fit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, assert_never

from durable.compiler.program import tree
from durable.compiler.program.races import race_call
from durable.compiler.program.retriers import RETRY_SECONDS
from durable.compiler.program.tree import (
    Assign,
    Awaited,
    Break,
    Cleanup,
    Continue,
    EventWait,
    Gather,
    If,
    Loop,
    MapCall,
    Program,
    Race,
    RaceCall,
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
from durable.compiler.source.names import TOKEN_RETRIES
from durable.retries import Retries

MOST_EVENTS: Final = 25_000
STATE: Final = 2
"""Entered and exited."""
_ATTEMPT: Final = 3
"""Scheduled, started, ended."""
_WAITED: Final = 2 * STATE
"""After an attempt that says when the next one is due: out of the Task, through a Wait, and in again."""
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
        costs: the events of a round of each unbounded loop or map at the most, by the variable of its round.
        begun: those of them that are counted when a round of a loop begins; its steps count their own.
        shared: whether several loops and maps share the rest.
        notes: what the bounds mean, in words.
        branch_notes: those that hold in segments too: within branches and items, and of maps that wait and go round.
    """

    certain: int
    rounds: int
    costs: Mapping[str, int]
    begun: Mapping[str, int]
    shared: bool
    notes: tuple[str, ...]
    branch_notes: tuple[str, ...] = ()


def bounds(program: Program) -> Bounds:
    """Return the bounds of a program."""
    certain = _certain(program.body)
    rounds = MOST_EVENTS - _MARGIN - certain
    found = list(unbounded(program.body))
    outermost = {each.round for each in unbounded(program.body, deep=False)}
    # With one loop the cap is a number. With several it depends on what the others have used, which a variable counts.
    shared = len(found) > 1 or any(each.round not in outermost for each in found)
    # `costs` has all attempts of each step: a round may begin only if it can end. `begun` leaves the steps out, which
    # count their own attempts when they have ended.
    costs = {each.round: STATE + _certain(_body(each)) for each in found}
    begun = {each.round: STATE + _certain(_body(each), _own) for each in found}
    notes = dict.fromkeys(_note(each, rounds, costs[each.round], shared) for each in found)
    inside = {each.round for each in _in_branches(program.body)} | {
        each.round for each in found if _needs_standard(each) and any(True for _ in unbounded(_body(each)))
    }
    inner = dict.fromkeys(_note(each, rounds, costs[each.round], shared) for each in found if each.round in inside)
    return Bounds(certain, rounds, costs, begun, shared, tuple(notes), tuple(inner))


def with_caps(program: Program) -> Program:
    """Return a program in which also the loops with a written number of rounds have a cap."""
    return Program(_capped(program.body))


def _capped(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_capped, part))
    if not dataclasses.is_dataclass(part) or isinstance(part, type) or type(part).__module__ != tree.__name__:
        return part
    changed = {each.name: _capped(getattr(part, each.name)) for each in dataclasses.fields(part)}
    return dataclasses.replace(part, **(changed | {"bound": None} if isinstance(part, Loop) else changed))


def _in_branches(body: tuple[Statement, ...]) -> Iterator[Unbounded]:
    """Yield the unbounded loops and maps of branches that are machines of their own."""
    for statement in walk(body):
        if (
            isinstance(statement, Run)
            and isinstance(statement.what, Gather | MapCall | Race)
            and not is_alone(statement)
        ):
            for block in blocks(statement):
                yield from unbounded(block)


def _needs_standard(each: Unbounded) -> bool:
    """Whether a map is executed on Standard: see `durable.compiler.asl.walk.needs_standard`."""
    if isinstance(each, Loop):
        return False
    inner = list(walk(each.body.body))
    awaited = [statement.what for statement in inner if isinstance(statement, Run)]
    waits = any(isinstance(statement, Sleep) for statement in inner)
    racing = (what for what in awaited if isinstance(what, StepCall) and what.place.races)
    late = any(what.waits_by_itself or _delays(what.retries) > RETRY_SECONDS for what in racing)
    return waits or late or any(isinstance(what, EventWait | WorkflowCall) for what in awaited)


def _delays(retries: Retries) -> int:
    return sum(map(retries.delay_after, range(1, retries.limit + 1)))


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
        if deep or isinstance(statement, (If, Try, Cleanup)) or is_alone(statement):
            for block in blocks(statement):
                yield from unbounded(block, deep=deep)


def is_alone(statement: Statement) -> bool:
    """Return whether a statement awaits one branch alone, which is compiled in its place."""
    return isinstance(statement, Run) and isinstance(statement.what, Gather) and statement.what.alone


def _note(each: Unbounded, room: int, cost: int, shared: bool) -> str:
    if isinstance(each, MapCall):
        fewer = ", fewer where other loops go round too" if shared else ""
        return f"line {each.line}: `{each.label}` takes {room // cost:,} items at most{fewer}; map over pages for more"
    once = STATE + _certain(each.body, _once)
    rounds = max(0, room - cost) // once + 1
    others = [*(["steps are tried again"] if once < cost else []), *(["other loops go round too"] if shared else [])]
    fewer = f", fewer where {' or '.join(others)}" if others else ""
    asleep = sum(each.milliseconds or 0 for each in walk(_body(each)) if isinstance(each, Sleep))
    lasts = f" or {_in_words(timedelta(milliseconds=rounds * asleep))}" if asleep else ""
    more = "; sleep longer for more" if asleep else ""
    return f"line {each.line}: `{each.label}` has room for {rounds:,} rounds{lasts}{fewer}{more}"


def _in_words(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"


Waiting = StepCall | EventWait | WorkflowCall | RaceCall
Count = Callable[[Waiting], int]


def _at_most(what: Waiting) -> int:
    """Return the events of a step with all of its attempts."""
    if isinstance(what, StepCall):
        return STATE + attempt_events(what) * (what.retries.limit + 1)
    return STATE + TOKEN_ATTEMPT * (TOKEN_RETRIES + 1)


def _once(what: Waiting) -> int:
    """Return the events of a step that is not tried again."""
    return STATE + attempt_events(what)


def _own(what: Waiting) -> int:
    """Return no events: a step in a loop counts its own once it has ended."""
    return 0


def attempt_events(what: Waiting) -> int:
    """Return the events of one attempt."""
    if not isinstance(what, StepCall):
        return TOKEN_ATTEMPT
    return _ATTEMPT + _WAITED if what.waits_by_itself else _ATTEMPT


def _certain(body: tuple[Statement, ...], count: Count = _at_most) -> int:
    """Return the events of a body, the rounds of unbounded loops left out; `count` gives those of a step."""
    return sum(_events(statement, count) for statement in body)


def _events_of(what: Awaited, count: Count) -> int:
    match what:
        case StepCall() | EventWait() | WorkflowCall() | RaceCall():
            return count(what)
        case Race(branches=branches):
            inside, asks = _in_branch(count), race_call(what)
            # Each branch ends with a Task that claims the race; one more asks who has won.
            claims = sum(_certain(branch.body, inside) + inside(asks) for branch in branches)
            return 2 * STATE + claims + count(asks)
        case Gather(branches=(branch,), alone=True):
            return _certain(branch.body, count)
        case Gather(branches=branches):
            return 2 * STATE + sum(_certain(branch.body, _in_branch(count)) for branch in branches)
        case MapCall(bound=bound, body=branch):
            # A Map has its own states and, of each group, those of the inner Map.
            around = 3 * STATE if what.groups == 1 else 3 * STATE + what.groups * 4 * STATE
            return around + (bound or 0) * (STATE + _certain(branch.body, _in_branch(count)))
        case _:
            assert_never(what)


def _in_branch(count: Count) -> Count:
    """Return how steps of branches count: they cannot count their own, so all of their attempts are."""
    return _at_most if count is _own else count


def _events(statement: Statement, count: Count) -> int:
    match statement:
        case Assign():
            return 0
        case Run(what):
            return _events_of(what, count)
        case Loop(bound=int() as rounds, body=body, otherwise=otherwise):
            return STATE + rounds * (STATE + _certain(body, count)) + _certain(otherwise, count)
        case If(arms, otherwise):
            # One arm is taken, and which is not known: the dearest counts.
            return STATE + max(_certain(otherwise, count), *(_certain(arm.body, count) for arm in arms))
        case Cleanup(body=body):
            return _certain(body, count)
        case Try(body, handlers, otherwise):
            # The body may run to its end, and then either the `else` or one handler.
            after = [_certain(otherwise, count), *(_certain(each.body, count) for each in handlers)]
            return _certain(body, count) + max(after)
        case Sleep(until=until):
            return STATE if until is None else 2 * STATE
        case Loop(otherwise=otherwise):
            return STATE + _certain(otherwise, count)
        case Return() | Raise() | RaiseAgain() | Break() | Continue():
            return STATE
        case _:
            assert_never(statement)
