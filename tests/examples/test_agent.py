"""An agent looks up what it needs, pays back what a person agrees to, and answers."""

from __future__ import annotations

from durable.testing import Sandbox
from examples.agent import AgentWorkflow, Message

QUESTION = {"customer": "ann", "text": "Where is o1? I want my money back."}


def turn(tool: str, **fields: object) -> dict[str, object]:
    return {"action": {"tool": tool, **fields}}


def agent(*turns: dict[str, object]) -> Sandbox:
    sandbox = Sandbox(AgentWorkflow, bindings={"orders": {"o1": "lost"}})
    for round, each in enumerate(turns, 1):
        sandbox.stub("think").returns(each, round=round)
    return sandbox


def test_it_looks_up_pays_back_and_answers() -> None:
    sandbox = agent(turn("look_up", order="o1"), turn("refund", order="o1", cents=900), turn("say", text="Done."))
    run = sandbox.start(QUESTION)
    run.send_event("decided", {"agreed": True})
    sandbox.settle()

    assert run.output == "Done."
    assert sandbox.kv("accounts").contents == {"ann": 900}
    assert [each.text for each in run.step("think", round=3).input["history"][1:]] == [
        "look_up",
        "lost",
        "refund",
        "900 cents for o1: paid",
    ]


def test_nothing_is_paid_without_a_person() -> None:
    sandbox = agent(turn("refund", order="o1", cents=900), turn("say", text="Sorry."))
    run = sandbox.run(QUESTION)

    assert run.output == "Sorry."
    assert run.step("think", round=2).input["history"][-1] == Message(role="user", text="900 cents for o1: refused")
    assert sandbox.kv("accounts").contents == {}


def test_it_gives_up_after_eight_turns() -> None:
    run = agent(*[turn("look_up", order="o2")] * 8).run(QUESTION)

    assert run.error is not None
    assert run.error.message == "the model found no answer"
