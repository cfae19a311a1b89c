"""Steps that append `<process> <key> <attempt> <begin, end or fail>` to the file TORTURE_LOG."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from durable import KVNamespace, NonRetryableError, Queue, StepContext

_LOG = os.open(os.environ["TORTURE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class RefusedError(NonRetryableError):
    """It cannot be had."""


def _say(*words: object) -> None:
    os.write(_LOG, f"{' '.join(map(str, (os.getpid(), *words)))}\n".encode())


@contextmanager
def _logged(context: StepContext) -> Iterator[None]:
    _say(context.idempotency_key, context.attempt, "begin")
    try:
        yield
        time.sleep(0.002)  # noqa: TID251  # time to be killed in
    except Exception:
        _say(context.idempotency_key, context.attempt, "fail")
        raise
    _say(context.idempotency_key, context.attempt, "end")


def add_one(number: int, context: StepContext) -> int:
    with _logged(context):
        return number + 1


def double(number: int, context: StepContext) -> int:
    with _logged(context):
        return 2 * number


def fail_once(number: int, context: StepContext) -> int:
    with _logged(context):
        if context.attempt == 1:
            raise ConnectionError
        return number + 1


def keep(number: int, stock: KVNamespace[int], parcels: Queue[int], context: StepContext) -> None:
    with _logged(context):
        stock.put(str(number), 2 * number)
        parcels.send(number)


def kept(number: int, stock: KVNamespace[int], context: StepContext) -> int | None:
    with _logged(context):
        return stock.get(str(number))


def refuse(number: int, context: StepContext) -> None:
    with _logged(context):
        if number % 3 == 0:
            raise RefusedError


def deliver(parcel: int) -> None:
    _say(parcel, 1, "delivered")
