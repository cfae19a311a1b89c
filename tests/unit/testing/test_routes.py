"""Routes of a worker in a sandbox: its bindings, its runs, its errors."""

from __future__ import annotations

import pytest

import app
from durable import KVNamespace, Secret, Worker, Workflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.errors import DeclarationError
from durable.http import Api, IdempotencyKey, Problem, Reply, Request, Started
from durable.testing import Sandbox

SIGN_UP = {"email": "user@example.com", "name": "John Doe"}


def store(name: str, names: KVNamespace[str]) -> str:
    names.put(name, name.upper())
    return name


class Inner(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.sleep("think", "1 day")
        return event.payload


class Outer(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        await step.do("store", store, event.payload)
        return await step.call("inner", Inner, event.payload)


def fetch(outer: Workflow[str], names: KVNamespace[str], api_key: Secret) -> Api:
    api = Api("Names")

    @api.post("/names", status_code=201)
    def create(name: str, request: Request, idempotency_key: IdempotencyKey = None) -> Reply[Started]:
        if request.headers.get("x-api-key") != api_key.get():
            raise Problem(401, "The API key is missing or wrong.")
        run = outer.create(name, idempotency_key=idempotency_key)
        return Reply(Started(run.id), location=f"/names/{run.id}")

    @api.get("/names/{name}")
    def show(name: str, loud: bool = True) -> str:
        found = names.get(name)
        if found is None:
            raise Problem(404, "There is no such name.")
        return found if loud else found.lower()

    @api.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("by hand")

    return api


names = KVNamespace("names")
api_key = Secret("api-key")
outer = Workflow("outer", Outer, bindings={"names": names})
web = Worker("web", __name__, bindings={"outer": outer, "names": names, "api_key": api_key})
KEY = {"X-Api-Key": "s3cret"}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(web, bindings={"api-key": "s3cret"})


def test_a_route_starts_a_run_that_moves_with_the_sandbox(sandbox: Sandbox) -> None:
    started = sandbox.post("/names", "ada", headers=KEY)
    assert (started.status, started.json) == (201, {"workflowId": sandbox.runs("outer")[0].id})
    assert started.headers["location"] == f"/names/{started.json['workflowId']}"
    assert sandbox.get("/names/ada").status == 404

    sandbox.settle()
    assert sandbox.get("/names/ada").json == "ADA"
    assert sandbox.get("/names/ada?loud=false").json == "ada"
    assert sandbox.runs("outer")[0].output == "ada"
    assert sandbox.kv(names).contents == {"ada": "ADA"}


def test_a_repeated_request_is_the_same_run(sandbox: Sandbox) -> None:
    first, again = (sandbox.post("/names", "ada", headers={**KEY, "Idempotency-Key": "k-1"}) for _ in range(2))
    assert first.json == again.json
    assert len(sandbox.runs("outer")) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "title"),
    [
        ("POST", "/names", "ada", 401, "Unauthorized"),
        ("GET", "/names/nobody", None, 404, "Not Found"),
        ("GET", "/names/ada?loud=perhaps", None, 400, "Bad Request"),
        ("POST", "/names", b"{", 400, "Bad Request"),
        ("DELETE", "/names", None, 405, "Method Not Allowed"),
        ("POST", "/names", 7, 422, "Unprocessable Content"),
    ],
)
def test_a_refusal_is_a_problem_with_its_title(
    sandbox: Sandbox, method: str, path: str, body: object, status: int, title: str
) -> None:
    answer = sandbox.request(method, path, body)
    assert (answer.status, answer.json["title"]) == (status, title)
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_a_route_raises_is_raised_in_the_test(sandbox: Sandbox) -> None:
    with pytest.raises(ZeroDivisionError, match="by hand"):
        sandbox.get("/broken")


def test_after_a_restart_the_routes_stand_on_what_was_stored(sandbox: Sandbox) -> None:
    sandbox.post("/names", "ada", headers=KEY)
    sandbox.settle()
    sandbox.restart()
    assert sandbox.get("/names/ada").json == "ADA"


def test_a_whole_project_has_the_routes_of_its_workers() -> None:
    with Sandbox(app) as sandbox:
        started = sandbox.post("/api/workflow/start", SIGN_UP)
        sandbox.settle()
        assert sandbox.get(started.headers["location"]).json["status"] == "complete"


def test_a_declared_worker_of_a_project_brings_what_it_is_bound_to() -> None:
    with Sandbox(app.website) as sandbox:
        assert sandbox.post("/api/workflow/start", SIGN_UP).status == 201


def test_a_sandbox_without_a_worker_says_so() -> None:
    with pytest.raises(LookupError, match="there is no worker"):
        Sandbox(app.onboarding).get("/orders")


def test_a_worker_declares_its_bindings_itself() -> None:
    with pytest.raises(DeclarationError, match="give contents for"):
        Sandbox(web, bindings={"names": KVNamespace("others")})
