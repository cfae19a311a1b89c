"""A small project with everything that the engine of this issue runs: retries, sleeps, branches, timeouts."""

from __future__ import annotations

from durable import (
    KVNamespace,
    NonRetryableError,
    Queue,
    Retries,
    StepContext,
    Workflow,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)


class OutOfStockError(NonRetryableError):
    """Nothing is left."""


calls: list[tuple[str, int]] = []
failures: dict[str, list[Exception]] = {}


def _called(context: StepContext) -> None:
    calls.append((context.step, context.attempt))
    if failures.get(context.step):
        raise failures[context.step].pop(0)


def reserve(amount: int, stock: KVNamespace[int], context: StepContext) -> int:
    _called(context)
    left = stock.get("apples") or 0
    if left < amount:
        raise OutOfStockError
    stock.put("apples", left - amount)
    return left - amount


def remind(amount: int, context: StepContext) -> str:
    _called(context)
    return f"reminded of {amount}"


def ship(amount: int, parcels: Queue[int], context: StepContext) -> str:
    _called(context)
    parcels.send(amount)
    return f"shipped {amount}"


delivered: list[int] = []
lost: list[int] = []


def deliver(parcel: int) -> None:
    if parcel in lost:
        lost.remove(parcel)
        raise ConnectionError("lost")
    delivered.append(parcel)


class OrderWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> dict[str, str]:
        amount = event.payload
        if amount <= 0:
            raise WorkflowError("an order is of one apple at least")
        await step.do("reserve", reserve, amount)
        if amount > 10:
            await step.sleep("wait for the season", "30 days")
            reminder = await step.do("remind", remind, amount)
        else:
            reminder = "none"
        shipped = await step.do(
            "ship",
            ship,
            amount,
            retries=Retries(limit=3, delay="10 seconds", jitter=False),
            timeout="1 minute",
        )
        return {"reminder": reminder, "shipped": shipped}


stock = KVNamespace[int]("stock")
parcels = Queue("parcels", consumer=deliver, retries=Retries(limit=2, delay="1 minute", jitter=False))
order = Workflow("order", OrderWorkflow, bindings={"stock": stock, "parcels": parcels})
