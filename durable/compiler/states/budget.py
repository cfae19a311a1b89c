"""The check of a loop's rounds, as expressions: whether the events that are left allow for another one."""

from __future__ import annotations

from dataclasses import dataclass

from durable.compiler.program.bounds import STATE, Bounds, Waiting, attempt_events
from durable.compiler.program.tree import Loop, MapCall
from durable.compiler.types.terms import (
    INTEGER,
    Apply,
    Comparison,
    Constant,
    Expression,
    Operation,
    RawExpression,
    Variable,
)


def number(value: int) -> Expression:
    """Return a whole number."""
    return Constant(value, INTEGER)


def minus(left: Expression, right: Expression) -> Expression:
    """Return a difference, worked out where both are known."""
    match left, right:
        case Constant(int() as one), Constant(int() as other):
            return number(one - other)
    return Operation("-", left, right, INTEGER)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a machine's rounds may cost: `limit`, of which the variable `spent` is gone.

    A branch cannot see what its siblings spend while they run at the same time. So each gets a fixed share of half of
    what is left; the other half stays for what comes after the block, also where all shares are used up.
    """

    bounds: Bounds
    spent: str
    limit: Expression

    def _spent(self) -> Expression:
        return Variable(self.spent, INTEGER)

    def _cost(self, each: Loop | MapCall) -> Expression:
        return number(self.bounds.costs[each.round])

    def allows(self, loop: Loop) -> Expression:
        """Return whether there is room for another round, with all attempts of its steps."""
        return Comparison("<=", self._spent(), minus(self.limit, self._cost(loop)))

    def after_round(self, loop: Loop) -> Expression:
        """Return what is spent once a round has begun."""
        return self._plus(number(self.bounds.begun[loop.round]))

    def after_step(self, step: Waiting) -> Expression:
        """Return what is spent once a step has ended, by the attempts that it took."""
        # RetryCount is that of the state that is left, so it is read on the state's own edges only.
        events = attempt_events(step)
        return self._plus(RawExpression(f"{events + STATE} + {events} * $states.context.State.RetryCount", INTEGER))

    def _plus(self, events: Expression) -> Expression:
        return Operation("+", self._spent(), events, INTEGER)

    def forbids(self, call: MapCall) -> Expression:
        """Return whether a map has too many items."""
        if not self.bounds.shared:  # nothing else has spent any, so the number of items is known here and can be shown
            return Comparison(">", _count(call), number(self.bounds.rounds // self.bounds.costs[call.round]))
        return Comparison(">", self._of(call), minus(self.limit, self._spent()))

    def _of(self, call: MapCall) -> Expression:
        """Return what the items cost; those of a map that is bounded are among what is certain."""
        if call.bound is not None:
            return number(0)
        return Operation("*", _count(call), self._cost(call), INTEGER)

    def after_map(self, call: MapCall, deeper: bool) -> Expression:
        """Return what is spent after a map: what its items cost, and what loops in them spent."""
        spent = self._plus(self._of(call)) if call.bound is None else self._spent()
        of_items = RawExpression("$sum([$states.result.events])", INTEGER)
        return Operation("+", spent, of_items, INTEGER) if deeper else spent

    def after_gather(self, counting: list[int]) -> Expression:
        """Return what is spent after a gather: what the branches with loops report."""
        spent = self._spent()
        for each in counting:
            spent = Operation("+", spent, RawExpression(f"$states.result[{each}].events", INTEGER), INTEGER)
        return spent

    def after_failure(self) -> Expression:
        """Return what is spent after branches that have loops failed: they may have spent all that they were given."""
        left = Operation("-", self.limit, self._spent(), INTEGER)
        return self._plus(Operation("/", left, number(2), INTEGER))

    def of_item(self, call: MapCall, spent: str) -> Budget:
        """Return the budget of each item of a map: together, half of what is left."""
        left = Operation("-", minus(self.limit, self._spent()), self._of(call), INTEGER)
        shares = Operation("*", _count(call), number(2), INTEGER)
        return Budget(self.bounds, spent, Operation("/", left, shares, INTEGER))

    def of_branch(self, branches: int, spent: str) -> Budget:
        """Return the budget of each of the branches that have loops: together, half of what is left."""
        left = minus(self.limit, self._spent())
        return Budget(self.bounds, spent, Operation("/", left, number(2 * branches), INTEGER))


def _count(call: MapCall) -> Expression:
    return Apply("$count", (call.items,), INTEGER)
