"""A course by e-mail: a lesson every two days, until it is over or the reader unsubscribes."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from durable import (
    Email,
    Retries,
    SendEmail,
    StepContext,
    StepTimeoutError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)

LESSONS: Final = ["Hold the bow", "Open strings", "The first scale"]
MAIL: Final = Retries(limit=8, delay="1 minute")


class Reader(BaseModel):
    name: str
    email: str


def send_lesson(reader: Reader, number: int, lesson: str, mail: SendEmail, context: StepContext) -> None:
    letter = Email(reader.email, f"Lesson {number}: {lesson}", f"Dear {reader.name}, today we learn: {lesson}.")
    mail.send(letter, id=context.idempotency_key)


def send_certificate(reader: Reader, mail: SendEmail, context: StepContext) -> None:
    letter = Email(reader.email, "Your certificate", f"Well played, {reader.name}!")
    mail.send(letter, id=context.idempotency_key)


class CourseWorkflow(WorkflowEntrypoint[Reader]):
    async def run(self, event: WorkflowEvent[Reader], step: WorkflowStep) -> str:
        reader = event.payload
        for number, lesson in enumerate(LESSONS, 1):
            await step.do("send lesson", send_lesson, reader, number, lesson, retries=MAIL)
            try:
                await step.wait_for_event("two days", type="unsubscribed", timeout="2 days")
            except StepTimeoutError:
                continue
            return f"unsubscribed after lesson {number}"
        await step.do("send certificate", send_certificate, reader, retries=MAIL)
        return "finished"
