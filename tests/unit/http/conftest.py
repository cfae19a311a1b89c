from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from durable.http import Api
from durable.local.http import application
from durable.operations.routes import operations
from tests.unit.http.desk import Desk
from tests.unit.http.doors import BASE, Ask, http_api_event, through_events, through_server
from tests.unit.http.site import FakeWorkflow, fetch


async def nothing_to_wait_for() -> None:
    return None


@pytest.fixture
def workflow() -> FakeWorkflow:
    return FakeWorkflow()


@pytest.fixture
def api(workflow: FakeWorkflow) -> Api:
    return fetch(workflow)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def operator(workflow: FakeWorkflow, desk: Desk) -> Api:
    return operations({workflow.name: workflow}, desk.operator)


@pytest.fixture
def client(api: Api, operator: Api) -> Iterator[TestClient]:
    with TestClient(application([api], operator, gate=nothing_to_wait_for), base_url=BASE) as client:
        yield client


@pytest.fixture(params=["event", "http-api", "server"])
def ask(request: pytest.FixtureRequest, api: Api) -> Ask:
    """Ask the worker's API, through each of the doors."""
    if request.param == "event":
        return through_events(api)
    if request.param == "http-api":
        return through_events(api, http_api_event)
    client: TestClient = request.getfixturevalue("client")
    return through_server(client)


@pytest.fixture(params=["event", "http-api", "server"])
def operate(request: pytest.FixtureRequest, operator: Api) -> Ask:
    """Ask the operators' API, through each of the doors."""
    if request.param == "event":
        return through_events(operator)
    if request.param == "http-api":
        return through_events(operator, http_api_event)
    client: TestClient = request.getfixturevalue("client")
    return through_server(client)
