"""The OpenAPI document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from durable.bindings.workflow import Status
from durable.document import PATH, document_text
from durable.http import Api, Parameter
from durable.http import described as responses_of
from durable.http.openapi import document
from durable.local.http import application
from durable.operations.routes import operations
from durable.project import load
from tests.unit.http.desk import Desk
from tests.unit.http.doors import BASE, GOOD, JSON, through_events
from tests.unit.http.site import FakeWorkflow, Onboarding, fetch

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def described(api: Api, operator: Api) -> dict[str, Any]:
    return document([api, operator], title="Site")


def test_it_is_valid_openapi_3_1_and_plain_json(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()
    assert json.loads(json.dumps(described)) == described


def test_it_is_made_from_declarations_too() -> None:
    from durable import Workflow

    declared = Workflow("onboarding", Onboarding)
    assert document([fetch(declared), operations({"onboarding": declared}, Desk().operator)], title="Site") == document(
        [fetch(FakeWorkflow()), operations({"onboarding": FakeWorkflow(events={})}, Desk().operator)], title="Site"
    )


def test_the_one_that_is_committed_is_valid_and_up_to_date() -> None:
    committed = (ROOT / PATH).read_text(encoding="utf-8")
    assert committed == document_text(load("app")), "run durable openapi"
    OpenAPIV31SpecValidator(json.loads(committed)).validate()


def test_the_page_on_the_lifecycle_has_the_routes_of_operators_with_what_they_ask_for() -> None:
    page = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    shown = {}
    for method, path, query in re.findall(r"^\| `([A-Z]+) ([^?`]+)\??([^`]*)` \|", page, re.MULTILINE):
        whole = path.replace("…/instances", "/api/workflows/{workflow}/instances")
        shown[whole, method.lower()] = set(re.findall(r"(\w+)=", query))
    described = json.loads((ROOT / PATH).read_text(encoding="utf-8"))["paths"]

    assert shown == {
        (path, method): {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"}
        for path, methods in described.items()
        for method, operation in methods.items()
        if path.startswith("/api/workflows")
    }


def test_it_has_every_route_and_no_other(described: dict[str, Any], api: Api, operator: Api) -> None:
    found = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert found == {
        ("/api/workflow/start", "post"),
        ("/api/workflow/status/{id}", "get"),
        ("/api/workflows", "get"),
        ("/api/workflows/{workflow}/instances", "get"),
        ("/api/workflows/{workflow}/instances", "post"),
        ("/api/workflows/{workflow}/instances/batch", "post"),
        ("/api/workflows/{workflow}/instances/{id}", "get"),
        ("/api/workflows/{workflow}/instances/{id}", "delete"),
        ("/api/workflows/{workflow}/instances/{id}/events", "get"),
        ("/api/workflows/{workflow}/instances/{id}/status", "patch"),
        ("/api/workflows/{workflow}/instances/{id}/events/{type}", "post"),
    }
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


def test_a_start_is_described_in_full(described: dict[str, Any]) -> None:
    start = described["paths"]["/api/workflow/start"]["post"]
    assert (start["summary"], start["description"]) == ("Start a sign-up", "It can be repeated.")
    assert set(start["responses"]) == {"200", "201", "400", "409", "413", "415", "422", "500", "503"}
    assert start["responses"]["201"]["headers"].keys() == {"Location"}
    assert [(each["name"], each["in"]) for each in start["parameters"]] == [("Idempotency-Key", "header")]
    content = start["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/SignUp"}
    assert content["example"] == {"email": "user@example.com", "name": "John Doe"}


def test_a_query_is_described_as_it_is_checked(described: dict[str, Any]) -> None:
    listed = described["paths"]["/api/workflows/{workflow}/instances"]["get"]["parameters"]
    schemas = {each["name"]: each["schema"] for each in listed}
    assert schemas["status"] == {"type": "string", "enum": list(get_args(Status))}
    assert schemas["limit"] == {"type": "integer", "minimum": 1, "maximum": 100}


def test_parameters_are_described_by_their_types() -> None:
    api = Api("Rooms")

    @api.get("/rooms/{number}")
    def room(number: int, open: bool, size: Literal["small", "large"] | None = None) -> str:
        return ""

    parameters = document([api], title="Rooms")["paths"]["/rooms/{number}"]["get"]["parameters"]
    assert [(each["name"], each["in"], each["required"]) for each in parameters] == [
        ("number", "path", True),
        ("open", "query", True),
        ("size", "query", False),
    ]
    assert [each["schema"] for each in parameters] == [
        {"type": "integer"},
        {"type": "boolean"},
        {"type": "string", "enum": ["small", "large"]},
    ]


def test_any_status_can_be_described() -> None:
    api = Api("Rooms")

    @api.get("/rooms", responses=responses_of(401, 429))
    def rooms() -> list[str]:
        return []

    made = document([api], title="Rooms")
    OpenAPIV31SpecValidator(made).validate()
    assert set(made["components"]["responses"]) == {"Unauthorized", "TooManyRequests", "InternalServerError"}


def test_a_pattern_with_alternatives_is_of_the_whole_text() -> None:
    api = Api("Rooms")

    @api.get("/rooms")
    def rooms(size: Annotated[str | None, Parameter("query", "small|large", "How large.")] = None) -> list[str]:
        return [size or ""]

    (parameter,) = document([api], title="Rooms")["paths"]["/rooms"]["get"]["parameters"]
    found = [bool(re.search(parameter["schema"]["pattern"], each)) for each in ("small", "large", "smaller", "xlarge")]
    assert found == [True, True, False, False]


def test_bodies_say_that_unknown_fields_are_refused(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    for name in ("SignUp", "Card", "Cash", "StartSignUp"):
        assert schemas[name]["additionalProperties"] is False
    assert "avatarUrl" in schemas["SignUp"]["properties"]
    assert "additionalProperties" not in schemas["WorkflowStatus"]


def test_the_examples_are_taken(described: dict[str, Any], api: Api, operator: Api) -> None:
    for owner, path, route in (
        (api, "/api/workflow/start", "/api/workflow/start"),
        (operator, "/api/workflows/onboarding/instances", "/api/workflows/{workflow}/instances"),
    ):
        example = described["paths"][route]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert through_events(owner)("POST", path, json.dumps(example).encode(), JSON).status == 201


def test_only_operators_sign_and_only_on_aws(api: Api, operator: Api, described: dict[str, Any]) -> None:
    assert "security" not in described["paths"]["/api/workflow/start"]["post"]
    assert described["paths"]["/api/workflows/{workflow}/instances"]["post"]["security"] == [{"sigv4": []}]
    assert "sigv4" in described["components"]["securitySchemes"]
    assert "sigv4" not in json.dumps(document([api, operator], title="Site", signed=False))


def test_one_machine_serves_it(api: Api, operator: Api, described: dict[str, Any]) -> None:
    made: list[int] = []

    def make() -> dict[str, Any]:
        made.append(1)
        return described

    client = TestClient(application([api], operator, document=make), base_url=BASE)
    assert [client.get("/openapi.json").json() for _ in range(2)] == [described, described]
    assert made == [1]
    refused = client.post("/openapi.json", content=json.dumps(GOOD))
    assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_requests_need_neither_the_document_nor_powertools() -> None:
    """What makes documents costs a cold start 100 ms; a request must not import it."""
    program = (
        "import sys, json; from tests.unit.http.site import fetch, FakeWorkflow;"
        "from tests.unit.http.doors import GOOD, JSON, through_events;"
        "ask = through_events(fetch(FakeWorkflow()));"
        "assert ask('POST', '/api/workflow/start', json.dumps(GOOD).encode(), JSON).status == 201;"
        "assert ask('POST', '/api/workflow/start', b'{}', JSON).status == 422;"
        "heavy = {'durable.http.openapi', 'aws_lambda_powertools', 'boto3',"
        " 'durable.compiler', 'durable.local'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
