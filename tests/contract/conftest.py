"""Each contract test runs twice: on SQLite, and on AWS as moto has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from durable.store.table import Table
from tests.contract.worlds import AWS, Moto, OneMachine, World


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a sweep run on moto in `make check` alone: a request of moto takes milliseconds."""
    for item in items:
        if item.get_closest_marker("sweep") and "moto" in item.nodeid:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="package")
def aws() -> Iterator[AWS]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        aws = AWS()
        yield aws
        aws.stop()


@pytest.fixture
def one_machine(tmp_path: Path) -> Iterator[OneMachine]:
    machine = OneMachine(tmp_path)
    yield machine
    machine.close()


@pytest.fixture(params=["one_machine", "moto"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "moto":
        return Moto(request.getfixturevalue("aws"))
    machine: OneMachine = request.getfixturevalue("one_machine")
    return machine


@pytest.fixture
def table(world: World) -> Table:
    return world.table()
