"""Options of declarations that Python would take and nothing could work with are refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest
from pydantic import Field
from pydantic.dataclasses import dataclass as pydantic_dataclass

from durable import (
    JWT,
    Compute,
    Concurrency,
    Domain,
    KVNamespace,
    Network,
    Queue,
    Retries,
    SendEmail,
    Throttle,
    Worker,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from durable.errors import DeclarationError

T = TypeVar("T")


VPC, SUBNET = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0"


class Small(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> int:
        return 1


def _workflow(**options: Any) -> Workflow[None]:
    return Workflow("small", Small, **options)


# Suppressed below is what a type checker says of the same mistakes: an author may have none.
@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: _workflow(schedules="0 * * * *"), r"schedules=\['0 \* \* \* \*'\]"),
        (lambda: _workflow(search="user_id"), r"write a list: search=\['user_id'\]"),
        (lambda: Worker("api", "api", origins="https://a.example"), r"write a list: origins=\['https://a.example'\]"),
        (lambda: _workflow(concurrency="5"), "has the concurrency '5'; write 1 to 1,000"),
        (lambda: _workflow(concurrency=True), "has the concurrency True; write 1 to 1,000"),
        (lambda: _workflow(concurrency=Concurrency(1.5)), "has the concurrency 1.5"),  # type: ignore[arg-type]
        (lambda: _workflow(rate=5), "has the rate 5; write 1 to 1,000 per second"),
        (lambda: Queue("mails", batch_size=0), "batch_size=0; write 1 to 10"),
        (lambda: Queue("mails", batch_size=11), "batch_size=11; write 1 to 10"),
        (lambda: Throttle(rate="5", burst=1), "give whole numbers of 1 to"),  # type: ignore[arg-type]
        (lambda: Queue("mails", timeout="20 minutes"), "has the timeout '20 minutes'; a Lambda runs for 1 second"),
        (lambda: Queue("mails", timeout=0), "has the timeout 0; a Lambda runs"),
        (lambda: Queue("mails", retries=Retries(limit=20, delay="1 hour")), "retries over 8.6 days, and SQS keeps"),
        (lambda: Queue("mails", retries=Retries(limit=1000, delay="1 second", backoff="constant")), "1,000 times"),
        (lambda: JWT("https://a.example", "shop", scopes="read"), r"write a list: scopes=\['read'\]"),  # type: ignore[arg-type]
        (lambda: Network("vpc-1", "ab", "cd"), r"write a list: subnets=\['ab'\]"),
        (lambda: Network("vpc-1", ["a"], ["b"], security_groups="sg-1"), r"write a list: security_groups=\['sg-1'\]"),
        (lambda: SendEmail("mail", sender="Shop <shop@example.com>"), "write an address, as 'shop@example.com'"),
        (lambda: SendEmail("mail", sender=""), "has the sender ''; write an address"),
        (lambda: Worker("api", "api", origins=["https://a.example/"]), "the origin 'https://a.example/'; write scheme"),
        (lambda: Worker("api", "api", origins=["a.example"]), "the origin 'a.example'; write scheme and host"),
        (lambda: Workflow("small", int), "is of <class 'int'>; write the class that has `run`"),  # type: ignore[arg-type]
        (lambda: Workflow("small", Small()), "without parentheses"),  # type: ignore[arg-type]
        (lambda: _workflow(steps=[Compute()]), "write a dict by step"),
        (lambda: _workflow(steps={"one": {"memory": 1}}), r"has steps\['one'\]={'memory': 1}; write Compute"),
        (lambda: _workflow(schedules=[5]), "has a schedule=5; write a cron expression or Schedule"),
        (lambda: _workflow(schedules=None), "has schedules=None; write a list"),
        (lambda: _workflow(bindings={"a": None}), "binds a to None, which is no declaration"),
        (lambda: _workflow(bindings={"a": KVNamespace}), "KVNamespace'>, which is no declaration"),
        (lambda: _workflow(bindings=[KVNamespace("a")]), "write a dict by parameter"),
        (lambda: Queue("mails", retries="3"), "has retries='3'; write Retries"),  # type: ignore[arg-type]
        (lambda: Worker("api", "api", throttles={"*": "5/s"}), r"throttles\['\*'\]='5/s'; write Throttle"),  # type: ignore[dict-item]
        (lambda: Worker("api", "api", url=True, domain="a.example"), "has domain='a.example'; write Domain"),  # type: ignore[arg-type]
        (lambda: Worker("api", "functions web"), "the module 'functions web'; write its name"),
        (lambda: Worker("api", "api", origins=[5]), "the origin 5; write scheme"),  # type: ignore[list-item]
        (lambda: Throttle(rate=10**12, burst=1), "give whole numbers of 1 to 1,000,000"),
        (lambda: Network("vpc-1", [SUBNET], ["a"]), "'vpc-1' is no id; write one as vpc-0123456789abcdef0"),
        (lambda: Network(VPC, ["mine"], ["a"]), "'mine' is no id; write one as subnet-"),
        (lambda: Network(VPC, [SUBNET], ["a"], ["mine"]), "'mine' is no id; write one as sg-"),
        (lambda: Network(VPC, [], []), "name at least one subnet"),
    ],
    ids=lambda each: "" if callable(each) else str(each)[:24],
)
def test_an_option_that_nothing_can_work_with_is_refused(declare: Callable[[], object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare()


def test_a_default_that_is_no_compute_is_refused_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workflow, "default_compute", {"memory": 1024})
    with pytest.raises(DeclarationError, match=r"has default_compute={'memory': 1024}; write Compute"):
        _workflow()


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Worker("api", "api", origins=["*", "http://localhost:5173", "capacitor://localhost"]),
        lambda: Domain("api.xn--e1afmkfd.xn--p1ai", zone="Z1"),
        lambda: Queue("mails", timeout="15 minutes", retries=Retries(limit=10, delay="10 minutes")),
    ],
)
def test_unusual_options_that_work_are_taken(declare: Callable[[], object]) -> None:
    declare()


@dataclass
class Base:
    customer_id: str


@dataclass
class Derived(Base):
    number: int


@dataclass
class Wrapped(Generic[T]):
    customer_id: str
    inner: T


@pydantic_dataclass
class Renamed:
    customer_id: str = Field(alias="customerId")


class OfDerived(WorkflowEntrypoint[Derived]):
    async def run(self, event: WorkflowEvent[Derived], step: WorkflowStep) -> None: ...


class OfWrapped(WorkflowEntrypoint[Wrapped[int]]):
    async def run(self, event: WorkflowEvent[Wrapped[int]], step: WorkflowStep) -> None: ...


class OfRenamed(WorkflowEntrypoint[Renamed]):
    async def run(self, event: WorkflowEvent[Renamed], step: WorkflowStep) -> None: ...


@pytest.mark.parametrize(
    ("workflow", "name"), [(OfDerived, "customer_id"), (OfWrapped, "customer_id"), (OfRenamed, "customerId")]
)
def test_search_attributes_and_limits_find_the_fields_of_any_payload(
    workflow: type[WorkflowEntrypoint[Any]], name: str
) -> None:
    declared = Workflow("orders", workflow, search=["customer_id"], concurrency=Concurrency(1, key="customer_id"))
    assert declared.search == {"customer_id": name}
    assert declared.limits is not None
    assert declared.limits.key == name
