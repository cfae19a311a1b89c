"""A share is bought when it is cheap and sold when it is dear, once a person has agreed; each day anew."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel

from durable import KVNamespace, StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

CHEAP: Final = 50
DEAR: Final = 80


class Order(BaseModel):
    symbol: str
    pieces: int
    days: int = 5


class Answer(BaseModel):
    agreed: bool


def price(symbol: str, prices: KVNamespace[int]) -> int:
    return prices.get(symbol) or 0


def propose(symbol: str, action: str, cents: int, proposals: KVNamespace[str]) -> None:
    proposals.put(symbol, f"{action} at {cents}")


def trade(symbol: str, pieces: int, depot: KVNamespace[int]) -> int:
    return depot.increment(symbol, pieces)


class TradeWorkflow(WorkflowEntrypoint[Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> list[str]:
        order = event.payload
        done: list[str] = []
        for day in range(order.days):
            if day > 0:
                await step.sleep("a day", "1 day")
            cents = await step.do("price", price, order.symbol)
            if CHEAP <= cents <= DEAR:
                continue
            action: Literal["buy", "sell"] = "buy" if cents < CHEAP else "sell"
            await step.do("propose", propose, order.symbol, action, cents)
            try:
                answer = await step.wait_for_event("answer", type="answered", payload=Answer, timeout="8 hours")
            except StepTimeoutError:
                done = [*done, f"day {day + 1}: nobody answered"]
                continue
            if answer.agreed:
                pieces = order.pieces if action == "buy" else -order.pieces
                held = await step.do("trade", trade, order.symbol, pieces)
                done = [*done, f"day {day + 1}: {action} at {cents}, {held} held"]
        return done
