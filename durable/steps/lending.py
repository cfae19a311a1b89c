"""Large values as a step's wrapper passes them on: results that are lent, and arguments that were."""

from __future__ import annotations

from typing import Any

from durable.errors import InvalidInput
from durable.store.keys import StepKey
from durable.store.large_values import (
    INLINE_BYTES,
    LargeValues,
    borrowed,
    borrowed_list,
    goes_by_reference,
    lend,
)
from durable.wire import StepEvent


class Lending:
    """What the wrapper does with large values.

    Args:
        values: where they are; without it every value travels by itself.
    """

    def __init__(self, values: LargeValues | None) -> None:
        self._values = values

    def may_lend(self, event: StepEvent) -> bool:
        """Return whether a step may answer with a reference to its result."""
        return self._values is not None and event.get("by_reference", False)

    def sent(self, result: Any, event: StepEvent) -> tuple[Any, bool]:
        """Return a result as it travels, and whether that is a reference to it, which is durable then."""
        if self._values is None or not self.may_lend(event):
            return result, False
        inline_bytes = event.get("inline", INLINE_BYTES)
        if not goes_by_reference(result, sensitive=event.get("sensitive", False), inline_bytes=inline_bytes):
            return result, False
        return lend(self._values, StepKey.of(event), result), True

    def taken(self, value: Any, key: StepKey, name: str, *, is_list: bool = False) -> Any:
        """Return what a reference stands for, or a list of them; `name` is that of the parameter.

        Raises:
            InvalidInput: a value is there no more.
        """
        read = borrowed_list if is_list else borrowed
        try:
            return value if self._values is None else read(self._values, key, value)
        except LookupError as error:
            raise InvalidInput(f"{name} ({error})") from None
