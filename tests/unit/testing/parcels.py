"""A small project: parcels of an order are packed in rounds and sent at once; the queue's consumer may fail."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel

from durable import (
    Email,
    KVNamespace,
    NonRetryableError,
    Queue,
    Retries,
    SendEmail,
    StepContext,
    StepTimeoutError,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Parcel(BaseModel):
    name: str
    weight: int = 1


class TooHeavyError(NonRetryableError):
    """Nobody can lift it."""


def pack(name: str, weights: KVNamespace[int], context: StepContext) -> Parcel:
    return Parcel(name=name, weight=weights.get(name) or 1)


def send(parcel: Parcel, labels: Queue[Parcel]) -> str:
    if parcel.weight > 100:
        raise TooHeavyError
    labels.send(parcel)
    return f"{parcel.name} sent"


def left(name: str) -> str:
    order.append(name)
    return name


def right(name: str) -> str:
    order.append(name)
    return name


order: list[str] = []


class ParcelsWorkflow(WorkflowEntrypoint[list[str]]):
    async def run(self, event: WorkflowEvent[list[str]], step: WorkflowStep) -> list[str]:
        sent: list[str] = []
        for name in event.payload:
            parcel = await step.do("pack", pack, name)
            try:
                done = await step.do("send", send, parcel, retries=Retries(limit=2, delay="1 minute", jitter=False))
            except TooHeavyError:
                done = f"{parcel.name} kept"
            sent = [*sent, done]
            await step.sleep("breathe", "1 hour")
        return sent


class RaceWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        async def lane(name: str) -> str:
            first = await step.do("left", left, name)
            await step.sleep("rest", "1 day")
            return await step.do("right", right, first)

        await asyncio.gather(lane("a"), lane("b"), lane("c"), lane("d"))


class PatientWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        try:
            return await step.do(
                "left", left, event.payload, retries=Retries(limit=1, delay="1 second"), timeout="9 minutes"
            )
        except StepTimeoutError:
            return "too late"


def post(parcel: Parcel, mail: SendEmail, lost: KVNamespace[bool]) -> None:
    if lost.get(parcel.name):
        raise ConnectionError
    mail.send(Email(to="ann@example.com", subject=parcel.name, text="", html=""), id=parcel.name)


weights = KVNamespace[int]("weights")
lost = KVNamespace[bool]("lost")
mail = SendEmail("mail", sender="post@example.com")
labels = Queue[Parcel](
    "labels",
    consumer=post,
    bindings={"mail": mail, "lost": lost},
    retries=Retries(limit=2, delay="1 minute", jitter=False),
)
parcels = Workflow("parcels", ParcelsWorkflow, bindings={"weights": weights, "labels": labels})
race = Workflow("race", RaceWorkflow)
