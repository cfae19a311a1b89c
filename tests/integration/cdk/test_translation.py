"""From declarations to constructs: what is refused, and a workflow that starts itself."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, ClassVar

import pytest

from durable import KVNamespace, Queue, Workflow
from durable.bindings import Binding
from durable.cdk.foundation.refusal import refusals
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.sample import RelayWorkflow
from tests.integration.cdk.template import Template, references, text


class Database(Binding):
    kind: ClassVar[str] = "d1"


class Crystal(Binding):
    kind: ClassVar[str] = "crystal-ball"


def test_a_kind_without_counterpart_is_refused_with_what_to_use_and_all_at_once() -> None:
    found = refusals([Database("users"), KVNamespace("notes"), Crystal("future")], {"kv"})
    assert len(found) == 2
    assert found[0].startswith("Database('users') cannot be deployed to AWS: D1 is SQLite")
    assert "use a Database" in found[0]
    assert "Crystal('future')" in found[1]
    assert "add a construct" in found[1]


def test_nothing_is_synthesised_of_a_project_with_such_a_kind(synthesise: Synthesise, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="Database"):
        synthesise(tmp_path, project=Project("app", (Database("users"),)))


@pytest.fixture(scope="module")
def relay(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory) -> Template:
    workflow: Workflow[Any] = Workflow("relay", RelayWorkflow)
    workflow.bindings["relay"] = workflow
    project = Project("app", (workflow, Queue("unread"), KVNamespace("record")))
    return synthesise(tmp_path_factory.mktemp("relay"), project=project)


def test_a_machine_that_its_own_step_starts_has_a_name_with_the_stage_and_makes_no_cycle(relay: Template) -> None:
    machines = relay.of("StepFunctions::StateMachine")
    names = {each["Properties"]["StateMachineName"] for each in machines.values()}
    assert names == {"durable-workflows-dev-relay", "durable-workflows-dev-relay-express"}
    graph = {each: set(references(part)) & set(relay.resources) for each, part in relay.resources.items()}
    order = list(TopologicalSorter(graph).static_order())
    versions = relay.of("Lambda::Version")
    assert max(order.index(each) for each in versions) < min(order.index(each) for each in machines)


def test_that_step_may_start_that_machine_and_no_other(relay: Template) -> None:
    function = "tests.integration.cdk.sample:again"
    started = {resource for action, resource in relay.grants(function) if action == "states:StartExecution"}
    machine = "durable-workflows-dev-relay-express"
    assert {each.rpartition("stateMachine:")[2] for each in started} == {machine, f"{machine}:*"}
    bindings = text(relay.functions()[function]["Properties"]["Environment"]["Variables"]["DURABLE_BINDINGS"])
    assert "tests.integration.cdk.sample:RelayWorkflow" in bindings


def test_a_queue_without_consumer_and_a_project_without_worker_are_fine(relay: Template) -> None:
    assert [each for each in relay.of("Lambda::EventSourceMapping") if "Waker" not in each] == []
    assert relay.of("ApiGatewayV2::Api") == {}
    assert len([each for each in relay.of("SQS::Queue") if not each.startswith("Wakes")]) == 2
