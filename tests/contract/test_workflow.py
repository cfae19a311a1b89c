"""What the client of a Workflow binding offers, on both tables; and asked of an operator, as a Lambda asks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from pydantic import BaseModel, Field

import durable.aws.operator
from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.aws.operator import Operator, RemoteTransitions
from durable.bindings.workflow import Start
from durable.clients.workflow import Transitions, WorkflowClient
from durable.clock import moment
from durable.errors import DurableError, InvalidInput, RunConflict, RunExists, RunNotFound, Throttled
from durable.operations.queries import Queries
from durable.steps.callbacks import Callbacks
from durable.steps.events import Events
from durable.store.begun import Recorded
from tests.contract.desk import DONE, FAILED, Desk
from tests.contract.worlds import World
from tests.unit.record.conftest import FakeTokens


class Shop(WorkflowEntrypoint[dict[str, int]]):
    async def run(self, event: WorkflowEvent[dict[str, int]], step: WorkflowStep) -> None: ...


class Lambda:
    """boto3's client of Lambda, for one function."""

    class exceptions:
        ClientError = KeyError

    def __init__(self, function: Operator) -> None:
        self.function = function
        self.dies = False

    def invoke(self, *, FunctionName: str, Payload: str) -> Mapping[str, Any]:
        assert FunctionName == "shop-operator"
        if self.dies:
            return {"FunctionError": "Unhandled", "Payload": BytesIO(b"{}")}
        return {"Payload": BytesIO(json.dumps(self.function(json.loads(Payload))).encode())}


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


@pytest.fixture(params=["itself", "asks an operator"])
def shop(desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> WorkflowClient:
    transitions: Transitions = desk.lifecycle
    if request.param == "asks an operator":
        aws = Lambda(Operator("shop", desk.lifecycle))
        monkeypatch.setattr(durable.aws.operator, "_lambda", lambda: aws)
        transitions = RemoteTransitions("shop-operator")
    return client_of(desk, transitions)


def client_of(desk: Desk, transitions: Transitions) -> WorkflowClient:
    events = Events(desk.table, Callbacks(desk.table, FakeTokens(), desk.clock), desk.clock)
    return WorkflowClient("shop", Shop, desk.runs, events, {}, Queries(desk.table, desk.clock), transitions)


def test_a_run_is_paused_resumed_and_terminated(shop: WorkflowClient) -> None:
    shop.create({"n": 1}, id="one")
    shop.pause("one")
    assert shop.get("one").status == "paused"
    shop.resume("one")
    assert shop.get("one").status == "running"
    shop.terminate("one")
    assert shop.get("one").status == "terminated"


def test_a_failed_run_is_retried_and_restarted_from_a_step(desk: Desk, shop: WorkflowClient) -> None:
    desk.make("complete")
    shop.restart("one", from_step="first")
    desk.ends(FAILED)
    shop.retry("one")
    assert shop.get("one").status == "running"
    desk.ends(DONE)
    shop.restart("one")
    assert shop.get("one").status == "running"
    did = [each.type for each in shop.history("one").events]
    assert [each for each in did if each.startswith(("created", "re"))] == [
        "created",
        "restarted from first",
        "retried",
        "restarted",
    ]


def test_a_restart_from_a_round_that_was_not_begun_is_refused(desk: Desk, shop: WorkflowClient) -> None:
    desk.make("errored")
    with pytest.raises(RunConflict, match="has not begun that step"):
        shop.restart("one", from_step="first", count=2)
    with pytest.raises(ValueError, match="which round of from_step"):
        shop.restart("one", count=2)


class Charge(BaseModel):
    charge_id: str = Field(alias="chargeId")


def test_a_step_is_given_a_result_from_code(desk: Desk, shop: WorkflowClient) -> None:
    desk.make("running")
    desk.begin()
    desk.fail()
    desk.ends(FAILED)
    shop.retry("one", result=[Charge(chargeId="ch_1")])
    assert desk.begin().result == [{"chargeId": "ch_1"}]
    desk.ends(DONE)
    shop.restart("one", from_step="first", result=None)
    begun = desk.begin()
    assert isinstance(begun, Recorded)
    assert (begun.result, begun.failure) == (None, None)


def test_what_is_no_result_is_refused_before_anything_is_changed(desk: Desk, shop: WorkflowClient) -> None:
    desk.make("errored")
    with pytest.raises(ValueError, match="result is of one step: name that in from_step"):
        shop.restart("one", result=1)
    for wrong, said in ((object(), "cannot be written"), ("x" * 300_000, "larger than"), (2**60, "beyond 2")):
        with pytest.raises(InvalidInput, match=said):
            shop.retry("one", result=wrong)
    assert shop.get("one").status == "errored"


def test_a_refused_transition_says_why(desk: Desk, shop: WorkflowClient) -> None:
    shop.create({"n": 1}, id="one")
    with pytest.raises(RunConflict, match="The run has not failed: only one that has can be retried"):
        shop.retry("one")
    with pytest.raises(RunNotFound):
        shop.pause("two")
    desk.machines.busy = True
    shop.pause("one")
    shop.resume("one")
    desk.definitions["shop"] = "d2"
    shop.pause("one")
    with pytest.raises(RunConflict, match="has changed since the run began"):
        shop.resume("one")
    shop.resume("one", code="latest")


def test_terminate_with_rollback_undoes_first(desk: Desk, shop: WorkflowClient) -> None:
    desk.make("running")
    desk.begin("first", undo={"function": "f"})
    desk.succeed()
    shop.terminate("one", rollback=True)
    assert shop.get("one").status == "rollingBack"


def test_a_batch_says_for_each_run_what_was_done(shop: WorkflowClient) -> None:
    shop.create({"n": 1}, id="one")
    made = shop.create_batch([Start({"n": 1}, id="one"), Start({"n": 2}, id="one"), Start({"n": 3})])
    assert [each.new for each in made] == [False, False, True]
    assert [type(each.error) for each in made] == [type(None), RunExists, type(None)]
    assert shop.get(made[2].id or "").status == "running"
    shop.terminate("one")
    gone = shop.delete_batch(["one", "two", made[2].id or ""])
    assert [each.new for each in gone] == [True, False, False]
    assert [type(each.error) for each in gone] == [type(None), type(None), RunConflict]
    assert [each.id for each in shop.list().runs] == [made[2].id]


def test_nothing_of_a_batch_is_started_where_params_or_an_id_do_not_fit(shop: WorkflowClient) -> None:
    wrong: Any = {"n": "x"}
    with pytest.raises(InvalidInput, match=r"1\.params"):
        shop.create_batch([Start({"n": 1}), Start(wrong)])
    with pytest.raises(ValueError, match="a run's id is"):
        shop.create_batch([Start({"n": 1}), Start({"n": 1}, id="a b")])
    with pytest.raises(ValueError, match="a batch of 101"):
        shop.delete_batch(["x"] * 101)
    assert shop.list().runs == ()


def test_runs_are_listed_by_status_and_time_page_after_page(desk: Desk, shop: WorkflowClient) -> None:
    for number in range(3):
        shop.create({"n": number}, id=f"run-{number}")
        desk.later(1_000)
    shop.pause("run-1")
    assert [each.id for each in shop.list(status="running").runs] == ["run-2", "run-0"]
    first = shop.list(limit=2)
    assert [each.id for each in first.runs] == ["run-1", "run-2"]
    assert [each.id for each in shop.list(cursor=first.cursor).runs] == ["run-0"]
    assert [each.id for each in shop.list(until=moment(desk.clock.now() - 2_500)).runs] == ["run-0"]
    with pytest.raises(ValueError, match="since has no zone"):
        shop.list(since=datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))


def test_a_follower_is_told_each_event_once(desk: Desk, shop: WorkflowClient) -> None:
    shop.create({"n": 1}, id="one")
    seen = shop.history("one")
    assert [each.type for each in seen.events] == ["created"]
    desk.begin()
    desk.succeed()
    seen = shop.history("one", after=seen.cursor)
    assert [(each.type, each.step, each.attempt) for each in seen.events] == [
        ("stepStarted", "first", 1),
        ("stepComplete", "first", 1),
    ]
    assert shop.history("one", after=seen.cursor).events == ()


def test_an_operator_that_died_may_be_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Lambda(Operator("shop", desk.lifecycle))
    monkeypatch.setattr(durable.aws.operator, "_lambda", lambda: aws)
    shop = client_of(desk, RemoteTransitions("shop-operator"))
    shop.create({"n": 1}, id="one")
    aws.dies = True
    with pytest.raises(Throttled):
        shop.pause("one")
    aws.dies = False
    shop.pause("one")
    assert shop.get("one").status == "paused"


def test_a_lambda_that_was_granted_no_transition_says_how_it_is(desk: Desk) -> None:
    shop = client_of(desk, RemoteTransitions(None))
    shop.create({"n": 1}, id="one")
    with pytest.raises(DurableError, match=r"granted no pause of 'shop'.*parameter\.pause"):
        shop.pause("one")
