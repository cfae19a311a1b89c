"""The console in a real browser, on a real server: what somebody does with it, and what they then see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.browser import Browser
from tests.e2e.console import ADA, IN_A_BROWSER, box, confirm, order, url
from tests.e2e.screenshots import looking
from tests.e2e.server import Server, eventually

pytestmark = IN_A_BROWSER


def test_start_watch_approve_fail_and_retry(browser: Browser, shop: Server, world: Path) -> None:
    for each in ("hold", "flaky", "empty"):
        (world / each).touch()
    browser.open(url(shop))
    browser.sees("Nothing has run yet.")
    browser.click(".card button.primary")
    browser.fill('dialog [aria-label="folder"]', str(world))
    browser.fill('dialog [aria-label="customer"]', ADA)
    browser.fill("dialog [name=id]", "order-1")
    browser.click("dialog button[type=submit]")

    browser.sees("running", box("reserve"))
    assert browser.one(".run-id").text.startswith("order-1")
    (world / "hold").unlink()
    browser.sees("complete", box("reserve"))
    browser.sees("waiting", box("approval"))
    browser.until(
        lambda: "2 attempts" in browser.text(box("price-first")) + browser.text(box("price-all")), "a retry to be told"
    )
    assert browser.all(".t-bar.wait.s-retrying")

    browser.click('[data-verb="send-event"]')
    browser.fill('dialog [aria-label="by"]', "Grace")
    browser.click("dialog button[type=submit]")
    browser.sees("complete", box("approval"))
    browser.sees("errored", ".run .state")
    browser.sees("NoStockError", ".data")
    browser.click(box("items/check-stock"))
    browser.sees("raise NoStockError", ".data .traceback")
    assert "shop.py" in browser.text(".data .traceback")

    (world / "empty").unlink()
    confirm(browser, "retry")
    browser.sees("complete", ".run .head .state")
    browser.sees("2 complete", box("items/pack"))
    browser.click(box("items/pack"))
    browser.click('.data button[aria-label="Back to the run"]')
    browser.sees('"by": "Grace"', ".data")
    browser.sees(ADA.replace('"', '\\"'), ".data")
    assert browser.all("main b[onclick]") == []
    run = shop.get("/api/workflows/orders/instances/order-1").body
    assert [len(step["attempts"]) for step in run["steps"] if step["name"] == "reserve"] == [1]
    assert browser.complaints() == []


def test_terminate_asks_first(browser: Browser, shop: Server, world: Path) -> None:
    order(shop, world, "unwanted")
    browser.open(url(shop, "#/workflows/orders/runs/unwanted"))
    browser.sees("waiting", box("approval"))
    browser.click('[data-verb="terminate"]')
    browser.click("dialog button[type=button]")
    assert shop.get("/api/workflows/orders/instances/unwanted").body["status"] == "waiting"
    confirm(browser, "terminate")
    browser.sees("terminated", ".run .head .state")
    assert browser.all('[data-verb="pause"], [data-verb="send-event"]:not([hidden])') == []
    confirm(browser, "delete")
    browser.sees("No runs.")
    assert shop.get("/api/workflows/orders/instances/unwanted").status == 404


def test_a_sleep_says_until_when_and_a_rollback_what_was_undone(browser: Browser, shop: Server) -> None:
    params = {"card": "4111111111111111"}
    assert shop.post("/api/workflows/refunds/instances", {"id": "refund", "params": params}).status == 201
    browser.open(url(shop, "#/workflows/refunds"))
    browser.sees("waiting", ".space")
    browser.open(url(shop, "#/workflows/refunds/runs/refund"))
    browser.sees("sleeping until", box("grace"))
    browser.sees("wakes", ".run .head")
    browser.sees("grace", ".timeline")
    browser.click(box("pay-back"))
    browser.sees("marked sensitive", ".data")
    assert browser.all(".data .json") == []
    assert "1111" not in browser.text(".data")

    browser.click('[data-verb="terminate"]')
    browser.click("dialog input[type=checkbox]")
    browser.click("dialog button[type=submit]")
    browser.sees("terminated", ".run .head .state")
    browser.sees("undone", box("book"))
    browser.sees("complete", box("pay-back"))
    assert "sleeping" not in browser.text(box("grace"))
    browser.click('.data button[aria-label="Back to the run"]')
    browser.sees("What could be undone was", ".data")
    browser.sees("undone", '[aria-label="History"]')
    assert browser.complaints() == []


def test_the_list_is_filtered_searched_and_walked_by_keyboard(browser: Browser, shop: Server, world: Path) -> None:
    for number in range(3):
        order(shop, world, f"order-{number}")
    browser.open(url(shop, "#/workflows/orders"))
    browser.until(lambda: len(browser.all(".space .row")) == 3, "three runs")
    order(shop, world, "other")
    browser.sees("other", ".space")
    browser.press("/")
    browser.press("order-1")
    browser.until(lambda: [each.get_attribute("data-id") for each in browser.all(".space .row")] == ["order-1"], "one")
    browser.press("\ue007")  # Enter
    browser.sees("order-1", ".run-id")
    browser.press("u")
    browser.until(lambda: len(browser.all(".space .row")) == 4, "four runs")
    browser.press("jj")
    browser.until(lambda: bool(browser.all(".row.at:nth-child(2)")), "the second to be gone to")
    browser.open(url(shop, "#/workflows/orders?status=complete"))
    browser.sees("No runs fit.")


def ids(browser: Browser) -> list[str | None]:
    return [each.get_attribute("data-id") for each in browser.all(".space .row")]


def test_runs_are_found_by_attribute_and_by_the_beginning_of_an_id_that_is_not_loaded(
    browser: Browser, shop: Server, world: Path
) -> None:
    def start(name: str, number: int, customer: str) -> None:
        params = {"folder": str(world), "customer": customer, "items": []}
        starts = [{"id": f"{name}-{each}", "params": params} for each in range(number)]
        assert shop.post("/api/workflows/orders/instances/batch", starts).status < 300

    start("old", 1, "Grace")
    for batch in range(3):
        start(f"new-{batch}", 100, "Ada")
    browser.open(url(shop, "#/workflows/orders"))
    browser.sees("loaded; more as you scroll")
    browser.until(lambda: "old-0" not in ids(browser), "the newest runs only")
    browser.fill('[aria-label="Search by id"]', "ol")
    browser.until(lambda: ids(browser) == ["old-0"], "the oldest run")
    browser.sees("1 in all")
    assert not browser.all(".chip b")  # these counts are of all runs, and not of those that fit
    browser.open(url(shop))
    browser.press("/")
    browser.press("old")
    browser.sees("old-0", ".found")
    browser.press("\ue007")  # Enter
    browser.sees("old-0", ".run-id")
    browser.open(url(shop, "#/workflows/orders?where=customer%3DGrace"))
    browser.until(lambda: ids(browser) == ["old-0"], "the run of Grace")
    assert browser.one('[aria-label="Value of the search attribute"]').get_attribute("value") == "Grace"
    browser.open(url(shop, "#/workflows/orders?until=2020-01-01T00%3A00%3A00Z"))
    browser.sees("No runs fit.")


def test_several_runs_are_operated_at_once_and_those_refused_say_why(
    browser: Browser, shop: Server, world: Path
) -> None:
    for number in range(3):
        order(shop, world, f"order-{number}")
    shop.patch("/api/workflows/orders/instances/order-0/status", {"status": "terminate"})
    browser.open(url(shop, "#/workflows/orders"))
    browser.until(lambda: len(ids(browser)) == 3, "three runs")
    browser.press("jx")
    browser.sees("1 chosen", ".bulk")
    browser.click(".bulk button.quiet")
    browser.sees("3 chosen", ".bulk")
    browser.click('[data-bulk="terminate"]')
    browser.click("dialog button[type=submit]")
    browser.sees("1 of 3 were refused.", "dialog")
    browser.sees("The run was terminated", "dialog")
    browser.click("dialog button[type=button]")
    runs = "/api/workflows/orders/instances"
    eventually(lambda: {each["status"] for each in shop.get(runs).body["instances"]} == {"terminated"}, "all to end")


def test_what_waits_offers_its_event_and_a_run_begins_again_from_a_step_or_with_other_input(
    browser: Browser, shop: Server, world: Path
) -> None:
    order(shop, world, "first")
    browser.open(url(shop, "#/workflows/orders/runs/first"))
    browser.sees("approval waits for the event approved until", ".asked")
    browser.click(box("approval"))
    browser.click('.data [data-verb="send-event"]')
    browser.fill('dialog [aria-label="by"]', "Grace")
    browser.click("dialog button[type=submit]")
    browser.sees("complete", ".run .head .state")
    assert not browser.all(".asked:not([hidden])")
    browser.click(box("items/pack"))
    browser.click('[data-verb="restart-here"]')
    browser.click("dialog button[type=submit]")
    browser.sees("restarted from pack", '[aria-label="History"]')
    browser.sees("complete", ".run .head .state")
    browser.click(box("reserve"))
    browser.click('.data [data-verb="result-here"]')
    browser.click("dialog button[type=submit]")
    browser.sees("restarted after reserve", '[aria-label="History"]')
    browser.click('[data-verb="again"]')
    browser.until(lambda: browser.one('dialog [aria-label="customer"]').get_attribute("value") == "Ada", "its input")
    browser.fill('dialog [aria-label="customer"]', "Alan")
    browser.fill("dialog [name=id]", "second")
    browser.click("dialog button[type=submit]")
    browser.sees('"Alan"', ".data")
    assert shop.get("/api/workflows/orders/instances/second").body["params"]["folder"] == str(world)


def test_the_graph_is_made_larger_smaller_and_fitted_by_keys(browser: Browser, shop: Server, world: Path) -> None:
    order(shop, world, "wide")
    browser.open(url(shop, "#/workflows/orders/runs/wide"))
    browser.sees("100 %", ".zoom")
    browser.press("+")
    browser.sees("120 %", ".zoom")
    browser.press("--")
    browser.sees("83 %", ".zoom")
    browser.press("0")
    low = "return document.querySelector('.graph').getBoundingClientRect().height <= innerHeight"
    browser.until(lambda: bool(browser.driver.execute_script(low)), "the whole graph to fit the window")


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_a_graph_is_seen_from_edge_to_edge(browser: Browser, shop: Server, world: Path, width: int) -> None:
    order(shop, world, f"edges-{width}")
    with looking(browser, {"width": width, "height": 844, "dark": False}):
        browser.open(url(shop, f"#/workflows/orders/runs/edges-{width}"))
        browser.one(".graph-view")
        held = "const view = document.querySelector('.graph-view'); return view.scrollWidth <= view.clientWidth"
        browser.until(lambda: bool(browser.driver.execute_script(held)), "the whole width of the graph")


def test_of_many_runs_those_are_drawn_that_are_seen(browser: Browser, shop: Server, world: Path) -> None:
    params = {"folder": str(world), "customer": "Ada", "items": []}
    for batch in range(4):
        starts = [{"id": f"run-{batch}-{number}", "params": params} for number in range(100)]
        assert shop.post("/api/workflows/orders/instances/batch", starts).status < 300
    counts = {"complete": 400}
    eventually(lambda: shop.get("/api/workflows").body["workflows"][0]["counts"] == counts, "all to complete")
    browser.open(url(shop, "#/workflows/orders"))
    browser.sees("loaded; more as you scroll")

    def scrolled() -> bool:
        browser.driver.execute_script(
            "const rows = document.querySelector('.rows'); rows.scrollTop = rows.scrollHeight"
        )
        return "400 in all" in browser.text("main")

    browser.until(scrolled, "the last one to be loaded")
    assert len(browser.all(".space .row")) < 60


def test_mail_is_shown_and_can_do_nothing_and_dead_letters_are_redriven(
    browser: Browser, shop: Server, world: Path
) -> None:
    order(shop, world, "mail", "apples", "lost")
    shop.post("/api/workflows/orders/instances/mail/events/approved", {"payload": {"by": "Grace"}})
    browser.open(url(shop, "#/outbox"))
    browser.sees("Your apples are on their way")
    browser.click(".mails a")
    frame = browser.one("iframe")
    browser.driver.switch_to.frame(frame)
    browser.sees("Hello Ada", "h1")
    browser.driver.switch_to.default_content()
    assert frame.get_attribute("sandbox") == ""
    assert browser.driver.title != "taken"
    browser.open(url(shop, "#/queues/parcels"))
    browser.sees('"item": "lost"', ".letters")
    browser.click(".letters button")
    browser.click("dialog button[type=submit]")
    browser.sees("1 message is delivered anew", ".toasts")
    eventually(lambda: shop.get("/api/console/queues").body["queues"][0]["dead"] == 1, "it to fail again")


def test_it_says_when_the_server_is_gone_and_goes_on_when_it_is_back(
    browser: Browser, shop: Server, world: Path
) -> None:
    order(shop, world, "long")
    browser.open(url(shop, "#/workflows/orders/runs/long"))
    browser.sees("waiting", box("approval"))
    shop.kill()
    browser.sees("The server does not answer.", "[role=alert]")
    assert "waiting" in browser.text(box("approval"))
    shop.start()
    browser.until(lambda: not browser.text("#gone"), "the notice to go")
    shop.post("/api/workflows/orders/instances/long/events/approved", {"payload": {"by": "Grace"}})
    browser.sees("complete", ".run .head .state")


def test_what_is_kept_is_shown_and_changed_and_a_schedule_runs_now(browser: Browser, shop: Server) -> None:
    browser.open(url(shop, "#/schedules"))
    browser.sees("0 6 * * mon-fri Europe/Berlin", ".card")
    browser.click('[data-verb="run-now"]')
    browser.click("dialog button[type=submit]")
    browser.sees("complete", ".run .head .state")
    browser.open(url(shop, "#/kv"))
    browser.click(".keylist a")
    browser.sees('"shelf": "A0"', ".split")
    browser.click('[data-verb="edit"]')
    browser.fill('dialog [aria-label="shelf"]', "B7")
    browser.click("dialog button[type=submit]")
    browser.sees('"shelf": "B7"', ".split")
    assert shop.get("/api/console/kv/stock/value?key=apples").body["value"] == {"pieces": 60, "shelf": "B7"}
    browser.click('.split [data-verb="delete"]')
    browser.click("dialog button[type=submit]")
    browser.until(lambda: "apples" not in browser.text(".keylist"), "the key to go")
    browser.open(url(shop, "#/buckets"))
    browser.click(".keylist a")
    browser.sees('"cents": 1980', ".split")
    browser.open(url(shop, "#/databases"))
    browser.sees("Rows 1 to 2", ".pager")
    browser.sees("apples", "table")
    assert browser.complaints() == []
