"""Functions that workflows of the tests call in `run`: given `step`, or pure."""

from __future__ import annotations

import os

from durable import WorkflowEvent, WorkflowStep
from tests.unit.compiler.sample import OutOfStockError, User, flag, maybe, save, text

RATE = 3


async def saved(step: WorkflowStep, value: int, times: int = 2) -> int:
    for _ in range(times):
        value = await step.do("helped save", save, value)
    return value


async def greeted(event: WorkflowEvent[User], s: WorkflowStep, *, loud: bool = False) -> str:
    name = await s.do("helped text", text, event.payload.user_id)
    return name.upper() if loud else name


async def twice(step: WorkflowStep, value: int) -> int:
    first = await saved(step, value)
    return first + await saved(step, value, times=1)


async def tried(step: WorkflowStep, value: str | None) -> str:
    try:
        found = await step.do("helped maybe", maybe, value)
    except OutOfStockError:
        return "none left"
    if found is None:
        raise OutOfStockError("nothing")
    return found


def priced(cents: int, discount: int = 10) -> int:
    """Return a price, less a discount."""
    rest = cents - discount
    if rest < 0:
        return 0
    return rest * RATE


def named(user: User) -> str:
    if user.nickname is None:
        return shortened(user.user_id)
    elif user.nickname == "":
        return "?"
    else:
        found = user.nickname
        return f"{found}:{priced(user.age % 1000)}"


def shortened(name: str, *, most: int = 3) -> str:
    return name if len(name) <= most else name[:most] + "…"


def summed(values: list[int]) -> int:
    total = 0
    for each in values:
        if each > 100:
            break
        total += priced(each, 1)
    return total


def checked(value: int) -> int:
    if value < 0:
        raise OutOfStockError("below 0")
    return value


def factorial(n: int) -> int:
    return 1 if n < 2 else n * factorial(n - 1)


def endless(n: int) -> int:
    for _ in range(n):
        n = endless(n)
    return n


def stamped(name: str) -> str:
    return f"{name} {os.getpid()}"


def stamped_each(names: list[str]) -> list[str]:
    found: list[str] = []
    for each in names:
        found.append(f"{each} {os.getpid()}")  # noqa: PERF401  # as people write it
    return found


async def asked(step: WorkflowStep, value: bool) -> bool:
    return await step.do("helped flag", flag, value)
