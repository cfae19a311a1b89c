"""A step that is given a result: the run goes on as if the step had returned it."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from durable import NonRetryableError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import InvalidInput, RunConflict
from durable.runs.transitions import From, Given, Order
from durable.testing import Sandbox

shipped: list[str] = []
charged: list[int] = []


class Address(BaseModel):
    city: str


def look_up(customer: str) -> Address:
    return Address(city="Atlantis")


def charge(cents: int) -> str:
    charged.append(cents)
    if cents > 100:
        raise NonRetryableError("the bank is down")
    return "ch_1"


def ship(address: Address, payment: str) -> str:
    shipped.append(f"{address.city}, {payment}")
    return shipped[-1]


class OrderWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        address = await step.do("look up", look_up, "jane")
        payment = await step.do("charge", charge, event.payload)
        return await step.do("ship", ship, address, payment)


@pytest.fixture
def sandbox() -> Sandbox:
    shipped.clear()
    charged.clear()
    return Sandbox(OrderWorkflow)


def tell(sandbox: Sandbox, run: str, order: Order) -> None:
    sandbox._virtual.host.operator.lifecycle.carry_out("order", run, order)
    sandbox.settle()


def test_a_run_goes_on_after_the_step_that_failed(sandbox: Sandbox) -> None:
    run = sandbox.run(200)
    assert run.status == "errored"
    tell(sandbox, run.id, Order("retry", result=Given("by hand")))
    assert (run.output, charged) == ("Atlantis, by hand", [200])


def test_what_came_after_runs_again_with_the_result(sandbox: Sandbox) -> None:
    run = sandbox.run(50)
    tell(sandbox, run.id, Order("restart", start=From("look up"), result=Given({"city": "Rome"})))
    assert run.output == "Rome, ch_1"
    assert (charged, shipped) == ([50, 50], ["Atlantis, ch_1", "Rome, ch_1"])
    assert run.step("look up").result == Address(city="Rome")


def test_a_result_of_another_type_is_refused_with_its_fields_and_changes_nothing(sandbox: Sandbox) -> None:
    run = sandbox.run(50)
    said = 'the step "look up" returns Address, and this is none: result.city (Field required)'
    with pytest.raises(InvalidInput, match=re.escape(said)):
        tell(sandbox, run.id, Order("restart", start=From("look up"), result=Given({"town": "Rome"})))
    assert (run.status, run.output, run.step("look up").result) == (
        "complete",
        "Atlantis, ch_1",
        Address(city="Atlantis"),
    )


@pytest.mark.parametrize("result", [None, 7, ["ch_1"], {"id": "ch_1"}])
def test_what_is_no_text_is_no_result_of_a_step_that_returns_one(sandbox: Sandbox, result: object) -> None:
    run = sandbox.run(200)
    said = 'the step "charge" returns str, and this is none: result (Input should be a valid string)'
    with pytest.raises(InvalidInput, match=re.escape(said)):
        tell(sandbox, run.id, Order("retry", result=Given(result)))
    assert (run.status, charged, shipped) == ("errored", [200], [])


def test_a_step_that_the_run_has_not_begun_is_given_no_result(sandbox: Sandbox) -> None:
    run = sandbox.run(200)
    with pytest.raises(RunConflict, match="has not begun that step"):
        tell(sandbox, run.id, Order("restart", start=From("ship"), result=Given("there")))
