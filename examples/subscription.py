"""A subscription is charged every thirty days, until it is cancelled or the card is refused three times in a row."""

from __future__ import annotations

from pydantic import BaseModel

from durable import (
    Email,
    Retries,
    SendEmail,
    StepContext,
    StepError,
    StepTimeoutError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Subscription(BaseModel):
    email: str
    cents: int


class Cancelled(BaseModel):
    reason: str = ""


class CardRefusedError(StepError):
    """The card was refused."""


def charge(subscription: Subscription, context: StepContext) -> str:
    """Charge the card at the payment provider, under the step's idempotency key."""
    return context.idempotency_key


def write(to: str, text: str, mail: SendEmail, context: StepContext) -> None:
    mail.send(Email(to=to, subject="Your subscription", text=text), id=context.idempotency_key)


class SubscriptionWorkflow(WorkflowEntrypoint[Subscription]):
    async def run(self, event: WorkflowEvent[Subscription], step: WorkflowStep) -> dict[str, object]:
        subscription = event.payload
        months = 0
        while True:
            try:
                await step.do("charge", charge, subscription, retries=Retries(limit=2, delay="3 days", jitter=False))
            except CardRefusedError as error:
                await step.do("tell that it ends", write, subscription.email, f"We had to end it: {error}")
                return {"months": months, "ended": "unpaid"}
            months += 1
            try:
                await step.wait_for_event("a month", type="cancelled", payload=Cancelled, timeout="30 days")
            except StepTimeoutError:
                continue
            await step.do("say goodbye", write, subscription.email, f"Goodbye, after {months} months.")
            return {"months": months, "ended": "cancelled"}
