"""Every kind of binding is known in every world, and a name means the same thing in each."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from durable import AWSService, Bucket, KVNamespace, Queue, Secret, SendEmail, Var, Worker, Workflow, bindings
from durable.aws.clients import clients_of
from durable.bindings import Binding
from durable.bindings.kinds import KINDS, part
from durable.build import build
from durable.project import Project
from durable.signature import Signature, entry_of, signature_of
from durable.testing import Sandbox
from durable.testing.client import SandboxClient
from durable.testing.host import VirtualHost
from tests.integration.cdk import underscored
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template, text

HERE = "tests.integration.cdk.underscored"
SIGNATURES = {
    f"{HERE}:charge": signature_of(underscored.charge),
    f"{HERE}:consume": signature_of(underscored.consume),
    "worker": entry_of(underscored.fetch),
}


def declared() -> dict[str, Binding]:
    """Return a declaration of every kind that can be bound, by a parameter that is not its name."""
    return {
        "user_profiles": KVNamespace("user-profiles"),
        "up_loads": Bucket("up-loads"),
        "mail_out": SendEmail("mail-out", sender="a@example.com"),
        "stripe_key": Secret("stripe-key"),
        "rate_limits": Var("rate-limits", 3),
        "text_reader": AWSService("text-reader", service="textract", actions=["textract:AnalyzeID"], resources=["*"]),
    }


@pytest.fixture(scope="module")
def project() -> Project:
    given = declared()
    workflow: Workflow[str] = Workflow("charge-orders", underscored.ChargeWorkflow, bindings=given)
    given["next_run"] = workflow.bindings["next_run"] = workflow
    orders: Queue[str] = Queue("old-orders", consumer=underscored.consume)
    given["old_orders"] = workflow.bindings["old_orders"] = orders
    orders.bindings |= given
    return Project("app", (*given.values(), Worker("front-door", HERE, url=True, bindings=given)))


@pytest.fixture(scope="module")
def template(synthesise: Synthesise, tmp_path_factory: pytest.TempPathFactory, project: Project) -> Template:
    return synthesise(tmp_path_factory.mktemp("underscored"), project=project)


def names(clients: dict[str, Binding]) -> dict[str, str]:
    return {parameter: client.name for parameter, client in clients.items()}


@pytest.mark.parametrize("function", SIGNATURES)
def test_a_lambda_is_given_each_binding_under_its_declared_name(
    template: Template, project: Project, function: str
) -> None:
    signature: Signature = SIGNATURES[function]
    variables = template.functions()[function]["Properties"]["Environment"]["Variables"]
    clients = clients_of(signature, {name: text(value) for name, value in variables.items()})
    assert names(clients) == names(project.workflows[0].bindings)
    assert {parameter: type(client) for parameter, client in clients.items() if isinstance(client, SandboxClient)} == {}
    for each in signature.bindings:
        assert isinstance(clients[each.name], each.binding)


def test_one_machine_and_a_sandbox_give_them_under_the_same_names(project: Project, tmp_path: Path) -> None:
    wanted = sorted(each.name for each in project.workflows[0].bindings.values())
    with VirtualHost(build(project), tmp_path) as host:
        assert host.run_workflow("charge-orders", "one").status == "complete"
        host.host.messages.send("old-orders", ['"two"'], 0)
        host.run()
        host.api(project.workers[0])
        for each in ("step", "consumer", "worker"):
            assert sorted(client.name for client in underscored.GIVEN.pop(each)) == wanted
    module = ModuleType("declared")
    vars(module).update((each.name.replace("-", "_"), each) for each in project.declarations)
    sandbox = Sandbox(module)
    assert sandbox.run("one").status == "complete"
    assert sorted(client.name for client in underscored.GIVEN.pop("step")) == wanted


def test_every_kind_of_binding_is_registered_and_all_its_parts_are_there() -> None:
    kinds = {
        each
        for each in vars(bindings).values()
        if isinstance(each, type) and issubclass(each, Binding) and each is not Binding
    }
    assert {each.kind: each for each in kinds} == {name: part(each.declaration) for name, each in KINDS.items()}
    for kind in KINDS.values():
        parts: list[Any] = [part(each) for each in (kind.aws, kind.local, kind.construct) if each]
        assert all(callable(each) for each in parts)
        assert kind.sandbox is None or issubclass(part(kind.sandbox), SandboxClient)
