"""`durable kv` on a server that answers as told."""

from __future__ import annotations

import json

from tests.unit.cli.server import Serve, run


def test_namespaces_and_keys_are_listed(serve: Serve) -> None:
    serve((200, {"namespaces": [{"name": "profiles", "schema": {}}, {"name": "sent", "schema": {}}]}))
    assert run("kv").output.split() == ["profiles", "sent"]
    server = serve((200, {"keys": ["a/1", "a/2"], "cursor": "a/2"}))
    assert run("kv", "list", "profiles", "--prefix", "a/", "--limit", "2").output.splitlines() == [
        *("a/1", "a/2"),
        "more: --cursor a/2",
    ]
    assert server.asked == [("GET", "/api/console/kv/profiles?prefix=a%2F&limit=2", None)]


def test_a_value_is_read_put_and_deleted(serve: Serve) -> None:
    value = {"key": "a b", "value": {"pieces": 3}, "hidden": False, "version": "v", "expiresAt": None}
    server = serve((200, value), (200, {"key": "a b"}), (200, {"deleted": "a b"}))
    assert json.loads(run("kv", "get", "stock", "a b").output) == {"pieces": 3}
    assert run("kv", "put", "stock", "a b", "-", "--ttl", "1 hour", input="[1]").output == "a b of stock is put\n"
    assert run("kv", "delete", "stock", "a b").output == "a b of stock is deleted\n"
    path = "/api/console/kv/stock/value?key=a+b"
    assert server.asked == [("GET", path, None), ("PUT", path, {"value": [1], "ttl": "1 hour"}), ("DELETE", path, None)]


def test_a_value_that_may_hold_a_secret_is_not_printed(serve: Serve) -> None:
    serve((200, {"key": "k", "value": None, "hidden": True, "version": "v", "expiresAt": None}))
    result = run("kv", "get", "tokens", "k", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_what_is_missing_or_no_json_is_said(serve: Serve) -> None:
    serve((404, {"detail": "there is no namespace 'other'; there are: stock"}))
    result = run("kv", "get", "other", "k")
    assert (result.exit_code, result.stderr) == (3, "there is no namespace 'other'; there are: stock\n")
    assert run("kv", "put", "stock", "k", "{").exit_code == 2
    assert "takes NAMESPACE KEY VALUE" in run("kv", "put", "stock", "k").stderr


def test_a_namespace_without_an_action_is_told_the_command_that_was_meant() -> None:
    said = run("kv", "profiles").stderr
    assert "'profiles' is none of list, get, put, delete; as `durable kv list profiles`" in said
