"""Results that an operator gives a step: whether they are what the step's function returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from durable.adapters import shown_type
from durable.errors import InvalidInput
from durable.signature import Signature
from durable.store.values import Misfit, dump, field_names, load


def hold_to_type(signature: Signature, step: str, value: Any) -> None:
    """Refuse a result that the step's function could not have returned.

    Raises:
        InvalidInput: names the type, and each field that is wrong with what it should be.
    """
    try:
        dump(signature.result, load(signature.result, value, "result"), "result")
    except Misfit as misfit:
        wrong = "; ".join(_expected(signature.result, value)) or str(misfit)
        what = f'the step "{step}" returns {shown_type(signature.returns)}, and this is none: {wrong}'
    else:
        return
    # Not within the `except`: what is raised there would have the first error as its context, which holds the data.
    raise InvalidInput(what)


def _expected(adapter: TypeAdapter[Any], value: Any) -> Iterator[str]:
    """Yield the path of each field that is wrong, with what pydantic expects there."""
    known = field_names(adapter)
    try:
        adapter.validate_json(to_json(value))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=False, include_input=False):
            parts = [str(part) if isinstance(part, int) or part in known else "*" for part in each["loc"]]
            # What a validator of the author's own says may hold the data; its type does not.
            said = each["type"] if each["type"] in ("value_error", "assertion_error") else each["msg"]
            yield f"{'.'.join(['result', *parts])} ({said})"
