"""What the tests of the console do again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import CHROMIUM, DRIVER, Browser
from tests.e2e.server import Server

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="there is no Chromium: apt-get install chromium chromium-driver"
    ),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # urllib3's, when the driver's process ends first
]
ADA = '<b onclick="x">Ada</b>'


def url(local: Server, place: str = "") -> str:
    return f"http://127.0.0.1:{local.port}/{place}"


def order(local: Server, world: Path, id: str, *items: str) -> None:
    params = {"folder": str(world), "customer": "Ada", "items": list(items) or ["apples"]}
    assert local.post("/api/workflows/orders/instances", {"id": id, "params": params}).status == 201


def box(key: str) -> str:
    return f'.box[data-key="{key}"]'


def confirm(browser: Browser, verb: str) -> None:
    browser.click(f'[data-verb="{verb}"]')
    browser.click("dialog button[type=submit]")
    browser.until(lambda: not browser.all("dialog"), "the dialog to close")
