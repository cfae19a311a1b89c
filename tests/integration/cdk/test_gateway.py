"""The APIs of a worker, HTTP and REST: which routes are whose, how often, and what the gateway itself says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import app
from durable import Worker
from durable.cdk.api.gateway import ANSWERS, Answer, _headers
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import ONBOARDING, Synthesise
from tests.integration.cdk.template import Template, references


@pytest.fixture(scope="module")
def methods(rest: Template) -> dict[str, Mapping[str, Any]]:
    """Methods of the REST API by verb and path."""
    resources = rest.of("ApiGateway::Resource")

    def path(id: object) -> str:
        match id:
            case {"Ref": str(name)}:
                return f"{path(resources[name]['Properties']['ParentId'])}/{resources[name]['Properties']['PathPart']}"
        return ""

    found = [each["Properties"] for each in rest.of("ApiGateway::Method").values()]
    return {f"{each['HttpMethod']} {path(each['ResourceId']) or '/'}": each for each in found}


def _calls(method: Mapping[str, Any]) -> str:
    return "Operations" if "Operations" in json.dumps(method["Integration"]) else "Website"


def test_in_rest_everything_goes_to_the_worker_but_the_operators_routes(
    methods: Mapping[str, Mapping[str, Any]],
) -> None:
    assert {name: (_calls(each), each["AuthorizationType"]) for name, each in methods.items()} == {
        "ANY /": ("Website", "NONE"),
        "ANY /{proxy+}": ("Website", "NONE"),
        "ANY /api": ("Website", "NONE"),
        "ANY /api/workflow": ("Website", "NONE"),
        "ANY /api/workflow/start": ("Website", "NONE"),
        "POST /api/workflow/start": ("Website", "NONE"),
        "ANY /api/workflows": ("Operations", "AWS_IAM"),
        "ANY /api/workflows/{proxy+}": ("Operations", "AWS_IAM"),
    }


def test_in_rest_starts_are_throttled_below_everything_else(rest: Template) -> None:
    _, stage = rest.one("ApiGateway::Stage")
    settings = {(each["HttpMethod"], each["ResourcePath"]): each for each in stage["Properties"]["MethodSettings"]}
    start = settings["POST", "/~1api~1workflow~1start"]
    every = settings["*", "/*"]
    assert (start["ThrottlingRateLimit"], start["ThrottlingBurstLimit"]) == (5, 10)
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (50, 100)
    assert stage["Properties"]["TracingEnabled"] is True


PERSONAL = ("identity", "sourceIp", "userAgent", "$context.path", "authorizer", "request.body")


def test_the_access_logs_hold_nothing_personal(dev: Template, rest: Template) -> None:
    _, http_stage = dev.one("ApiGatewayV2::Stage")
    _, rest_stage = rest.one("ApiGateway::Stage")
    lines = (
        http_stage["Properties"]["AccessLogSettings"]["Format"],
        rest_stage["Properties"]["AccessLogSetting"]["Format"],
    )
    assert not any(personal in line for personal in PERSONAL for line in lines)


def test_in_http_everything_goes_to_the_worker_but_the_operators_routes(dev: Template) -> None:
    targets = {
        name: "Operations" if "Operations" in json.dumps(each["Properties"]["IntegrationUri"]) else "Website"
        for name, each in dev.of("ApiGatewayV2::Integration").items()
    }
    routes = [each["Properties"] for each in dev.of("ApiGatewayV2::Route").values()]
    calls = {each["RouteKey"]: (next(references(each["Target"])), each["AuthorizationType"]) for each in routes}
    assert {key: (targets[target], who) for key, (target, who) in calls.items()} == {
        "$default": ("Website", "NONE"),
        "POST /api/workflow/start": ("Website", "NONE"),
        "ANY /api/workflows": ("Operations", "AWS_IAM"),
        "ANY /api/workflows/{proxy+}": ("Operations", "AWS_IAM"),
    }
    assert dev.of("ApiGateway::RestApi") == {}


def test_in_http_starts_are_throttled_below_everything_else(dev: Template) -> None:
    _, stage = dev.one("ApiGatewayV2::Stage")
    every = stage["Properties"]["DefaultRouteSettings"]
    assert (every["ThrottlingRateLimit"], every["ThrottlingBurstLimit"]) == (50, 100)
    start = {"POST /api/workflow/start": {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 10}}
    assert stage["Properties"]["RouteSettings"] == start
    route, _ = dev.one("ApiGatewayV2::Route", "POST")
    assert route in stage["DependsOn"]  # API Gateway refuses settings of a route that is not there yet


def test_browsers_are_answered_by_the_http_api(tmp_path: Path, synthesise: Synthesise) -> None:
    website = Worker("website", "functions.api", url=True, origins=["https://a.example"], bindings=app.website.bindings)
    others = [each for each in ONBOARDING.declarations if each.kind not in ("worker", "workflow")]
    template = synthesise(tmp_path, project=Project("app", (*others, app.onboarding, website)))
    _, api = template.one("ApiGatewayV2::Api")
    cors = api["Properties"]["CorsConfiguration"]
    assert (cors["AllowOrigins"], cors["ExposeHeaders"]) == (["https://a.example"], ["Location", "Retry-After"])


def test_an_unknown_kind_of_api_is_refused() -> None:
    with pytest.raises(DeclarationError, match="write 'http' or 'rest'"):
        Worker("website", "functions.api", url=True, api="soap")  # type: ignore[arg-type]  # what a user may write


@pytest.mark.parametrize(("type_name", "answer"), ANSWERS.items())
def test_the_rest_apis_own_answers_are_problems(rest: Template, type_name: str, answer: Answer) -> None:
    found = [
        each["Properties"]
        for each in rest.of("ApiGateway::GatewayResponse").values()
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
