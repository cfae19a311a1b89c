"""Map: runs its processor for each item (INLINE)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

from durable.asl.decisions import Decision, RunItems
from durable.asl.errors import query_error
from durable.asl.scope import StateScope
from durable.asl.states.base import Program, State
from durable.asl.template import Evaluated, Template, all_repeatable, any_volatile
from durable.asl.values import is_integer, json_text

MAX_CONCURRENCY: Final = 40
"""What an INLINE Map runs at once, whatever it asks for. Source: AWS Developer Guide, "Inline mode"."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many iterations may fail: None where the field is absent; both absent tolerate none."""

    count: float | None
    percentage: float | None

    @property
    def is_set(self) -> bool:
        return bool(self.count) or bool(self.percentage)

    def covers(self, failures: int, items: int) -> bool:
        """Tell whether the Map goes on after that many failures. Exceeding either threshold fails it."""
        # 0 counts as absent: where both are, the first failure ends the Map.
        if not self.is_set:
            return failures == 0
        by_count = self.count is None or failures <= self.count
        return by_count and (self.percentage is None or failures * 100 <= self.percentage * items)


@dataclass(frozen=True, kw_only=True)
class Map(State):
    type: ClassVar[str] = "Map"
    processor: Program
    items: Template | None = None
    item_selector: Template | None = None
    max_concurrency: Template | None = None
    tolerated_count: Template | None = None
    tolerated_percentage: Template | None = None

    @property
    def retryable(self) -> bool:
        return True

    @cached_property
    def volatile(self) -> bool:
        return any_volatile(self.items, self.item_selector, self.max_concurrency)

    @cached_property
    def repeatable(self) -> bool:
        of_the_map = (self.items, self.item_selector, self.max_concurrency)
        return super().repeatable and all_repeatable(*of_the_map, self.tolerated_count, self.tolerated_percentage)

    def enter(self, scope: StateScope, now_ms: int) -> Decision:
        # Absent and 0 both mean: as many as there may be.
        wanted = _number(self.max_concurrency, scope, "MaxConcurrency", whole=True) or MAX_CONCURRENCY
        return RunItems(self.evaluate_items(scope), int(min(wanted, MAX_CONCURRENCY)))

    def evaluate_items(self, scope: StateScope) -> list[Any]:
        """Return the items; raises StateError if it is no list."""
        if isinstance(self.items, Evaluated):
            items: list[Any] = self.items.expect(scope, "array")
            return items
        value = self.items.render(scope) if self.items is not None else scope.default_output()
        if not isinstance(value, list):
            raise query_error(f"Map state input must be an array but was: {json_text(value)}", "Items")
        return value

    def tolerance(self, scope: StateScope) -> Tolerance:
        """Evaluate the tolerated failures, as Step Functions does after the Map has started; raises StateError."""
        return Tolerance(
            _number(self.tolerated_count, scope, "ToleratedFailureCount", whole=True),
            _number(self.tolerated_percentage, scope, "ToleratedFailurePercentage", most=100),
        )


def _number(
    template: Template | None, scope: StateScope, field: str, *, whole: bool = False, most: float | None = None
) -> float | None:
    if template is None:
        return None
    value: float = template.expect(scope, "number") if isinstance(template, Evaluated) else template.render(scope)
    # The loader has checked literals; this is for what an expression gives.
    if value < 0 or (whole and not is_integer(value)) or (most is not None and value > most):
        kind = "a non-negative integer" if whole else f"between 0 and {most}"
        raise query_error(f"The {field} field must be {kind}, but was: {value}", field)
    return value
