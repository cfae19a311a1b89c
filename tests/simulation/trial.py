"""Workflows for the simulator: between them they say all that a workflow can say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from durable import (
    Callback,
    CallbackFailed,
    NonRetryableError,
    PublicError,
    Retries,
    StepContext,
    StepTimeoutError,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)
from durable.errors import ChildWorkflowError

QUICK = Retries(limit=4, delay="2 seconds")
SLOW = Retries(limit=4, delay="90 seconds")
LINEAR = Retries(limit=4, delay="40 seconds", backoff="linear")


class Refused(NonRetryableError, PublicError):
    """It was refused."""


class Spilled(NonRetryableError):
    """A secret was told."""


SECRET = "the word of the vault"
"""Stands in no execution and in no message to one."""


class Body:
    """What steps do: set by the simulator.

    Attributes:
        work: is called with the step's name and context, and may raise.
        asked: is given the token of a callback, by which somebody is to complete the step.
    """

    work: Callable[[str, StepContext], None]
    asked: Callable[[str], None]


def first(number: int, context: StepContext) -> int:
    Body.work("first", context)
    return number + 1


def second(number: int, context: StepContext) -> int:
    Body.work("second", context)
    return number * 2


def left(number: int, context: StepContext) -> int:
    Body.work("left", context)
    return number + 10


def right(number: int, context: StepContext) -> int:
    Body.work("right", context)
    return number + 100


def poll(number: int, context: StepContext) -> int:
    Body.work("poll", context)
    return number + 1


def grind(number: int, context: StepContext) -> int:
    Body.work("grind", context)
    return number + 1


def page(number: int, context: StepContext) -> int:
    Body.work("page", context)
    return number * 10


def refuse(number: int, context: StepContext) -> int:
    Body.work("refuse", context)
    raise Refused


def sorry(number: int, context: StepContext) -> int:
    Body.work("sorry", context)
    return number


def kill(number: int, context: StepContext) -> int:
    Body.work("kill", context)
    return number


def pay(number: int, context: StepContext) -> int:
    Body.work("pay", context)
    return number


def refund(number: int, context: StepContext) -> None:
    Body.work("refund", context)


def apologise(number: int, context: StepContext) -> None:
    Body.work("apologise", context)


def big(number: int, context: StepContext) -> str:
    Body.work("big", context)
    return str(context.attempt) * 40_000


def weigh(text: str, context: StepContext) -> int:
    Body.work("weigh", context)
    return int(text[0])


def tell(number: int, context: StepContext) -> str:
    Body.work("first", context)
    return SECRET


def spill(word: str, context: StepContext) -> int:
    Body.work("second", context)
    raise Spilled(word)


def measure(word: str, context: StepContext) -> int:
    Body.work("left", context)
    return len(word)


def ask(number: int, context: StepContext, callback: Callback[int]) -> None:
    Body.asked(callback.token)
    Body.work("ask", context)


class Trial(WorkflowEntrypoint[int]):
    """Sleeps, waits, retries late, gathers, polls, maps, catches."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> dict[str, int]:
        one = await step.do("first", first, event.payload, retries=QUICK)
        await step.sleep("nap", "2 days")
        two = await step.do("second", second, one, retries=SLOW)
        try:
            go = await step.wait_for_event("go", type="go", payload=int, timeout="7 days")
        except StepTimeoutError:
            go = 0
        on_left, on_right = await asyncio.gather(
            step.do("left", left, go, retries=QUICK), step.do("right", right, two, retries=LINEAR)
        )
        rounds = 0
        while rounds < 3:
            rounds = await step.do("poll", poll, rounds, retries=QUICK)
            await step.sleep("pause", "5 seconds")

        async def one_page(number: int) -> int:
            return await step.do("page", page, number, retries=QUICK)

        pages = await step.map("pages", one_page, [1, 2, 3], concurrency=2)
        try:
            last = await step.do("refuse", refuse, rounds)
        except Refused:
            last = await step.do("sorry", sorry, rounds, retries=QUICK)
        return {"left": on_left, "right": on_right, "pages": pages[2], "last": last}


class Waiter(WorkflowEntrypoint[int]):
    """Waits at once for an event, which may come at the same moment."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        try:
            return await step.wait_for_event("go", type="go", payload=int, timeout="7 days")
        except StepTimeoutError:
            return 0


class Chat(WorkflowEntrypoint[int]):
    """Hears what somebody says, one after the other."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        heard: list[int] = []
        while len(heard) < 5:
            said = await step.wait_for_event("said", type="said", payload=int, timeout="7 days")
            heard.append(said)
        return heard


class Hook(WorkflowEntrypoint[int]):
    """Has somebody else complete a step, who may be faster than the step."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("first", first, event.payload, retries=QUICK)
        try:
            answer: int = await step.callback("ask", ask, number, timeout="7 days", retries=SLOW)
        except CallbackFailed:
            answer = -1
        except StepTimeoutError:
            answer = 0
        return answer


class Lender(WorkflowEntrypoint[int]):
    """Passes on what is too large for a row: it says which attempt has made it."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        text = await step.do("big", big, event.payload, retries=QUICK)
        await step.sleep("nap", "1 hour")
        return await step.do("weigh", weigh, text, retries=QUICK)


class Keeper(WorkflowEntrypoint[int]):
    """Returns what is too large for its header."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        text = await step.do("big", big, event.payload, retries=QUICK)
        await step.sleep("nap", "1 hour")
        return text


class Vault(WorkflowEntrypoint[int]):
    """Has a secret told, spilled and measured, and asks why it was spilled."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        word = await step.do("tell", tell, event.payload, retries=QUICK, sensitive=True)
        said = ""
        try:
            await step.do("spill", spill, word, retries=QUICK, sensitive=True)
        except Spilled as error:
            said = str(error)
        await step.sleep("nap", "1 hour")
        length = await step.do("measure", measure, word, retries=QUICK)
        return f"{said} {length}"


class Couriers(WorkflowEntrypoint[int]):
    """Races within the rounds of a map, on Express."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        async def asked(number: int) -> int:
            return await step.race(
                step.do("first", first, number, retries=QUICK), step.do("left", left, number, retries=QUICK)
            )

        return await step.map("parcels", asked, [0, 100, 200], concurrency=2)


class Breaker(WorkflowEntrypoint[int]):
    """Goes on when a step of a block fails, and is over while another one may be about to begin."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        try:
            await asyncio.gather(
                step.do("refuse", refuse, event.payload), step.do("right", right, event.payload, retries=QUICK)
            )
        except Refused:
            return 1
        return 0


class Child(WorkflowEntrypoint[int]):
    """A run that another one waits for."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        number = await step.do("first", first, event.payload, retries=QUICK)
        await step.sleep("nap", "1 minute")
        if number == 13:
            raise WorkflowError("It is unlucky.")
        return number


class Served(WorkflowEntrypoint[dict[str, int]]):
    """A run of a customer, of whom there are several."""

    async def run(self, event: WorkflowEvent[dict[str, int]], step: WorkflowStep) -> int:
        number = await step.do("first", first, event.payload["customer"], retries=QUICK)
        await step.sleep("nap", "1 minute")
        return number


class Parent(WorkflowEntrypoint[int]):
    """Calls a child alone, then two side by side with a sleep: those are on Standard."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        alone = await step.call("alone", Child, event.payload)

        async def later() -> int:
            await step.sleep("wait", "2 minutes")
            return await step.do("second", second, alone, retries=QUICK)

        one, two = await asyncio.gather(step.call("beside", Child, 2), later())
        try:
            three = await step.call("unlucky", Child, 12)
        except ChildWorkflowError:
            three = 0
        return [alone, one, two, three]


class Racer(WorkflowEntrypoint[int]):
    """Races that wait, on Standard, one of steps only, on Express, and an event that comes when its wait has lost."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        async def soon() -> int:
            await step.sleep("soon", "20 seconds")
            return await step.do("second", second, event.payload, retries=QUICK)

        async def later() -> int:
            number = await step.do("left", left, event.payload, retries=LINEAR)
            await step.sleep("later", "20 seconds")
            return await step.do("right", right, number, retries=SLOW)

        won = await step.race(soon(), later())
        fast = await step.race(
            step.do("first", first, won, retries=QUICK),
            step.do("poll", poll, won, retries=QUICK),
        )

        async def asked() -> int:
            return await step.wait_for_event("lost", type="go", payload=int, timeout="7 days")

        async def waited() -> int:
            await step.sleep("a minute", "1 minute")
            return 0

        heard = await step.race(asked(), waited())
        if heard == 0:
            try:
                heard = await step.wait_for_event("go", type="go", payload=int, timeout="7 days")
            except StepTimeoutError:
                heard = 0
        return [won, fast, heard]


class Doomed(WorkflowEntrypoint[int]):
    """Its step ends its process each time, so nobody ever sees an exception."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("kill", kill, event.payload, retries=QUICK)


class Loop(WorkflowEntrypoint[int]):
    """Works for longer than an Express execution lasts, and waits for nothing."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        rounds = 0
        while rounds < 40:
            rounds = await step.do("grind", grind, rounds, retries=QUICK)
        return rounds


class Grinder(WorkflowEntrypoint[int]):
    """Works for longer than an Express execution lasts within one block."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        async def one(number: int) -> int:
            return await step.do("grind", grind, number, retries=QUICK)

        ground = await step.map("grounds", one, list(range(40)), concurrency=1)
        return ground[39]


class Trip(WorkflowEntrypoint[int]):
    """Fails after it has paid, and takes that back."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        asked = await step.do("first", first, event.payload, after_rollback=apologise, retries=QUICK)
        paid = await step.do("pay", pay, asked, undo=refund, retries=QUICK)
        await step.sleep("nap", "1 hour")
        again = await step.do("pay-more", pay, paid, undo=refund, retries=LINEAR)
        return await step.do("refuse", refuse, again)
