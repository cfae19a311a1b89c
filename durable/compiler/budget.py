"""The check of a loop's rounds, as expressions: against a number, or against the events that are left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from durable.compiler.bounds import Bounds
from durable.compiler.kinds import Integer
from durable.compiler.terms import Apply, Comparison, Constant, Expression, Operation, Variable
from durable.compiler.tree import Loop, MapCall

_INTEGER: Final = Integer()


def number(value: int) -> Expression:
    """Return a whole number."""
    return Constant(value, _INTEGER)


def minus(left: Expression, right: Expression) -> Expression:
    """Return a difference, worked out where both are known."""
    match left, right:
        case Constant(int() as one), Constant(int() as other):
            return number(one - other)
    return Operation("-", left, right, _INTEGER)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a machine's rounds may cost: `limit`, of which the variable `spent` is gone."""

    bounds: Bounds
    spent: str
    limit: Expression

    def _spent(self) -> Expression:
        return Variable(self.spent, _INTEGER)

    def _cost(self, each: Loop | MapCall) -> Expression:
        return number(self.bounds.costs[each.round])

    def allows(self, loop: Loop) -> Expression:
        """Return whether there is room for another round."""
        if not self.bounds.shared:
            rounds = self.bounds.rounds // self.bounds.costs[loop.round]
            return Comparison("<", Variable(loop.round, _INTEGER), number(rounds))
        return Comparison("<=", self._spent(), minus(self.limit, self._cost(loop)))

    def after_round(self, loop: Loop) -> Expression:
        """Return what is spent once a round has begun."""
        return Operation("+", self._spent(), self._cost(loop), _INTEGER)

    def forbids(self, call: MapCall) -> Expression:
        """Return whether a map has too many items."""
        if not self.bounds.shared:
            return Comparison(">", _count(call), number(self.bounds.rounds // self.bounds.costs[call.round]))
        return Comparison(">", self._of(call), minus(self.limit, self._spent()))

    def _of(self, call: MapCall) -> Expression:
        """Return what the items cost; those of a map that is bounded are among what is certain."""
        if call.bound is not None:
            return number(0)
        return Operation("*", _count(call), self._cost(call), _INTEGER)

    def after_map(self, call: MapCall, deeper: bool) -> Expression:
        """Return what is spent after a map: half of what was left, where its items have loops of their own."""
        spent = Operation("+", self._spent(), self._of(call), _INTEGER)
        return self._half_gone(spent) if deeper else spent

    def after_gather(self) -> Expression:
        """Return what is spent after a gather whose branches have loops."""
        return self._half_gone(self._spent())

    def _half_gone(self, spent: Expression) -> Expression:
        left = Operation("-", self.limit, spent, _INTEGER)
        return Operation("+", spent, Operation("/", left, number(2), _INTEGER), _INTEGER)

    def of_item(self, call: MapCall, spent: str) -> Budget:
        """Return the budget of each item of a map: together, half of what is left."""
        left = Operation("-", minus(self.limit, self._spent()), self._of(call), _INTEGER)
        shares = Operation("*", _count(call), number(2), _INTEGER)
        return Budget(self.bounds, spent, Operation("/", left, shares, _INTEGER))

    def of_branch(self, branches: int, spent: str) -> Budget:
        """Return the budget of each of the branches that have loops: together, half of what is left."""
        left = minus(self.limit, self._spent())
        return Budget(self.bounds, spent, Operation("/", left, number(2 * branches), _INTEGER))


def _count(call: MapCall) -> Expression:
    return Apply("$count", (call.items,), _INTEGER)
