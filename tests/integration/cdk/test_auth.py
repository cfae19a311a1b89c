"""Who may call a worker, in the templates: which routes API Gateway protects, with what, and under which domain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from aws_cdk import App
from aws_cdk.aws_apigateway import TokenAuthorizer
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer, HttpLambdaAuthorizer
from aws_cdk.aws_lambda import Function

from durable import IAM, JWT, ApiKeys, Authorizer, Domain, KVNamespace, Secret, Throttle, Worker
from durable.bindings.auth import Auth
from durable.bindings.worker import ApiKind
from durable.cdk import DurableStack, Options, Settings
from durable.cdk.foundation.sources import PackagingError
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import ROOT, Synthesise, printing_on
from tests.integration.cdk.template import Template, text
from tests.unit.http import lounge

MODULE = "tests.unit.http.lounge"
ACME = Secret("acme-key")
TOKENS = JWT.cognito("eu-central-1_AbCdEf", ["web", "phone"], scopes=("rooms",))
OPERATORS = {"ANY /api/workflows": "AWS_IAM", "ANY /api/workflows/{proxy+}": "AWS_IAM"}
Synth = Callable[..., Template]


def project(**said: Any) -> Project:
    guests = KVNamespace[str]("guests")
    worker = Worker("lounge", said.pop("module", MODULE), url=True, bindings={"guests": guests}, **said)
    return Project("app", (guests, ACME, worker))


@pytest.fixture
def synth(synthesise: Synthesise, tmp_path: Path) -> Synth:
    return lambda **said: synthesise(tmp_path, project=project(**said))


def routes(template: Template) -> dict[str, str]:
    found = [each["Properties"] for each in template.of("ApiGatewayV2::Route").values()]
    return {each["RouteKey"]: each["AuthorizationType"] for each in found}


def methods(template: Template) -> dict[str, Mapping[str, Any]]:
    resources = template.of("ApiGateway::Resource")

    def path(id: Any) -> str:
        if "Ref" not in id:
            return ""
        found = resources[id["Ref"]]["Properties"]
        return f"{path(found['ParentId'])}/{found['PathPart']}"

    every = [each["Properties"] for each in template.of("ApiGateway::Method").values()]
    return {f"{each['HttpMethod']} {path(each['ResourceId']) or '/'}": each for each in every}


def environment(template: Template) -> Mapping[str, Any]:
    variables: Mapping[str, Any] = template.functions()["worker"]["Properties"]["Environment"]["Variables"]
    return variables


def test_an_http_api_verifies_tokens_but_for_public_routes(synth: Synth) -> None:
    template = synth(auth=TOKENS)
    assert routes(template) == {
        "$default": "JWT",
        "GET /health": "NONE",
        "HEAD /health": "NONE",
        "GET /rooms/{name}": "NONE",
        "HEAD /rooms/{name}": "NONE",
        "GET /rooms/mine": "JWT",  # else API Gateway would take it for the public one
        "HEAD /rooms/mine": "JWT",
        "OPTIONS /{proxy+}": "NONE",
        **OPERATORS,
    }
    _, authorizer = template.one("ApiGatewayV2::Authorizer")
    assert authorizer["Properties"]["JwtConfiguration"] == {
        "Issuer": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf",
        "Audience": ["web", "phone"],
    }
    found = template.of("ApiGatewayV2::Route").values()
    scopes = {each["Properties"]["RouteKey"]: each["Properties"].get("AuthorizationScopes") for each in found}
    assert (scopes["$default"], scopes["GET /health"]) == (["rooms"], None)
    assert json.loads(environment(template)["DURABLE_AUTH"])["kind"] == "jwt"


def test_iam_lets_callers_in(synth: Synth) -> None:
    found = routes(synth(auth=IAM()))
    assert (found["$default"], found["GET /rooms/mine"], found["GET /health"]) == ("AWS_IAM", "AWS_IAM", "NONE")


def test_iam_lets_callers_into_a_rest_api(synth: Synth) -> None:
    found = {key: each["AuthorizationType"] for key, each in methods(synth(auth=IAM(), api="rest")).items()}
    assert (found["ANY /"], found["ANY /{proxy+}"], found["ANY /health"]) == ("AWS_IAM",) * 3
    assert (found["GET /health"], found["HEAD /health"], found["GET /rooms/{name}"]) == ("NONE",) * 3
    assert found["GET /rooms/mine"] == "AWS_IAM"


def test_keys_are_compared_by_the_worker(synth: Synth) -> None:
    template = synth(auth=ApiKeys({"acme": ACME}))
    assert set(routes(template).values()) == {"NONE", "AWS_IAM"}
    assert ("ssm:GetParameter", "arn:<AWS::Partition>:ssm:<AWS::Region>:<AWS::AccountId>:parameter/"
            "durable-workflows-dev/acme-key") in template.grants("worker")  # fmt: skip
    assert json.loads(environment(template)["DURABLE_AUTH"]) == {"kind": "keys", "clients": ["acme"]}
    assert "key-of-acme" in text(environment(template)["DURABLE_BINDINGS"])


def test_clients_with_a_limit_have_a_plan_of_a_rest_api(synth: Synth) -> None:
    auth = ApiKeys({"acme": ACME}, limit=Throttle(rate=5, burst=10), per_day=1000)
    template = synth(auth=auth, api="rest", origins=["https://shop.example"])
    found = {key: each.get("ApiKeyRequired", False) for key, each in methods(template).items()}
    assert found["ANY /{proxy+}"] is found["GET /rooms/mine"] is found["ANY /health"] is True
    assert found["GET /health"] is found["OPTIONS /{proxy+}"] is found["ANY /api/workflows"] is False
    _, plan = template.one("ApiGateway::UsagePlan")
    assert plan["Properties"]["Throttle"] == {"RateLimit": 5, "BurstLimit": 10}
    assert plan["Properties"]["Quota"] == {"Limit": 1000, "Period": "DAY"}
    key, made = template.one("ApiGateway::ApiKey")
    assert (made["Properties"]["Name"], "Value" in made["Properties"]) == ("durable-workflows-dev-lounge-acme", False)
    assert len(template.of("ApiGateway::UsagePlanKey")) == 1
    assert text(environment(template)["DURABLE_CLIENTS"]) == f'{{"acme":"<{key}>"}}'
    assert "ssm:GetParameter" not in {action for action, _ in template.grants("worker")}


def test_a_function_is_called_by_the_worker(synth: Synth) -> None:
    template = synth(auth=Authorizer(lounge.authorize))
    assert set(routes(template).values()) == {"NONE", "AWS_IAM"}
    assert json.loads(environment(template)["DURABLE_AUTH"])["function"] == f"{MODULE}:authorize"


def test_who_has_a_token_of_a_callback_may_complete_it(synthesise: Synthesise, tmp_path: Path) -> None:
    printing = printing_on("express")
    desk = next(each for each in printing.declarations if isinstance(each, Worker))
    desk.auth = IAM()
    found = routes(synthesise(tmp_path, project=printing))
    assert (found["$default"], found["POST /callbacks"]) == ("AWS_IAM", "NONE")


@pytest.mark.parametrize("api", ["http", "rest"])
def test_a_domain_in_a_zone_has_its_certificate_and_its_record(synth: Synth, api: str) -> None:
    template = synth(domain=Domain("api.example.com", zone="Z0123456789"), api=api)
    _, certificate = template.one("CertificateManager::Certificate")
    options = {"DomainName": "api.example.com", "HostedZoneId": "Z0123456789"}
    assert certificate["Properties"]["DomainValidationOptions"] == [options]
    kind = "ApiGatewayV2::DomainName" if api == "http" else "ApiGateway::DomainName"
    name, domain = template.one(kind)
    assert domain["Properties"]["DomainName"] == "api.example.com"
    _, record = template.one("Route53::RecordSet")
    assert (record["Properties"]["Name"], record["Properties"]["Type"]) == ("api.example.com", "A")
    assert text(record["Properties"]["AliasTarget"]["DNSName"]) == f"<{name}.RegionalDomainName>"
    template.one("ApiGatewayV2::ApiMapping" if api == "http" else "ApiGateway::BasePathMapping")


def test_a_domain_with_a_certificate_says_where_it_has_to_point(synth: Synth) -> None:
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/0123-abc"
    template = synth(domain=Domain("api.example.com", certificate=arn))
    _, domain = template.one("ApiGatewayV2::DomainName")
    assert domain["Properties"]["DomainNameConfigurations"][0]["CertificateArn"] == arn
    assert template.of("Route53::RecordSet") == template.of("CertificateManager::Certificate") == {}
    outputs = json.loads(template.path.read_text())["Outputs"].values()
    assert [each for each in outputs if "by a CNAME" in each.get("Description", "")]


def stack(project: Project, options: Options = Options()) -> DurableStack:  # frozen
    class Own(DurableStack):
        def options(self) -> Options:
            return options

    return Own(App(), "own", project=project, settings=Settings(name="own", stage="dev", root=ROOT))


def test_routes_that_api_gateway_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(DeclarationError, match="which API Gateway cannot tell from others"):
        stack(project(auth=IAM(), module="tests.integration.cdk.siblings"))
    with pytest.raises(DeclarationError, match=r"one name for the parameter after /b/, and finds \{name\} and \{id\}"):
        stack(project(auth=IAM(), api="rest", module="tests.integration.cdk.siblings"))


def test_more_routes_than_an_api_has_are_refused() -> None:
    with pytest.raises(DeclarationError, match="has 602 routes that stand by name in API Gateway"):
        stack(project(auth=IAM(), module="tests.integration.cdk.lobby"))


def test_two_who_say_who_may_call_are_refused() -> None:
    with pytest.raises(DeclarationError, match="take one of them away"):
        stack(project(auth=IAM()), Options(authorizers={"lounge": HttpIamAuthorizer()}))


@pytest.mark.parametrize(
    ("api", "lambdas"),
    [("http", ["*/*", "*/*/*", "*/*/*"]), ("rest", ["dev/*/*", "dev/*/*"])],
)
def test_routes_share_a_permission_of_the_lambda_whose_policy_is_limited(
    synth: Synth, api: str, lambdas: list[str]
) -> None:
    template = synth(auth=IAM(), api=api, throttles={"POST /rooms": Throttle(1, 1), "GET /rooms/mine": Throttle(1, 1)})
    found = [text(each["Properties"]["SourceArn"]) for each in template.of("Lambda::Permission").values()]
    assert sorted(each.partition("/")[2] for each in found if "execute-api" in each) == lambdas


# Each way to say who may call, before each kind of API

LIMITED = ApiKeys({"acme": ACME}, limit=Throttle(rate=5, burst=10))
AUTHS: Mapping[str, Auth | None] = {
    "nobody": None,
    "keys": ApiKeys({"acme": ACME}),
    "limit": LIMITED,
    "tokens": JWT("https://issuer.example", "web", scopes=("rooms",)),
    "cognito": JWT.cognito("eu-central-1_AbCdEf", "web"),
    "iam": IAM(),
    "function": Authorizer(lounge.authorize),
}
# What API Gateway asks of a caller, and what the Worker's Lambda checks itself. A key of a usage plan, and a token
# before an HTTP API, are checked by the gateway alone; the Lambda reads off the event whom that let in.
CELLS: Mapping[tuple[str, ApiKind], tuple[str, str | None]] = {
    ("nobody", "http"): ("NONE", None),
    ("nobody", "rest"): ("NONE", None),
    ("keys", "http"): ("NONE", "keys"),
    ("keys", "rest"): ("NONE", "keys"),
    ("limit", "rest"): ("key", "keys"),
    ("tokens", "http"): ("JWT", "jwt"),
    ("tokens", "rest"): ("NONE", "tokens"),
    ("cognito", "http"): ("JWT", "jwt"),
    ("cognito", "rest"): ("NONE", "tokens"),
    ("iam", "http"): ("AWS_IAM", "iam"),
    ("iam", "rest"): ("AWS_IAM", "iam"),
    ("function", "http"): ("NONE", "function"),
    ("function", "rest"): ("NONE", "function"),
    ("own", "http"): ("CUSTOM", None),
    ("own", "rest"): ("CUSTOM", None),
}
REFUSED: Mapping[tuple[str, ApiKind], str] = {("limit", "http"): "write api='rest', or limit all callers together"}


def cell(name: str, api: ApiKind) -> Worker:
    auth = None if name == "own" else AUTHS[name]
    return Worker(f"{name}-{api}", MODULE, url=True, api=api, auth=auth, bindings={"guests": KVNamespace("guests")})


class Cells(DurableStack):
    """A stack whose own authorizers stand before two of its workers."""

    def options(self) -> Options:
        function = Function.from_function_name(self, "Gatekeeper", "gatekeeper")
        return Options(
            authorizers={"own-http": HttpLambdaAuthorizer("Own", function)},
            rest_authorizers={"own-rest": TokenAuthorizer(self, "Own", handler=function)},
        )


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """All workers of the table in one stack: what the layer lacks for tokens is left to another test."""
    folder = tmp_path_factory.mktemp("cells")
    guests = KVNamespace[str]("guests")
    workers = [cell(*each) for each in CELLS]
    for each in workers:
        each.bindings["guests"] = guests
    app = App(outdir=str(folder), context={"@aws-cdk/core:stackResourceLimit": 0})
    settings = Settings(name="own", stage="dev", root=ROOT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("durable.cdk.api.apis.lacking", lambda *_: [])
        Cells(app, "own-dev", project=Project("app", (guests, ACME, *workers)), settings=settings)
    app.synth()
    return Template.read(folder / "own-dev.template.json")


def test_every_way_is_told_for_every_kind_of_api() -> None:
    every = {(name, api) for name in (*AUTHS, "own") for api in get_args(ApiKind)}
    assert {*CELLS, *REFUSED} == every
    assert not {*CELLS} & {*REFUSED}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "api"), CELLS)
def test_who_may_call_is_asked_by_the_gateway_or_by_the_worker(cells: Template, name: str, api: ApiKind) -> None:
    asked, checked = CELLS[name, api]
    id = "".join(map(str.capitalize, (name, api, "worker")))
    (function,) = [each for each in cells.of("Lambda::Function") if each.startswith(id)]
    auth = cells.resources[function]["Properties"]["Environment"]["Variables"].get("DURABLE_AUTH")
    assert (None if auth is None else json.loads(auth)["kind"]) == checked
    assert _asked(cells, id, api) == asked


def _asked(cells: Template, id: str, api: ApiKind) -> str:
    """Return what API Gateway asks of a caller of a route that is not public."""
    if api == "http":
        found = [each["Properties"] for name, each in cells.of("ApiGatewayV2::Route").items() if name.startswith(id)]
        (route,) = [each for each in found if each["RouteKey"] == "$default"]
        return str(route["AuthorizationType"])
    methods = cells.of("ApiGateway::Method").items()
    (method,) = [each["Properties"] for name, each in methods if name.startswith(f"{id}GatewayApiANY")]
    return "key" if method.get("ApiKeyRequired") else str(method["AuthorizationType"])


@pytest.mark.parametrize(("name", "api"), REFUSED)
def test_a_way_that_an_api_has_not_is_refused(name: str, api: ApiKind) -> None:
    with pytest.raises(DeclarationError, match=REFUSED[name, api]):
        cell(name, api)


def test_what_tokens_are_verified_with_before_a_rest_api_has_to_be_in_the_layer() -> None:
    said = r"lacks cryptography and pyjwt, with which Worker\('lounge'\) verifies tokens.*; write pyjwt\[crypto\] into"
    with pytest.raises(PackagingError, match=said):
        stack(project(auth=TOKENS, api="rest"))


def test_an_issuer_that_aws_cannot_reach_is_refused() -> None:
    with pytest.raises(DeclarationError, match="which AWS cannot ask for its keys; give an https URL"):
        stack(project(auth=JWT("http://localhost:9000", "web")))


def test_an_authorizer_of_the_other_kind_of_api_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'lounge', whose API is of another kind; name it in rest_authorizers"):
        stack(project(api="rest"), Options(authorizers={"lounge": HttpIamAuthorizer()}))
