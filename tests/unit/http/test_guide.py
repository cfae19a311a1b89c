"""The example of docs/workers.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from durable.clock import VirtualClock
from durable.http import Api
from durable.local.bindings.kv import SQLiteKVNamespace
from durable.testing.journal import MemoryJournal
from tests.unit.http.doors import JSON, Ask, through_events

PAGE = Path(__file__).resolve().parents[3] / "docs" / "workers.md"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(source, str(PAGE), "exec"), names)
    api: Api = names["fetch"](SQLiteKVNamespace("orders", names["Order"], MemoryJournal(), VirtualClock()))
    return through_events(api)


def test_an_order_is_placed_and_shown(ask: Ask) -> None:
    placed = ask("POST", "/orders/7", b'{"customer": "Ada", "cents": 1250}', JSON)
    assert (placed.status, placed.headers["location"]) == (201, "/orders/7")
    assert ask("GET", "/orders/7").json == {"total": "12.50 eur"}
    assert ask("GET", "/orders/7?full=true&currency=usd").json == {"total": "12.50 usd", "customer": "Ada"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/orders/8", b"", 404),
        ("GET", "/orders/x", b"", 404),
        ("GET", "/orders/8?full=perhaps", b"", 400),
        ("POST", "/orders/8", b"{", 400),
        ("POST", "/orders/8", b'{"customer": "Ada"}', 422),
        ("POST", "/orders/8", b'{"customer": "Ada", "cents": 1, "tip": 1}', 422),
        ("PUT", "/orders/8", b"", 405),
    ],
)
def test_what_does_not_fit_is_refused_as_the_table_says(
    ask: Ask, method: str, path: str, body: bytes, status: int
) -> None:
    assert ask(method, path, body, JSON).status == status


def test_headers_come_by_their_names(ask: Ask) -> None:
    assert ask("GET", "/whoami", headers={"Authorization": "Bearer x", "Accept-Language": "de"}).json == "Bearer x de"
    assert ask("GET", "/whoami").json == "nobody en"
