"""Values of one type as JSON text, with the exceptions that a binding's author expects; they hold no data."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from durable.adapters import adapter_of
from durable.store.values import Misfit, TooLarge, dump_text, load_text

T = TypeVar("T")


class TypedJSON(Generic[T]):
    """Writes values of a type as JSON and reads them back.

    Args:
        where: what the values belong to, as errors name it.
    """

    def __init__(self, where: str, of: Any) -> None:
        self._where = where
        self._of = getattr(of, "__name__", str(of))
        self._adapter = adapter_of(of)

    def dump(self, value: T, *, most_bytes: int) -> str:
        """Return the value as JSON.

        Raises:
            TypeError: it is of another type, or JSON cannot carry it unchanged.
            ValueError: it is too large.
        """
        try:
            return dump_text(self._adapter, value, "value", most_bytes=most_bytes).decode()
        except TooLarge as large:
            message = f"{self._where}: a value is {large.bytes:,} bytes of JSON; it takes {most_bytes:,} at most"
            raise ValueError(message) from None
        except Misfit as misfit:
            raise TypeError(
                f"{self._where}: a value of type {type(value).__name__} does not fit {self._of} as JSON: {misfit};"
                " write one that does"
            ) from None

    def load(self, text: str) -> T:
        """Return the value.

        Raises:
            ValidationError: the text does not fit the type; the error names fields and no data.
        """
        try:
            return cast(T, load_text(self._adapter, text, "value"))
        except Misfit as misfit:
            kind = PydanticCustomError("stored", "what is stored does not fit")
            details = [InitErrorDetails(type=kind, loc=(each,), input=None) for each in misfit.fields]
        # A new error: pydantic's own shows the input, which is the stored value.
        raise ValidationError.from_exception_data(self._where, details, hide_input=True)
