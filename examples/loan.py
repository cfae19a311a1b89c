"""A loan: banks are asked side by side, the cheapest offer is made, and the customer has three days to sign."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from durable import KVNamespace, StepError, StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

BANKS: Final = ["north", "south", "harbour"]


class Application(BaseModel):
    customer: str
    amount: int


class Offer(BaseModel):
    bank: str
    percent: float


class Signature(BaseModel):
    name: str


class RefusedError(StepError):
    """The bank does not lend."""


def score(application: Application, scores: KVNamespace[int]) -> int:
    return scores.get(application.customer) or 0


def ask(bank: str, amount: int, points: int, rates: KVNamespace[float]) -> Offer:
    rate = rates.get(bank)
    if rate is None or amount > points * 1000:
        raise RefusedError(f"{bank} does not lend {amount}")
    return Offer(bank=bank, percent=rate)


def propose(customer: str, offer: Offer, offers: KVNamespace[Offer]) -> None:
    offers.put(customer, offer, ttl="3 days")


class LoanWorkflow(WorkflowEntrypoint[Application]):
    async def run(self, event: WorkflowEvent[Application], step: WorkflowStep) -> dict[str, object]:
        application = event.payload
        points = await step.do("score", score, application)

        async def offer_of(bank: str) -> Offer | None:
            try:
                return await step.do("ask", ask, bank, application.amount, points, timeout="30 seconds")
            except StepError:
                return None

        answers = await step.map("bank", offer_of, BANKS)
        offers = [each for each in answers if each is not None]
        if not offers:
            return {"status": "refused", "asked": len(BANKS)}
        best = min(offers, key=lambda each: each.percent)
        await step.do("propose", propose, application.customer, best)
        try:
            signed = await step.wait_for_event("signature", type="signed", payload=Signature, timeout="3 days")
        except StepTimeoutError:
            return {"status": "lapsed", "bank": best.bank}
        return {"status": "signed", "bank": best.bank, "percent": best.percent, "by": signed.name}
