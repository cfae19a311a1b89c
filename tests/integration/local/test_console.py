"""The console's page and routes, on a host that keeps its data in a folder."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from durable import Email
from durable.build import build
from durable.clients.contents import Buckets, Databases, Namespaces
from durable.clock import timestamp
from durable.http import Api
from durable.local.bindings.bucket import FolderBucket
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.local.bindings.outbox import OutboxEmail
from durable.local.console import routes
from durable.local.console.contents import contents_routes
from durable.local.console.page import POLICY
from durable.local.http import application
from durable.local.log import WorkingOn
from durable.local.step_logs import kept
from durable.local.storage.large_values import FileValues
from durable.project import Project, declarations
from durable.runs.record import load_header
from durable.runs.transitions import Order
from durable.store.keys import StepKey
from durable.store.large_values import RunPlace
from durable.testing.host import VirtualHost
from tests.integration.local import shop

STATIC = Path(sys.modules[routes.__module__].__file__ or "").parent / "static"
OWN = "http://127.0.0.1:8787"


@pytest.fixture
def virtual(tmp_path: Path) -> Iterator[VirtualHost]:
    shop.calls.clear()
    shop.failures.clear()
    shop.delivered.clear()
    shop.lost.clear()
    project = build(Project("shop", tuple(declarations(sys.modules[shop.__name__]))))
    with VirtualHost(project, tmp_path) as made:
        stock: SQLiteKVNamespace[int] = SQLiteKVNamespace("stock", int, made.host.journal, made.clock)
        stock.put("apples", 100)
        yield made


@pytest.fixture
def client(virtual: VirtualHost, tmp_path: Path) -> Iterator[TestClient]:
    declared = Api("Website")
    declared.allow_origins(["https://shop.example"])
    with kept(tmp_path) as logs:
        virtual.host.table.on_removed(logs.forget)
        app = application([declared], Api("Operations"), routes=routes(virtual.host, tmp_path, logs))
        yield TestClient(app, base_url=OWN)


def test_the_page_and_all_that_it_names_are_there_under_a_policy(client: TestClient) -> None:
    asked, seen = ["/"], set[str]()
    while asked:
        path = asked.pop()
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        seen.add(path)
        named = re.findall(r'"(/console/[\w.]+)"', answer.text)
        named += [f"/console/{name}" for name in re.findall(r'from "\./([\w.]+)"', answer.text)]
        asked += sorted(set(named) - seen - set(asked))
    assert {path.removeprefix("/console/") for path in seen} == {"/", *(each.name for each in STATIC.iterdir())} - {
        "index.html"
    }


def test_the_page_runs_no_script_of_its_own_and_knows_no_other_address() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style", page) == []
    for each in STATIC.iterdir():
        text = each.read_text(encoding="utf-8")
        foreign = {url for url in re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w./]*", text) if "www.w3.org" not in url}
        assert foreign == set(), each.name
        if each.suffix == ".js":
            assert (
                re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text) == []
            )


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/console/app.js")
    again = client.get("/console/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")


@pytest.mark.parametrize("name", ["nothing.js", "..%2Froutes.py", "%2e%2e%2froutes.py", "__init__.py"])
def test_other_files_are_not_handed_out(client: TestClient, name: str) -> None:
    assert client.get(f"/console/{name}").status_code == 404


def test_a_graph_is_data(client: TestClient) -> None:
    answer = client.get("/api/console/graphs/order").json()
    graph = answer["graph"]
    assert answer["events"] == {}
    assert [node["kind"] for node in graph["nodes"]] == ["branch", "step", "branch", "step", "return"]
    assert client.get("/api/console/graphs/nothing").status_code == 404


def test_a_failed_step_tells_where_with_its_source_and_without_its_message(
    virtual: VirtualHost, client: TestClient
) -> None:
    shop.failures["ship"] = [ConnectionError("Jane Secret") for _ in range(4)]
    virtual.run_workflow("order", 1, id="bad")
    answer = client.get("/api/console/tracebacks/order/bad")
    (found,) = answer.json()["tracebacks"]
    assert (found["key"], found["exception"]) == ("ship", "ConnectionError")
    last = found["frames"][-1]
    assert (Path(last["file"]).resolve(), last["function"]) == (Path(shop.__file__), "_called")
    assert [frame["function"] for frame in found["frames"]] == ["ship", "_called"]
    assert last["source"] == "raise failures[context.step].pop(0)"
    assert "Secret" not in answer.text
    assert client.get("/api/console/tracebacks/order/other").status_code == 404


@pytest.fixture
def mail(virtual: VirtualHost, tmp_path: Path) -> OutboxEmail:
    return OutboxEmail("mail", sender="shop@example.com", folder=tmp_path / "outbox", clock=virtual.clock)


def test_sent_mail_is_listed_and_shown(client: TestClient, mail: OutboxEmail) -> None:
    assert client.get("/api/console/outbox").json() == {"emails": [], "count": 0}
    mail.send(Email(to="ann@example.com", subject="Grüße <b>", text="Hello", html="<p>Hello</p>"), id="one")
    (listed,) = client.get("/api/console/outbox").json()["emails"]
    assert (listed["id"], listed["to"], listed["subject"]) == ("one.eml", "ann@example.com", "Grüße <b>")
    shown = client.get("/api/console/outbox/one.eml").json()
    assert (shown["text"].strip(), shown["html"]) == ("Hello", True)
    assert client.get("/api/console/outbox/two.eml").status_code == 404


def test_the_html_of_a_mail_can_do_nothing(client: TestClient, mail: OutboxEmail) -> None:
    script = "<script>parent.location='https://evil.example'</script><p>Hi</p>"
    mail.send(Email(to="ann@example.com", subject="Hi", text="Hi", html=script), id="one")
    answer = client.get("/api/console/outbox/one.eml/html")
    assert "<p>Hi</p>" in answer.text
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["sandbox", "default-src 'none'"]
    assert not any(each.startswith(("script-src", "connect-src")) for each in policy)


@pytest.mark.parametrize("name", ["..%2Fdurable.sqlite3", "durable.sqlite3", "notes.txt", ".half.tmp", "UPPER.eml"])
def test_nothing_but_mail_is_read(client: TestClient, mail: OutboxEmail, name: str) -> None:
    mail.send(Email(to="ann@example.com", subject="Hi", text="Hi", html="<p>Hi</p>"), id="one")
    for other in ("notes.txt", ".half.tmp", "UPPER.eml"):
        (mail.folder / other).write_text("secret")
    assert client.get(f"/api/console/outbox/{name}").status_code == 404
    assert client.get("/api/console/outbox").json()["count"] == 1


@pytest.fixture
def dead(virtual: VirtualHost) -> None:
    """Two parcels that are never delivered."""
    shop.lost += [1, 1, 1, 2, 2, 2]
    virtual.run_workflow("order", 1)
    virtual.run_workflow("order", 2)


@pytest.mark.usefixtures("dead")
def test_dead_letters_are_counted_shown_and_redriven(virtual: VirtualHost, client: TestClient) -> None:
    def counts() -> tuple[int, int]:
        (queue,) = client.get("/api/console/queues").json()["queues"]
        assert (queue["name"], queue["consumer"]) == ("parcels", "deliver")
        return queue["waiting"], queue["dead"]

    assert counts() == (0, 2)
    letters: list[dict[str, Any]] = client.get("/api/console/queues/parcels/dead-letters").json()["deadLetters"]
    assert [(each["body"], each["attempts"]) for each in letters] == [("1", 3), ("2", 3)]
    path = "/api/console/queues/parcels/redrive"
    assert client.post(path, json={"ids": [letters[0]["id"], "unknown"]}).json() == {"redriven": 1}
    assert counts() == (1, 1)
    assert client.post(path, json={"all": True}).json() == {"redriven": 1}
    virtual.run()
    assert counts() == (0, 0)
    assert sorted(shop.delivered) == [1, 2]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{}", "application/json", 422),
        ("[", "application/json", 422),
        pytest.param("[" * 20_000, "application/json", 422, id="deep"),
        pytest.param(f'["{"x" * 70_000}"]', "application/json", 422, id="long"),
        ('{"ids": [1]}', "application/json", 422),
        ('{"all": true}', "text/plain", 415),
    ],
)
def test_a_redrive_that_cannot_be_read_is_refused(client: TestClient, body: str, kind: str, status: int) -> None:
    answer = client.post("/api/console/queues/parcels/redrive", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert client.post("/api/console/queues/other/redrive", json={"all": True}).status_code == 404


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5_000, "²", "-1", "x"])
def test_a_page_begins_at_a_number_of_some_size(client: TestClient, number: str) -> None:
    assert client.get("/api/console/logs", params={"after": number}).status_code == 400
    assert client.get("/api/console/kv/stock", params={"limit": number}).status_code == 422


def test_a_value_that_is_nested_too_deeply_is_refused(client: TestClient) -> None:
    path, body = "/api/console/kv/stock/value?key=a", f'{{"value": {"[" * 20_000}'
    assert client.put(path, content=body).status_code == 422


def test_a_namespace_is_looked_into_and_changed(client: TestClient, virtual: VirtualHost) -> None:
    (stock,) = client.get("/api/console/kv").json()["namespaces"]
    assert (stock["name"], stock["schema"]) == ("stock", {"type": "integer"})
    path = "/api/console/kv/stock/value"
    assert client.get("/api/console/kv/stock?limit=1").json() == {"keys": ["apples"], "cursor": None}
    apples = client.get(path, params={"key": "apples"}).json()
    assert (apples["value"], apples["expiresAt"]) == (100, None)
    key = {"key": "a/b c"}
    assert client.put(path, params=key, json={"value": 7, "ttl": "1 hour"}).status_code == 200
    put = client.get(path, params=key).json()
    assert (put["value"], put["expiresAt"]) == (7, timestamp(virtual.clock.now() + 3_600_000))
    assert client.get("/api/console/kv/stock?prefix=a%2F").json()["keys"] == ["a/b c"]
    assert client.put(path, params=key, json={"value": 8, "version": put["version"]}).status_code == 200
    assert client.put(path, params=key, json={"value": 9, "version": put["version"]}).status_code == 409
    assert client.delete(path, params=key).status_code == 200
    assert client.get(path, params=key).status_code == 404
    assert client.get("/api/console/kv/other").json()["detail"] == "there is no namespace 'other'; there are: stock"


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("apples", '{"value": "many"}'),
        ("apples", '{"value": 1, "ttl": "soon"}'),
        ("apples", '{"value": 1, "other": 2}'),
        ("apples", "[1]"),
        ("apples", "{"),
        ("", '{"value": 1}'),
        ("apples", " " * 30_000_000),
    ],
)
def test_a_value_that_does_not_fit_is_refused(client: TestClient, key: str, body: str) -> None:
    answer = client.put("/api/console/kv/stock/value", params={"key": key}, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert client.get("/api/console/kv/stock/value?key=apples").json()["value"] == 100


def test_what_steps_log_is_kept_with_its_run_and_goes_with_it(virtual: VirtualHost, client: TestClient) -> None:
    log = logging.getLogger("shop")
    log.setLevel(logging.INFO)
    virtual.run_workflow("order", 1, id="first")
    header = load_header(virtual.host.table, "order", "first")
    assert header is not None
    log.info("outside of any step")
    with WorkingOn("order/first ship", StepKey("order", "first", 1, "ship", header.incarnation)):
        log.info("parcel %d", 7)
    with WorkingOn("order/first ship", StepKey("order", "first", 1, "ship", "an earlier run")):
        log.info("of another run of this id")
    asked = {"workflow": "order", "id": "first"}
    page = client.get("/api/console/logs", params=asked).json()
    (line,) = page["lines"]
    assert (line["workflow"], line["id"], line["key"], line["level"], line["text"]) == (
        *("order", "first", "ship", "info", "parcel 7"),
    )
    assert client.get("/api/console/logs", params=asked | {"after": page["cursor"]}).json()["lines"] == []
    assert len(client.get("/api/console/logs").json()["lines"]) == 2
    virtual.host.operator.lifecycle.carry_out("order", "first", Order("delete"))
    assert client.get("/api/console/logs", params=asked).status_code == 404
    assert client.get("/api/console/logs").json()["lines"] == []


def test_the_schedules_are_shown(client: TestClient) -> None:
    assert client.get("/api/console/schedules").json() == {"schedules": []}


def test_objects_are_shown_saved_and_never_a_page_of_this_server(tmp_path: Path) -> None:
    buckets = Buckets({"files": FolderBucket("files", tmp_path)})
    client = TestClient(Starlette(routes=contents_routes(Namespaces({}, {}), buckets, Databases({}))), base_url=OWN)
    page = b"<script>alert(1)</script>"
    assert client.put("/api/console/buckets/files/object?key=a/b.html", content=page).status_code == 200
    assert client.get("/api/console/buckets/files").json() == {"keys": ["a/b.html"], "cursor": None}
    shown = client.get("/api/console/buckets/files/object?key=a/b.html").json()
    assert shown == {"key": "a/b.html", "bytes": len(page), "text": page.decode()}
    saved = client.get("/api/console/buckets/files/file?key=a/b.html")
    assert (saved.content, saved.headers["content-type"]) == (page, "application/octet-stream")
    assert saved.headers["content-disposition"] == "attachment"
    client.put("/api/console/buckets/files/object?key=b", content=b"\xff")
    assert client.get("/api/console/buckets/files/object?key=b").json()["text"] is None
    assert client.delete("/api/console/buckets/files/object?key=b").status_code == 200
    assert client.get("/api/console/buckets/files/file?key=b").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://shop.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example:8787"},
    ],
)
def test_no_other_page_reads_what_the_console_reads(client: TestClient, headers: dict[str, str]) -> None:
    for path in ("outbox", "queues", "graphs/order", "kv", "kv/stock/value?key=apples", "schedules", "buckets"):
        assert client.get(f"/api/console/{path}", headers=headers).status_code in (403, 421)


def test_large_values_are_read_by_their_links(client: TestClient, tmp_path: Path) -> None:
    run = RunPlace("shop", "one", "1f")
    values = FileValues(tmp_path / "values")
    values.write(run, "a-b", b'{"lines":[]}')
    (tmp_path / "secret").write_text("nobody's")
    found = client.get(values.link(run, "a-b"))
    assert (found.status_code, found.json(), found.headers["content-type"]) == (200, {"lines": []}, "application/json")
    for name in ("a-c", "..%2f..%2f..%2f..%2fsecret", ""):
        assert client.get(values.link(run, name)).status_code == 404
