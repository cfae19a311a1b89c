"""Each night the day's orders are settled, each by a run of its own; what fails is reported, and stops nothing."""

from __future__ import annotations

from pydantic import BaseModel

from durable import (
    ChildWorkflowError,
    Email,
    KVNamespace,
    Queue,
    Schedule,
    SendEmail,
    StepContext,
    Workflow,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)


class Order(BaseModel):
    id: str
    cents: int
    paid: bool = True


def settle(order: Order, ledger: KVNamespace[int]) -> int:
    return ledger.increment("turnover", order.cents)


def pick(order: Order, warehouse: Queue[Order]) -> None:
    warehouse.send(order)


class OrderWorkflow(WorkflowEntrypoint[Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> int:
        order = event.payload
        if not order.paid:
            raise WorkflowError(f"{order.id} is not paid")
        await step.do("settle", settle, order)
        await step.do("pick", pick, order)
        return order.cents


def list_orders(orders: KVNamespace[Order]) -> list[Order]:
    found = (orders.get(key) for key in orders.list().keys)
    return [each for each in found if each is not None]


def report(text: str, mail: SendEmail, context: StepContext) -> None:
    mail.send(Email("office@example.com", "Last night", text), id=context.idempotency_key)


class NightWorkflow(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> list[str]:
        async def one(order: Order) -> str | None:
            try:
                cents = await step.call("order", OrderWorkflow, order)
                return f"{order.id}: {cents / 100:.2f}"
            except ChildWorkflowError:
                return None

        orders = await step.do("list orders", list_orders)
        settled = await step.map("settle all", one, orders, concurrency=20)
        failed = [order.id for order, line in zip(orders, settled, strict=False) if line is None]
        lines = [line for line in settled if line is not None]
        await step.do("report", report, "\n".join([*lines, f"failed: {', '.join(failed) or 'none'}"]))
        return failed


mail = SendEmail("mail", sender="office@example.com")
stock: Queue[Order] = Queue("warehouse")
order = Workflow("order", OrderWorkflow, bindings={"ledger": KVNamespace("ledger"), "warehouse": stock})
night = Workflow(
    "night",
    NightWorkflow,
    bindings={"orders": KVNamespace("orders"), "mail": mail},
    schedules=[Schedule("30 2 * * *", timezone="Europe/Berlin")],
)
