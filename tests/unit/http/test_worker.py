"""A worker's module."""

from __future__ import annotations

import types
from typing import Any

import pytest

from durable import KVNamespace, Workflow
from durable.errors import SignatureError
from durable.http import Api
from durable.http.worker import api_of, bindings_of
from tests.unit.http import site
from tests.unit.http.doors import through_events
from tests.unit.http.site import FakeWorkflow, SignUp


def module_of(fetch: Any) -> types.ModuleType:
    module = types.ModuleType("a.worker")
    vars(module)["fetch"] = fetch
    return module


def unbound(onboarding: SignUp) -> Api:
    raise NotImplementedError


def returns_nothing(onboarding: Workflow[SignUp]) -> None: ...


def two(onboarding: Workflow[SignUp], profiles: KVNamespace) -> Api:
    raise NotImplementedError


def test_the_bindings_are_those_that_fetch_names() -> None:
    (binding,) = bindings_of(site)
    assert (binding.name, binding.binding, binding.value) == ("onboarding", Workflow, SignUp)
    assert [each.binding for each in bindings_of(module_of(two))] == [Workflow, KVNamespace]


def test_the_api_is_made_on_its_clients_for_its_origins() -> None:
    api = api_of(site, {"onboarding": FakeWorkflow(), "unused": FakeWorkflow()}, ["https://a.example"])
    assert api.origins == ("https://a.example",)
    assert through_events(api)("GET", "/api/workflow/status/a").status == 404


@pytest.mark.parametrize(
    ("fetch", "message"),
    [(None, "has no function"), (unbound, "is no binding"), (returns_nothing, "-> Api"), (two, "names profiles")],
)
def test_a_fetch_that_cannot_be_used_is_refused(fetch: Any, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        api_of(module_of(fetch), {"onboarding": FakeWorkflow()})
