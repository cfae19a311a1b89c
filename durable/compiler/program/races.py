"""What a `step.race(…)` stands for:

try:
    one, other = await asyncio.gather(a(), b())    # who succeeds claims the race, and ends both with RaceOver
except RaceOver:
    result = await winner()
else:
    raise one                                      # nobody has succeeded: each branch returned its error
"""

from __future__ import annotations

import dataclasses

from durable.compiler.program.tree import (
    Branch,
    EventWait,
    Gather,
    Handler,
    Race,
    RaceCall,
    Raise,
    RaiseAgain,
    Return,
    Run,
    Statement,
    Try,
    walk,
)
from durable.compiler.types.kinds import Caught, TupleOf
from durable.compiler.types.terms import TEXT, Constant, Variable, element
from durable.errors import RaceOver, public_message


def race_call(race: Race) -> RaceCall:
    """Return the question who has won a race."""
    return RaceCall(race.name, f"winner of {race.place.label}", race.place)


def expanded(race: Race, variable: str | None) -> tuple[Statement, ...]:
    """Return the statements that a race stands for; the variable, if any, takes what the winner returned."""
    _, _, results, end = race.variables
    branches = tuple(_branch(race, number) for number in range(len(race.branches)))
    kinds = tuple(Caught(tuple(each.items())) for each in race.errors)
    over = {RaceOver.__name__: RaceOver}
    run = Run(Gather(race.place.label, branches, kinds, over), results)
    # As CPython has it natively: of branches that all fail, the first one written is raised.
    first = element(Variable(results, TupleOf(kinds)), 0, kinds[0])
    lost = RaiseAgain(first, f"nobody wins {race.place.label}", race.errors[0])
    won = Handler(over, (RaceOver,), end, (Run(race_call(race), variable),), mends=False)
    return (Try((run,), (won,), (lost,)),)


def _branch(race: Race, number: int) -> Branch:
    """Return a branch that claims the race once it has succeeded, and returns its error where it fails."""
    branch, kind, errors = race.branches[number], race.kinds[number], race.errors[number]
    result, error, _, _ = race.variables
    body: tuple[Statement, ...] = (Run(Gather("", (branch,), (kind,), errors, alone=True), result),)
    if errors:
        caught = Return(Variable(error, Caught(tuple(errors.items()))), None, "return its error")
        body = (Try(body, (Handler(errors, (Exception,), error, (caught,), mends=False),)),)
    label = f"{race.place.label}: {number + 1} has succeeded"
    waits = any(isinstance(each, Run) and isinstance(each.what, EventWait) for each in _all(race))
    claim = dataclasses.replace(race_call(race), label=label, branch=number, value=Variable(result, kind), waits=waits)
    # The claim itself succeeds: an error of its Lambda would be counted and logged for each race.
    over = Raise(RaceOver, Constant(public_message(RaceOver), TEXT), f"{race.place.label}: over")
    return Branch((*body, Run(claim, None), over))


def _all(race: Race) -> list[Statement]:
    return [each for branch in race.branches for each in walk(branch.body)]
