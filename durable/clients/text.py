"""Values of one type as JSON text, with errors that hold no data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticSerializationError

T = TypeVar("T")


class TypedJSON(Generic[T]):
    """Writes values of a type as JSON and reads them back.

    Args:
        where: what the values belong to, as errors name it.
    """

    def __init__(self, where: str, of: Any) -> None:
        self._where = where
        self._of = getattr(of, "__name__", str(of))
        self._adapter: TypeAdapter[T] = TypeAdapter(of)

    def dump(self, value: T, *, most_bytes: int) -> str:
        """Return the value as JSON.

        Raises:
            TypeError: it is of another type.
            ValueError: it is too large, or a number in it is not finite.
        """
        try:
            text = self._adapter.dump_json(value, by_alias=True, warnings="error")
        except (PydanticSerializationError, UnicodeEncodeError):
            raise TypeError(
                f"{self._where}: a value of type {type(value).__name__} does not fit {self._of} as JSON;"
                " write one that does"
            ) from None
        if len(text) > most_bytes:
            raise ValueError(f"{self._where}: a value is {len(text):,} bytes of JSON; it takes {most_bytes:,} at most")
        return text.decode()

    def load(self, text: str) -> T:
        """Return the value.

        Raises:
            ValidationError: the text does not fit the type; the error names fields and no data.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            details = self._without_data(error)
        raise ValidationError.from_exception_data(self._where, details, hide_input=True)

    def _without_data(self, error: ValidationError) -> list[InitErrorDetails]:
        fields = set(_fields(self._adapter.json_schema()))
        return [
            InitErrorDetails(
                type=PydanticCustomError(each["type"], "what is stored does not fit"),
                loc=tuple(part if isinstance(part, int) or part in fields else "?" for part in each["loc"]),
                input=None,
            )
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        ]


def _fields(schema: Any) -> Iterator[str]:
    """Yield the names of all properties in a JSON schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _fields(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _fields(part)
