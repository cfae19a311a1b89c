from __future__ import annotations

from types import ModuleType

import pytest

from durable import (
    Domain,
    KVNamespace,
    Queue,
    SendEmail,
    Worker,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from durable.bindings import Binding
from durable.build import build
from durable.check import check
from durable.errors import DeclarationError
from durable.project import Project, declarations
from durable.signature import signature_of


def count(amount: int, totals: KVNamespace[int], mail: Queue[str]) -> int:
    mail.send(str(amount))
    return totals.get("all") or amount


def deliver(message: str, post: SendEmail) -> None: ...


def deliver_number(message: int) -> None: ...


def takes_two(message: str, other: str) -> None: ...


class Counting(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.do("count", count, event.payload)


def problems(*declared: Binding) -> str:
    project = Project("app", declared)
    with pytest.raises(DeclarationError) as caught:
        check(project, {each.name: [signature_of(count)] for each in project.workflows}, {})
    return "\n".join(caught.value.problems)


def test_declarations_are_read_off_a_module_once_each_and_in_order() -> None:
    module = ModuleType("app")
    totals = KVNamespace("totals")
    vars(module).update(totals=totals, again=totals, mail=Queue("mail"), other=3)
    assert [each.name for each in declarations(module)] == ["totals", "mail"]


def test_a_project_that_fits_has_no_problem() -> None:
    post, totals = SendEmail("post", sender="a@example.com"), KVNamespace("totals")
    mail = Queue("mail", consumer=deliver, bindings={"post": post})
    counting = Workflow("counting", Counting, bindings={"totals": totals, "mail": mail})
    project = Project("app", (post, totals, mail, counting))
    check(project, {"counting": [signature_of(count)]}, {})


def test_every_problem_is_listed_at_once() -> None:
    said = problems(Workflow("counting", Counting, bindings={"wrong": KVNamespace("wrong")}), KVNamespace("spare"))
    assert "Workflow('counting') lacks the binding totals: KVNamespace" in said
    assert "Workflow('counting') lacks the binding mail: Queue" in said
    assert "binds wrong to KVNamespace('wrong'), which no signature names" in said
    assert "binds wrong to KVNamespace('wrong'), which app does not declare" in said
    assert "KVNamespace('spare') is declared in app and bound to nothing" in said


def test_a_binding_of_the_wrong_kind_is_named() -> None:
    totals, mail = SendEmail("totals", sender="a@example.com"), Queue("mail")
    said = problems(totals, mail, Workflow("counting", Counting, bindings={"totals": totals, "mail": mail}))
    assert "binds totals to SendEmail('totals'), but" in said
    assert "wants a KVNamespace" in said


def test_a_message_that_the_consumer_does_not_take_is_named() -> None:
    totals, mail = KVNamespace("totals"), Queue("mail", consumer=deliver_number)
    said = problems(totals, mail, Workflow("counting", Counting, bindings={"totals": totals, "mail": mail}))
    assert "sends str to Queue('mail'), whose consumer takes int" in said


def test_a_consumer_takes_one_message() -> None:
    said = problems(Queue("mail", consumer=takes_two))
    assert "it takes one message, and bindings, but its data parameters are ['message', 'other']" in said


def test_two_of_one_kind_do_not_share_a_name() -> None:
    one, two = KVNamespace("totals"), KVNamespace("totals")
    assert "KVNamespace('totals') is declared twice" in problems(one, two)


@pytest.mark.parametrize(("one", "two"), [("a-1", "a1"), ("a--b", "a-b")])
def test_two_of_one_kind_do_not_become_one_resource_on_aws(one: str, two: str) -> None:
    said = f"KVNamespace({one!r}) and KVNamespace({two!r}) would be one resource on AWS"
    assert said in problems(KVNamespace(one), KVNamespace(two))
    assert "one resource" not in problems(KVNamespace(one), Queue(two))


def test_two_workers_do_not_share_a_domain() -> None:
    domain = Domain("api.example.com", zone="Z1")
    one, two = (Worker(name, "functions.api", url=True, domain=domain) for name in ("one", "two"))
    assert "Worker('one') and Worker('two') have the domain api.example.com" in problems(one, two)


@pytest.mark.parametrize("name", ["", "Totals", "9lives", "a_b", "a" * 41, "ends-"])
def test_a_name_is_of_a_form_that_every_service_takes(name: str) -> None:
    with pytest.raises(DeclarationError, match="1 to 40 lower-case"):
        KVNamespace(name)


def test_a_declaration_does_nothing() -> None:
    with pytest.raises(TypeError, match="is a declaration"):
        KVNamespace("totals").get("x")


class Nested(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return await step.call("count", Counting, event.payload)


def called(*names: str) -> list[str]:
    """Return what is wrong where a workflow calls Counting, which is declared under these names."""
    nested = Workflow("nested", Nested)
    project = Project("app", (nested, *(Workflow(name, Counting) for name in names)))
    with pytest.raises(DeclarationError) as caught:
        check(project, {each.name: [] for each in project.workflows}, {}, {"nested": {"count": Counting}})
    return list(caught.value.problems)


def test_a_workflow_that_is_called_is_declared_and_once() -> None:
    assert called() == [
        "Workflow('nested') calls Counting in step 'count', which app does not declare; declare it there:"
        " Workflow(…, Counting)"
    ]
    assert called("one", "two") == [
        "Workflow('nested') calls Counting in step 'count', which is declared as one, two; declare it once, or call a"
        " class of its own"
    ]


def test_what_is_called_and_not_declared_is_listed_with_all_else_that_is_wrong() -> None:
    project = Project("app", (Workflow("nested", Nested), KVNamespace("idle")))
    with pytest.raises(DeclarationError) as caught:
        build(project)
    assert ["idle" in each or "Counting" in each for each in caught.value.problems] == [True, True]
