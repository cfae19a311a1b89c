"""The REST API: which routes are whose, how often, and what the gateway itself says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from durable.cdk.gateway import ANSWERS, Answer, _headers
from tests.integration.cdk.template import Template


@pytest.fixture(scope="module")
def routes(dev: Template) -> dict[str, Mapping[str, Any]]:
    """Methods of the API by verb and path."""
    resources = dev.of("ApiGateway::Resource")

    def path(id: object) -> str:
        match id:
            case {"Ref": str(name)}:
                return f"{path(resources[name]['Properties']['ParentId'])}/{resources[name]['Properties']['PathPart']}"
        return ""

    methods = [each["Properties"] for each in dev.of("ApiGateway::Method").values()]
    return {f"{each['HttpMethod']} {path(each['ResourceId']) or '/'}": each for each in methods}


def _calls(method: Mapping[str, Any]) -> str:
    return "Operations" if "Operations" in json.dumps(method["Integration"]) else "Website"


def test_everything_goes_to_the_worker_but_the_operators_routes(routes: Mapping[str, Mapping[str, Any]]) -> None:
    assert {name: (_calls(each), each["AuthorizationType"]) for name, each in routes.items()} == {
        "ANY /": ("Website", "NONE"),
        "ANY /{proxy+}": ("Website", "NONE"),
        "ANY /api": ("Website", "NONE"),
        "ANY /api/workflow": ("Website", "NONE"),
        "ANY /api/workflow/start": ("Website", "NONE"),
        "POST /api/workflow/start": ("Website", "NONE"),
        "ANY /api/workflows": ("Operations", "AWS_IAM"),
        "ANY /api/workflows/{proxy+}": ("Operations", "AWS_IAM"),
    }


def test_starts_are_throttled_below_everything_else(dev: Template) -> None:
    _, stage = dev.one("ApiGateway::Stage")
    settings = {(each["HttpMethod"], each["ResourcePath"]): each for each in stage["Properties"]["MethodSettings"]}
    start = settings["POST", "/~1api~1workflow~1start"]
    every = settings["*", "/*"]
    assert (start["ThrottlingRateLimit"], start["ThrottlingBurstLimit"]) == (5, 10)
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (50, 100)
    assert stage["Properties"]["TracingEnabled"] is True


def test_the_access_log_holds_nothing_personal(dev: Template) -> None:
    _, stage = dev.one("ApiGateway::Stage")
    line = stage["Properties"]["AccessLogSetting"]["Format"]
    for personal in ("identity", "sourceIp", "userAgent", "$context.path", "authorizer", "request.body"):
        assert personal not in line


@pytest.mark.parametrize(("type_name", "answer"), ANSWERS.items())
def test_the_gateways_own_answers_are_problems(dev: Template, type_name: str, answer: Answer) -> None:
    found = [
        each["Properties"]
        for each in dev.of("ApiGateway::GatewayResponse").values()
        if each["Properties"]["ResponseType"] == type_name
    ]
    assert len(found) == 1
    body = json.loads(found[0]["ResponseTemplates"]["application/json"])
    assert body == {"type": "about:blank", "title": answer.title, "status": answer.status, "detail": answer.detail}
    headers = found[0]["ResponseParameters"]
    assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert found[0]["StatusCode"] == str(answer.status)


def test_a_page_of_a_declared_origin_may_read_that_it_must_wait() -> None:
    throttled = ANSWERS["THROTTLED"]
    assert "Access-Control-Allow-Origin" not in _headers(throttled, ())
    assert _headers(throttled, ("https://a.example",))["Access-Control-Allow-Origin"] == "'https://a.example'"
    several = _headers(throttled, ("https://a.example", "https://b.example"))
    assert (several["Access-Control-Allow-Origin"], several["Vary"]) == ("method.request.header.Origin", "'Origin'")
    assert several["Retry-After"] == "'1'"
