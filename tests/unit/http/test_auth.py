"""Who may call the routes of a worker: on one machine, and behind API Gateway."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.testclient import TestClient

from durable import IAM, JWT, ApiKeys, Authorizer, Domain, KVNamespace, Secret, Throttle, Worker
from durable.aws.callers import auth_of, described, guard_of
from durable.aws.entry import entry
from durable.aws.secret import ParameterSecret
from durable.bindings import Binding
from durable.bindings.auth import Auth
from durable.bindings.worker import ApiKind
from durable.build import api_of, served_by
from durable.clock import VirtualClock
from durable.errors import DeclarationError, SignatureError
from durable.http import Api, Caller
from durable.http.auth import Guard, Protection
from durable.http.openapi import document
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.callers import verify
from durable.local.http import application
from durable.testing import Sandbox
from durable.testing.journal import MemoryJournal
from tests.unit.http import lounge
from tests.unit.http.conftest import nothing_to_wait_for
from tests.unit.http.doors import BASE, Ask, answered, http_api_event, proxy_event, through_server

MODULE = "tests.unit.http.lounge"
ACME, GLOBEX = Secret("acme-key"), Secret("globex-key")
GUESTS = KVNamespace[str]("guests")
KEYS = ApiKeys({"acme": ACME, "globex": GLOBEX})
FUNCTION = Authorizer(lounge.authorize)


class Kept(Secret):
    """A secret with a text."""

    def get(self) -> str:
        return f"the key of {self.name}"


def worker(auth: Auth | None, **more: Any) -> Worker:
    return Worker("lounge", MODULE, url=True, auth=auth, bindings={"guests": GUESTS}, **more)


def api(auth: Auth, guard: Callable[[Mapping[str, Binding]], Guard] | None = None) -> Api:
    guests = SQLiteKVNamespace[str]("guests", str, MemoryJournal(), VirtualClock())
    guests.put("ann", "gold")
    guests.put("bob", "banned")
    declared = worker(auth, api="rest" if isinstance(auth, ApiKeys) else "http")
    clients: dict[str, Binding] = {name: Kept(each.name) for name, each in declared.uses().items()}
    clients["guests"] = guests
    made = api_of(declared, clients, verify)
    if guard is not None:
        made.protect(Protection(auth, guard(clients)))
    return made


@pytest.fixture
def serve() -> Iterator[Callable[[Auth], Ask]]:
    """Return a function that serves a worker on one machine."""
    clients: list[TestClient] = []

    def serving(auth: Auth) -> Ask:
        client = TestClient(application([api(auth)], Api("None"), gate=nothing_to_wait_for), base_url=BASE)
        clients.append(client.__enter__())
        return through_server(client)

    yield serving
    for each in clients:
        each.__exit__(None, None, None)


# One machine


def test_routes_that_are_public_are_open_and_others_are_not(serve: Callable[[Auth], Ask]) -> None:
    ask = serve(KEYS)
    assert ask("GET", "/health").json == "open"
    assert ask("HEAD", "/health").status == 200
    assert ask("GET", "/rooms/blue").json == "blue None"
    refused = ask("GET", "/rooms/mine")
    assert (refused.status, refused.headers["content-type"]) == (401, "application/problem+json")
    assert refused.headers["www-authenticate"] == "ApiKey"
    assert refused.json == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The header X-Api-Key is missing or wrong.",
    }
    # Nobody learns which paths there are; a browser asks what it may send before it sends credentials.
    assert [ask(method, "/nowhere").status for method in ("GET", "DELETE", "OPTIONS")] == [401, 401, 404]
    assert ask("DELETE", "/rooms").status == 401
    assert ask("OPTIONS", "/rooms").status == 204


def test_each_client_has_its_key(serve: Callable[[Auth], Ask]) -> None:
    ask = serve(ApiKeys(KEYS.clients, limit=Throttle(rate=1, burst=1)))  # on AWS, where API Gateway has the keys
    assert ask("GET", "/rooms/mine", headers={"X-Api-Key": "the key of globex-key"}).json["caller"] == "globex"
    for wrong in ("", "the key of acme-kez", "acme", b"\xc3\xa9"):
        assert ask("GET", "/rooms/mine", headers={"X-Api-Key": wrong}).status == 401


def test_a_function_of_the_project_says_who_calls(serve: Callable[[Auth], Ask]) -> None:
    ask = serve(FUNCTION)
    assert ask("GET", "/rooms/mine", headers={"X-Guest": "ann"}).json == {"caller": "ann", "tier": "gold"}
    assert ask("GET", "/rooms/mine").json["detail"] == "Say who you are: X-Guest."
    assert ask("POST", "/rooms", headers={"X-Guest": "bob"}).status == 403


def test_a_function_that_returns_nobody_lets_nobody_in(serve: Callable[[Auth], Ask]) -> None:
    ask = serve(Authorizer(lounge.careless))
    assert ask("GET", "/rooms/mine").status == 500
    assert ask("GET", "/rooms/mine", headers={"X-Guest": "ann"}).status == 500


def test_without_iam_everybody_is_let_in(serve: Callable[[Auth], Ask]) -> None:
    assert serve(IAM())("GET", "/rooms/mine").json["caller"] == "local"


class Issuer:
    """An OpenID Connect issuer on the loopback."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        shown = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True) | {"kid": "k1", "use": "sig"}
        self.asked: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                found = {"jwks_uri": f"{issuer.url}/keys"} if "well-known" in self.path else {"keys": [shown]}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def token(self, key: Any = None, kid: str = "k1", algorithm: str = "RS256", **claims: Any) -> dict[str, str]:
        body = {"iss": self.url, "sub": "ann", "aud": "web", "exp": 4_000_000_000, "tier": ["gold"]} | claims
        kept = {name: each for name, each in body.items() if each is not None}
        token = jwt.encode(kept, self.key if key is None else key, algorithm, headers={"kid": kid})
        return {"Authorization": f"Bearer {token}"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.close()


def test_a_token_of_the_issuer_says_who_calls(serve: Callable[[Auth], Ask], issuer: Issuer) -> None:
    ask = serve(JWT(issuer.url, ["web", "phone"]))
    get = partial(ask, "GET", "/rooms/mine")
    assert get(headers=issuer.token()).json == {"caller": "ann", "tier": "['gold']"}
    assert get(headers=issuer.token(aud=["phone", "x"])).status == 200
    assert get(headers=issuer.token(aud=None, client_id="web")).status == 200  # an access token of Cognito
    refused = get()
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert issuer.asked.count("/keys") == 1


def test_any_other_token_is_refused(serve: Callable[[Auth], Ask], issuer: Issuer) -> None:
    get = partial(serve(JWT(issuer.url, "web")), "GET", "/rooms/mine")
    other = rsa.generate_private_key(65537, 2048)
    wrong: Mapping[str, Mapping[str, str]] = {
        "another key": issuer.token(key=other),
        "an unknown key": issuer.token(kid="k2"),
        "no signature": issuer.token(key="", algorithm="none"),
        "another algorithm": issuer.token(key="secret" * 10, algorithm="HS256"),
        "another issuer": issuer.token(iss="https://evil.example"),
        "another service": issuer.token(aud="else"),
        "another client": issuer.token(aud=None, client_id="else"),
        "nobody": issuer.token(aud=None),
        "too old": issuer.token(exp=1),
        "not yet": issuer.token(nbf=3_999_999_999),
        "no end": issuer.token(exp=None),
        "no token": {"Authorization": "Bearer x.y"},
        "another scheme": {"Authorization": issuer.token()["Authorization"].replace("Bearer", "Basic")},
    }
    assert {why: get(headers=each).status for why, each in wrong.items()} == dict.fromkeys(wrong, 401)


def test_a_token_needs_one_of_the_scopes(serve: Callable[[Auth], Ask], issuer: Issuer) -> None:
    get = partial(serve(JWT(issuer.url, "web", scopes=("rooms", "all"))), "GET", "/rooms/mine")
    statuses = [get(headers=issuer.token(**claims)).status for claims in ({}, {"scope": "a rooms"}, {"scp": ["all"]})]
    assert statuses == [403, 200, 200]


def test_an_issuer_that_cannot_be_asked_is_503(serve: Callable[[Auth], Ask]) -> None:
    ask = serve(JWT("http://127.0.0.1:1", "web"))
    assert ask("GET", "/rooms/mine", headers={"Authorization": "Bearer x.y.z"}).status == 503
    assert ask("GET", "/health").status == 200


# A sandbox


def test_a_test_says_who_calls() -> None:
    sandbox = Sandbox(worker(JWT.cognito("eu-central-1_AbCdEf", "web")))
    assert sandbox.get("/rooms/mine").status == 401
    caller = Caller("ann", {"tier": "gold"})
    assert sandbox.get("/rooms/mine", caller=caller).json == {"caller": "ann", "tier": "gold"}
    assert sandbox.post("/rooms", caller=caller).json == "ann"


def test_a_test_sends_a_key() -> None:
    sandbox = Sandbox(worker(KEYS), bindings={"acme-key": "correct horse", "globex-key": "battery staple"})
    assert sandbox.get("/rooms/mine", headers={"X-Api-Key": "battery staple"}).json["caller"] == "globex"


# Behind API Gateway


def behind(auth: Auth, keys: Mapping[str, str] | None = None, kind: ApiKind = "http") -> Api:
    told = json.loads(json.dumps(described(auth, kind)))
    again = auth_of(told)
    assert type(again) is type(auth)
    return api(again, lambda clients: guard_of(told, clients, keys or {}))


def called(api: Api, event: dict[str, Any], **context: Any) -> tuple[int, Any]:
    event["requestContext"] |= context
    answer = answered(api(event))
    return answer.status, answer.json


def test_what_api_gateway_verified_says_who_calls() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": "ann", "tier": ["gold"]}).encode()).decode().rstrip("=")
    token = behind(JWT("https://issuer.example", "web"))
    headers = {"Authorization": f"Bearer e30.{claims}.sig"}
    event = partial(http_api_event, "GET", "/rooms/mine")
    ok = called(token, event(headers=headers), authorizer={"jwt": {"claims": {"sub": "ann", "tier": "[gold]"}}})
    assert ok == (200, {"caller": "ann", "tier": "['gold']"})
    assert called(token, event(headers=headers))[0] == 401  # nobody verified it

    arn = "arn:aws:iam::123456789012:role/shop"
    signed = behind(IAM())
    assert called(signed, event(), authorizer={"iam": {"userArn": arn}})[1]["caller"] == arn
    assert called(signed, proxy_event("GET", "/rooms/mine"), identity={"userArn": arn})[1]["caller"] == arn
    assert called(signed, event())[0] == called(signed, proxy_event("GET", "/rooms/mine"), identity={})[0] == 401

    limited = behind(ApiKeys({"acme": ACME}, limit=Throttle(rate=1, burst=1)), {"id1": "acme"})
    rest = partial(proxy_event, "GET", "/rooms/mine")
    assert called(limited, rest(), identity={"apiKeyId": "id1"})[1]["caller"] == "acme"
    assert called(limited, rest(headers={"X-Api-Key": "id1"}), identity={"apiKeyId": "other"})[0] == 401

    assert called(behind(FUNCTION), event(headers={"X-Guest": "ann"}))[1]["caller"] == "ann"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("Bearer {ann}, Bearer {eve}", 401),
        ("Bearer {ann},{eve}", 401),
        ("Bearer {ann} {eve}", 401),
        ("Bearer {ann}.sig", 401),
        ("{ann}", 401),
        ("Basic {ann}", 401),
        ("", 401),
        ("bearer  {ann} ", 200),
    ],
)
def test_one_token_with_its_scheme_says_who_calls(sent: str, status: int) -> None:
    ann, eve = (
        f"e30.{base64.urlsafe_b64encode(json.dumps({'sub': name}).encode()).decode().rstrip('=')}.sig"
        for name in ("ann", "eve")
    )
    token, verified = behind(JWT("https://issuer.example", "web")), {"jwt": {"claims": {"sub": "ann"}}}
    event = http_api_event("GET", "/rooms/mine", headers={"Authorization": sent.format(ann=ann, eve=eve)})
    assert called(token, event, authorizer=verified)[0] == status


def test_behind_a_rest_api_the_worker_verifies_tokens_itself(issuer: Issuer) -> None:
    shop = behind(JWT(issuer.url, "web", scopes=("rooms",)), kind="rest")
    event = partial(proxy_event, "GET", "/rooms/mine")
    token = issuer.token(scope="rooms")
    assert called(shop, event(headers=token)) == (200, {"caller": "ann", "tier": "['gold']"})
    # Whatever the event says: no REST API verifies tokens.
    assert called(shop, event(), authorizer={"jwt": {"claims": {"sub": "ann"}}})[0] == 401
    assert called(shop, event(headers=issuer.token(scope="rooms", aud="else")))[0] == 401
    assert called(shop, event(headers=issuer.token(key=rsa.generate_private_key(65537, 2048), scope="rooms")))[0] == 401
    assert called(shop, event(headers=issuer.token()))[0] == 403
    assert called(shop, proxy_event("GET", "/health"))[0] == 200


def test_a_lambda_knows_its_clients_by_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_SERVICE_NAME": "lounge"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ParameterSecret, "get", lambda secret: f"the key of {secret.name}")
    bound = {name: {"name": each.name, "resource": each.name} for name, each in worker(KEYS).uses().items()}
    handler = entry(
        {
            "DURABLE_ENTRY": "worker",
            "DURABLE_MODULE": MODULE,
            "DURABLE_BINDINGS": json.dumps(bound),
            "DURABLE_ORIGINS": "[]",
            "DURABLE_AUTH": json.dumps(described(KEYS)),
        }
    )
    context = SimpleNamespace(aws_request_id="1", function_name="f", memory_limit_in_mb=1, invoked_function_arn="a")
    sent = http_api_event("GET", "/rooms/mine", headers={"X-Api-Key": "the key of acme-key"})
    assert answered(handler(sent, context)).json["caller"] == "acme"
    assert answered(handler(http_api_event("GET", "/rooms/mine"), context)).status == 401


def test_the_document_says_what_a_route_wants() -> None:
    made = document([api(JWT("https://issuer.example", "web"))], title="Lounge")
    assert made["paths"]["/rooms"]["post"]["security"] == [{"token": []}]
    assert "security" not in made["paths"]["/health"]["get"]
    assert made["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "key" in document([api(KEYS)], title="Lounge")["components"]["securitySchemes"]
    assert "sigv4" in document([api(IAM())], title="Lounge")["components"]["securitySchemes"]
    assert "securitySchemes" not in document([api(IAM())], title="Lounge", signed=False)["components"]
    assert "securitySchemes" not in document([api(FUNCTION)], title="Lounge")["components"]


# Declarations

NOTHING: Any = 5
"""What a user may write in the place of anything."""


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: ApiKeys({}), "names no client"),
        (lambda: ApiKeys({"Acme Inc": ACME}), "the client 'Acme Inc'; a name is"),
        (lambda: ApiKeys({"acme": "s3cret"}), "give a Secret"),  # type: ignore[dict-item]  # what a user may write
        (lambda: ApiKeys({"acme": ACME}, per_day=5), "and a limit beside it"),
        (lambda: JWT("accounts.example.com", "web"), "give the https URL"),
        (lambda: JWT("http://accounts.example.com", "web"), "give the https URL"),
        (lambda: JWT("https://accounts.example.com", []), "names no audience"),
        (lambda: JWT.cognito("AbCdEf", "web"), "is like eu-central-1_AbCdEf"),
        (lambda: ApiKeys(NOTHING), "has the clients 5; write"),
        (lambda: ApiKeys({NOTHING: ACME}), "the client 5; a name is"),
        (lambda: ApiKeys({"acme": ACME}, limit=NOTHING), "limit=5; write Throttle"),
        (lambda: ApiKeys({"acme": ACME}, limit=Throttle(1, 1), per_day=NOTHING / 2), "per_day=2.5; give at least 1"),
        (lambda: JWT(NOTHING, "web"), "give the https URL"),
        (lambda: JWT("https://accounts.example.com", ["web", NOTHING]), "write a text, or a list of texts"),
        (lambda: JWT.cognito(NOTHING, "web"), "is like eu-central-1_AbCdEf"),
        (lambda: Authorizer(NOTHING), "give a function that returns a Caller"),
        (lambda: Domain(NOTHING, zone="Z1"), "without https://"),
        (lambda: Domain("api.example.com", zone=NOTHING), "is no id of a hosted zone"),
        (lambda: worker("jwt"), "write ApiKeys"),  # type: ignore[arg-type]  # what a user may write
        (lambda: Worker("lounge", MODULE, auth=IAM()), "has auth and no URL"),
        (lambda: Worker("lounge", MODULE, domain=Domain("a.example", zone="Z1")), "has domain and no URL"),
        (lambda: worker(ApiKeys({"acme": ACME}, Throttle(1, 1))), "write api='rest'"),
        (lambda: Domain("https://api.example.com", zone="Z1"), "without https://"),
        (lambda: Domain("api.example.com"), "give the ARN of a certificate, or the id"),
        (lambda: Domain("api.example.com", certificate="mine"), "is no ARN of a certificate"),
        (lambda: Domain("api.example.com", zone="example.com"), "is no id of a hosted zone"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(declare: Callable[[], object], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lounge.later, "is async"),
        (lounge.nobody, "let it take one Request"),
        (lounge.untyped, "let it return a Caller"),
        (lambda request: Caller("x"), "cannot be imported by its name"),
    ],
)
def test_a_function_that_is_no_authorizer_is_refused(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        served_by(worker(Authorizer(function)))
