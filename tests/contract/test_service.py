"""The contract of AWSService: the client is boto3's, with the configuration that boto3 finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable import AWSService
from durable.aws.service import client_of as on_aws
from durable.clock import VirtualClock
from durable.local.bindings.place import Place
from durable.local.bindings.service import client_of as on_one_machine
from durable.testing.journal import MemoryJournal
from tests.contract.worlds import AWS

PARAMETERS = AWSService("notes", service="ssm", actions=["ssm:PutParameter", "ssm:GetParameter"], resources=["*"])


def _local(tmp_path: Path) -> AWSService[Any]:
    class Nobody:
        def send(self, *_: Any) -> None:
            raise AssertionError

    return on_one_machine(PARAMETERS, Any, Place(MemoryJournal(), VirtualClock(), tmp_path, Nobody(), {}))


def _lambda(_: Path) -> AWSService[Any]:
    return on_aws("notes", Any, "ssm")


@pytest.fixture(params=[_local, _lambda], ids=["one_machine", "moto"])
def service(
    request: pytest.FixtureRequest, aws: AWS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AWSService[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    make: Callable[[Path], AWSService[Any]] = request.param
    return make(tmp_path)


def test_the_client_is_that_of_the_service_in_the_configured_region(service: AWSService[Any]) -> None:
    assert service.name == "notes"
    service.client.put_parameter(Name="/a", Value="b", Type="String", Overwrite=True)
    assert service.client.get_parameter(Name="/a")["Parameter"]["Value"] == "b"
    assert service.client.meta.region_name == "eu-west-1"


def test_the_region_is_also_taken_from_the_variable_that_boto3_does_not_read(
    service: AWSService[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert service.client.meta.region_name == "eu-central-1"


def test_the_client_is_made_once_and_the_endpoint_may_be_another(
    service: AWSService[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://localhost:1")
    assert service.client is service.client
    assert service.client.meta.endpoint_url == "http://localhost:1"


def test_a_request_may_take_as_long_as_a_step(service: AWSService[Any]) -> None:
    assert service.client.meta.config.read_timeout == 900
