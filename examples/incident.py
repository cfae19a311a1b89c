"""An alarm calls one person after the other until somebody takes it, and asks again until it is solved."""

from __future__ import annotations

from pydantic import BaseModel

from durable import Queue, StepTimeoutError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Alarm(BaseModel):
    service: str
    people: list[str]
    rounds: int = 2


class Taken(BaseModel):
    by: str


class Call(BaseModel):
    person: str
    text: str


def call(person: str, text: str, calls: Queue[Call]) -> None:
    calls.send(Call(person=person, text=text))


class IncidentWorkflow(WorkflowEntrypoint[Alarm]):
    async def run(self, event: WorkflowEvent[Alarm], step: WorkflowStep) -> dict[str, object]:
        alarm = event.payload
        taken: Taken | None = None
        called = 0
        for person in alarm.people * alarm.rounds:
            await step.do("call", call, person, f"{alarm.service} is down")
            called += 1
            try:
                taken = await step.wait_for_event("taken", type="taken", payload=Taken, timeout="10 minutes")
                break
            except StepTimeoutError:
                continue
        if taken is None:
            return {"status": "nobody answered", "calls": called}
        reminders = 0
        while True:
            try:
                await step.wait_for_event("solved", type="solved", timeout="1 hour")
                return {"status": "solved", "by": taken.by, "calls": called, "reminders": reminders}
            except StepTimeoutError:
                await step.do("remind", call, taken.by, f"is {alarm.service} up again?")
                reminders += 1
