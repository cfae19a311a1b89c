"""How the console looks in a real browser: on a phone, on a slow server, and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser
from tests.e2e.console import IN_A_BROWSER, box, order, url
from tests.e2e.screenshots import looking
from tests.e2e.server import Server

pytestmark = IN_A_BROWSER


STANDS_OUT = """
const boxes = document.querySelectorAll("main :is(.box, .card, .panel, .pill, .chip, button, .row > *)");
return [...boxes].flatMap((box) => {
  const outer = box.getBoundingClientRect();
  if (getComputedStyle(box).overflow !== "visible" || box.querySelector(".zoom, .table, .rows")) return [];
  return [...box.querySelectorAll("*")].filter((each) => {
    const { left, right, width } = each.getBoundingClientRect();
    return width && !each.closest("svg, pre, .sr") && (left < outer.left - 1 || right > outer.right + 1);
  }).map((each) => `${each.tagName} ${each.className} in ${box.className}: ${each.textContent.slice(0, 40)}`);
});
"""


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_stands_out_of_its_box(browser: Browser, shop: Server, world: Path, width: int) -> None:
    order(shop, world, "long-" * 12 + "id64")
    order(shop, world, "small", "quinces", "lost")
    with looking(browser, {"width": width, "height": 844, "dark": False}):
        for place in PLACES:
            browser.open(url(shop, place))
            browser.one("h1")
            browser.until(lambda: not browser.all(".view:empty"), "the page")
            assert browser.driver.execute_script(STANDS_OUT) == [], place


@contextmanager
def slow(browser: Browser, milliseconds: int) -> Iterator[None]:
    """Have each answer come so much later until the block's end."""
    network = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**network, "latency": milliseconds})
    yield
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**network, "latency": 0})


def test_a_slow_server_is_waited_for_and_is_asked_once(browser: Browser, shop: Server) -> None:
    loading = (
        "const view = document.querySelector('.view'), before = getComputedStyle(view, '::before');"
        "return !view.childNodes.length && before.content.includes('Loading') && before.visibility === 'visible'"
    )
    browser.open(url(shop))
    browser.one("h1")
    with slow(browser, 1_500):
        browser.driver.execute_script("location.hash = '#/workflows/refunds'")
        browser.until(lambda: bool(browser.driver.execute_script(loading)), "it to say that it loads")
        browser.click('[data-shortcut="s"]')
        start = browser.one("dialog button[type=submit]")
        ActionChains(browser.driver).double_click(start).send_keys(Keys.ENTER).perform()
        browser.until(lambda: not browser.all("dialog"), "the run to start")
    assert len(shop.get("/api/workflows/refunds/instances").body["instances"]) == 1


def test_whoever_operates_a_run_by_keyboard_stays_at_its_buttons(browser: Browser, shop: Server, world: Path) -> None:
    def at() -> str | None:
        return browser.driver.switch_to.active_element.get_attribute("data-verb")

    def press(key: str) -> None:
        ActionChains(browser.driver).send_keys(key).perform()

    order(shop, world, "small")
    browser.open(url(shop, "#/workflows/orders/runs/small"))
    browser.sees("waiting", box("approval"))
    browser.one('[data-verb="pause"]').send_keys(Keys.ENTER)
    press(Keys.ESCAPE)
    browser.until(lambda: at() == "pause", "the focus to be where the dialog was opened")
    press(Keys.ENTER)
    press(Keys.ENTER)
    browser.until(lambda: at() == "resume", "the focus to be at what can be done now")


PLACES = (
    *("", "#/workflows/orders", "#/workflows/orders/runs/small", "#/outbox", "#/queues", "#/schedules", "#/kv"),
    *("#/buckets", "#/databases"),
)


@pytest.mark.parametrize("place", PLACES)
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, shop: Server, world: Path, place: str) -> None:
    order(shop, world, "small")
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        browser.open(url(shop, place))
        browser.one("h1")
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.driver.execute_script(wide) == 0
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
