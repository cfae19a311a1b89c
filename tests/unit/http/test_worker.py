"""A worker's module."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

from durable import Worker, Workflow
from durable.build import api_of
from durable.errors import ModuleError, SignatureError
from durable.http import Api
from tests.unit.http.doors import through_events
from tests.unit.http.site import FakeWorkflow, SignUp


def worker_of(monkeypatch: pytest.MonkeyPatch, fetch: Any) -> Worker:
    module = types.ModuleType("a_worker")
    if fetch is not None:
        vars(module)["fetch"] = fetch
        fetch.__module__, fetch.__qualname__ = "a_worker", "fetch"
    monkeypatch.setitem(sys.modules, "a_worker", module)
    return Worker("site", "a_worker")


def test_the_api_is_made_on_its_clients_for_its_origins() -> None:
    worker = Worker("site", "tests.unit.http.site", origins=["https://a.example"])
    api = api_of(worker, {"onboarding": FakeWorkflow(), "unused": FakeWorkflow()})
    assert api.origins == ("https://a.example",)
    assert through_events(api)("GET", "/api/workflow/status/a").status == 404


def test_a_module_without_fetch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SignatureError, match="a_worker has no function `fetch`"):
        api_of(worker_of(monkeypatch, None), {})


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModuleError, match=r"there is no nowhere/at_all\.py"):
        api_of(Worker("site", "nowhere.at_all"), {})


def test_a_fetch_that_takes_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(onboarding: SignUp) -> Api:
        raise NotImplementedError

    with pytest.raises(SignatureError, match="takes more than bindings"):
        api_of(worker_of(monkeypatch, fetch), {"onboarding": FakeWorkflow()})


def test_a_fetch_that_returns_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(onboarding: Workflow[SignUp]) -> None: ...

    with pytest.raises(SignatureError, match="fetch returns None; return the `Api`"):
        api_of(worker_of(monkeypatch, fetch), {"onboarding": FakeWorkflow()})
