"""The pictures of the console in docs/images: `make screenshots`. Each page in light, in dark and as on a phone."""

from __future__ import annotations

import base64
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.e2e.browser import Browser, chromium
from tests.e2e.server import ROOT, Server, eventually

IMAGES: Final = ROOT / "docs" / "images"
SHOP: Final = Path(__file__).parent / "projects" / "shop"
QUALITY: Final = 84
SETTLED_SECONDS: Final = 1.2
ORDERS: Final = "/api/workflows/orders/instances"
REFUNDS: Final = "/api/workflows/refunds/instances"

PAGES: Final = {
    "workflows": ("", ""),
    "runs": ("#/workflows/orders", "document.querySelectorAll('.tick')[1].click()"),
    "run": ("#/workflows/orders/runs/order-1043", ""),
    "failed": (
        "#/workflows/orders/runs/order-1042",
        "document.querySelector('[data-key=\"items/check-stock\"]').click()",
    ),
    "result": (
        "#/workflows/orders/runs/order-1042",
        "document.querySelector('[data-key=\"items/check-stock\"]').click();"
        "requestAnimationFrame(() => document.querySelector('[data-verb=\"result-here\"]').click())",
    ),
    "sleeping": ("#/workflows/refunds/runs/refund-301", "document.querySelector('.timeline').scrollIntoView()"),
    "event": ("#/workflows/orders/runs/order-1043", "document.querySelector('[data-verb=\"send-event\"]').click()"),
    "schedules": ("#/schedules", ""),
    "queues": ("#/queues/parcels", ""),
    "kv": ("#/kv/stock/apples", ""),
    "buckets": ("#/buckets/invoices/restock-07%2Finvoice.json", ""),
    "databases": ("#/databases/ledger/entry", ""),
    "outbox": ("#/outbox", "document.querySelector('.mails a').click()"),
}
"""Where each page is, and what is done there before the picture is taken."""

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "": {"width": 1280, "height": 860, "dark": False},
    "-dark": {"width": 1280, "height": 860, "dark": True},
    "-phone": {"width": 390, "height": 844, "dark": False},
}


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shop = Server(SHOP, work / "data")
        shop.start()
        try:
            fill(shop, SHOP / "stockroom")
            with chromium(work / "profile") as browser:
                for name, look in LOOKS.items():
                    with looking(browser, look):
                        for page, (place, act) in PAGES.items():
                            take(browser, f"http://127.0.0.1:{shop.port}/{place}", act, IMAGES / f"{page}{name}.webp")
        finally:
            shop.stop()


def fill(shop: Server, stockroom: Path) -> None:
    """Make runs of every status, an e-mail, dead letters, and values."""
    stockroom.mkdir()

    def order(number: int, customer: str, *items: str, approved: bool = False) -> str:
        params = {
            "folder": stockroom.name,
            "customer": customer,
            "items": items or ("apples", "pears"),
        }
        run = f"{ORDERS}/order-{number}"
        shop.post(ORDERS, {"id": f"order-{number}", "params": params})
        eventually(lambda: shop.get(run).body["status"] == "waiting", "the order to wait")
        if approved:
            shop.post(f"{run}/events/approved", {"payload": {"by": "Grace"}})
            eventually(lambda: shop.get(run).body["status"] in ("complete", "errored"), "the order to end")
        return run

    for number, customer in enumerate(("Ada Lovelace", "Alan Turing", "Edsger Dijkstra"), 1038):
        order(number, customer, approved=True)
    order(1041, "Barbara Liskov", "lost", approved=True)
    (stockroom / "empty").touch()
    order(1042, "Grace Hopper", "quinces", "apples", approved=True)
    (stockroom / "empty").unlink()
    stockroom.rmdir()
    order(1043, "Margaret Hamilton", "apples", "pears", "plums")
    shop.patch(f"{order(1044, 'Donald Knuth')}/status", {"status": "pause"})
    shop.patch(f"{order(1045, 'Tony Hoare')}/status", {"status": "terminate"})
    for number in (301, 302):
        shop.post(REFUNDS, {"id": f"refund-{number}", "params": {"card": "4111", "cents": 990}})
        eventually(lambda: shop.get(f"{REFUNDS}/refund-{number}").body["sleeps"], "the refund to sleep")  # noqa: B023  # at once
    shop.patch(f"{REFUNDS}/refund-302/status", {"status": "terminate", "rollback": True})
    for number, items in ((6, ["apples", "pears"]), (7, ["apples", "plums", "quinces"])):
        shop.post("/api/workflows/restock/instances", {"id": f"restock-0{number}", "params": items})
    eventually(lambda: shop.get("/api/console/queues").body["queues"][0]["dead"] == 1, "a dead letter")
    eventually(lambda: shop.get("/api/console/databases/ledger/tables/entry").body["rows"][4:], "the rows")


@contextmanager
def looking(browser: Browser, look: dict[str, Any]) -> Iterator[None]:
    """Have the pages look as on such a screen until the block's end."""
    driver, is_phone = browser.driver, look["width"] < 500
    size = {"width": look["width"], "height": look["height"], "deviceScaleFactor": 2 if is_phone else 1}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**size, "mobile": is_phone})
    scheme = {"name": "prefers-color-scheme", "value": "dark" if look["dark"] else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    yield
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def take(browser: Browser, url: str, act: str, image: Path) -> None:
    """Take a picture of a page once it has settled."""
    browser.open(url)
    browser.one("h1")
    time.sleep(SETTLED_SECONDS)  # noqa: TID251  # a picture has nothing to wait for but that nothing moves
    if act:
        browser.driver.execute_script(act)
        time.sleep(SETTLED_SECONDS)  # noqa: TID251  # as above
    shot = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    image.write_bytes(base64.b64decode(shot["data"]))
    sys.stdout.write(f"{image.relative_to(ROOT)} {image.stat().st_size // 1000} KB {browser.complaints() or ''}\n")


if __name__ == "__main__":
    main()
