from __future__ import annotations

import decimal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from durable import KVNamespace, NonRetryableError, Queue, StepContext
from durable.errors import SignatureError
from durable.signature import entry_of, signature_of


class Refused(NonRetryableError):
    """It was refused."""


class Flaky(Exception):
    """It may work next time."""


def everything(
    amount: int, label: str = "x", *, store: KVNamespace[int], mail: Queue[str], context: StepContext
) -> list[int]:
    return [amount, len(label), store.get("x") or 0, len(mail.name), context.attempt]


def untyped(amount) -> int:  # type: ignore[no-untyped-def]  # that is the point
    return 0


def unsaid(amount: int):  # type: ignore[no-untyped-def]  # that is the point
    return amount


def starred(*amounts: int) -> int:
    return sum(amounts)


async def slow(amount: int) -> int:
    return amount


def endless(amount: int) -> Iterator[int]:
    yield amount


async def endless_too(amount: int) -> AsyncIterator[int]:
    yield amount


def only_bindings(store: KVNamespace[int]) -> object:
    return store


class NotJson:
    pass


def carries_no_json(value: NotJson) -> None: ...


def test_a_coroutine_function_is_a_step_that_returns_what_it_is_awaited_for() -> None:
    signature = signature_of(slow)
    assert (signature.is_async, signature.returns) == (True, int)


def test_reads_data_bindings_and_context() -> None:
    signature = signature_of(everything)
    assert [(each.name, each.type, each.required) for each in signature.data] == [
        ("amount", int, True),
        ("label", str, False),
    ]
    assert [(each.name, each.binding, each.value) for each in signature.bindings] == [
        ("store", KVNamespace, int),
        ("mail", Queue, str),
    ]
    assert signature.context == "context"
    assert signature.returns == list[int]
    assert signature.import_name == f"{__name__}:everything"


def test_names_the_errors_of_the_module_and_which_are_never_retried() -> None:
    signature = signature_of(everything)
    assert signature.errors()["Flaky"] is Flaky
    assert "ValueError" not in signature.errors()
    assert signature.non_retryable() == ("NonRetryableError", "Refused")


def misspelt(amount: decimal.Decimel) -> int:  # type: ignore[name-defined]  # what an author may write
    return 1


def nested() -> Any:
    def inner(amount: int) -> int:
        return amount

    return inner


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (untyped, "parameter amount has no type"),
        (unsaid, "does not say what it returns"),
        (starred, "positional-only or starred"),
        (endless, "is a generator; let it return a list"),
        (endless_too, "is a generator; let it return a list"),
        (nested(), "cannot be imported by its name"),
        (len, "is not a function"),
        (carries_no_json, "cannot travel as JSON"),
        (misspelt, "an annotation that cannot be read: AttributeError: module 'decimal' has no attribute 'Decimel'"),
    ],
)
def test_refuses_a_function_that_is_no_step(function: Any, says: str) -> None:
    with pytest.raises(SignatureError, match=says):
        signature_of(function)


def test_the_entry_of_a_worker_takes_bindings_only() -> None:
    assert [each.name for each in entry_of(only_bindings).bindings] == ["store"]
    with pytest.raises(SignatureError, match="takes more than bindings"):
        entry_of(everything)
