"""An agent: a model answers a customer, with tools that it asks for; what costs money waits for a person."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel

from durable import (
    AWSService,
    KVNamespace,
    StepTimeoutError,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)

MODEL: Final = "amazon.nova-lite-v1:0"
TURNS: Final = 8


class Message(BaseModel):
    role: Literal["user", "assistant"]
    text: str


class LookUp(BaseModel):
    tool: Literal["look_up"] = "look_up"
    order: str


class Refund(BaseModel):
    tool: Literal["refund"] = "refund"
    order: str
    cents: int


class Say(BaseModel):
    tool: Literal["say"] = "say"
    text: str


class Turn(BaseModel):
    action: LookUp | Refund | Say


class Decision(BaseModel):
    agreed: bool


class Question(BaseModel):
    customer: str
    text: str


def think(history: list[Message], bedrock: AWSService) -> Turn:
    messages = [{"role": each.role, "content": [{"text": each.text}]} for each in history]
    answer = bedrock.client.converse(modelId=MODEL, messages=messages)
    return Turn.model_validate_json(answer["output"]["message"]["content"][0]["text"])


def look_up(order: str, orders: KVNamespace[str]) -> str:
    return orders.get(order) or "no such order"


def pay_back(customer: str, cents: int, accounts: KVNamespace[int]) -> int:
    return accounts.increment(customer, cents)


class AgentWorkflow(WorkflowEntrypoint[Question]):
    async def run(self, event: WorkflowEvent[Question], step: WorkflowStep) -> str:
        question = event.payload
        history = [Message(role="user", text=question.text)]
        for _ in range(TURNS):
            turn = await step.do("think", think, history, timeout="2 minutes")
            action = turn.action
            if action.tool == "say":
                return action.text
            if action.tool == "look_up":
                found = await step.do("look up", look_up, action.order)
            else:
                try:
                    decision = await step.wait_for_event("person", type="decided", payload=Decision, timeout="1 day")
                    agreed = decision.agreed
                except StepTimeoutError:
                    agreed = False
                if agreed:
                    await step.do("pay back", pay_back, question.customer, action.cents)
                found = f"{action.cents} cents for {action.order}: {'paid' if agreed else 'refused'}"
            history.append(Message(role="assistant", text=action.tool))
            history.append(Message(role="user", text=found))
        raise WorkflowError("the model found no answer")
