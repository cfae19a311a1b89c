"""A real Chromium, driven by its own driver; Debian's packages chromium and chromium-driver."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.e2e.server import eventually

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@dataclass(frozen=True)
class Browser:
    """A page, looked at as a person does: what is to be seen, eventually."""

    driver: webdriver.Chrome

    def open(self, url: str) -> None:
        self.driver.get("about:blank")
        self.complaints()
        self.driver.get(url)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the first element of a selector, once it is there and to be seen."""
        self.until(lambda: any(each.is_displayed() for each in self.all(selector)), f"{selector} on the page")
        return next(each for each in self.all(selector) if each.is_displayed())

    def text(self, selector: str = "main") -> str:
        return "\n".join(each.text for each in self.all(selector))

    def sees(self, text: str, selector: str = "main") -> None:
        """Wait for a text."""
        self.until(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def click(self, selector: str) -> None:
        def clicked() -> bool:
            found = self.one(selector)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
            found.click()
            return True

        self.until(clicked, f"{selector} to be clicked")

    def fill(self, selector: str, text: str) -> None:
        field = self.one(selector)
        field.clear()
        field.send_keys(text)

    def press(self, keys: str) -> None:
        ActionChains(self.driver).send_keys(keys).perform()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait; an element that was drawn anew meanwhile is looked for again."""

        def met() -> bool:
            try:
                return condition()
            except StaleElementReferenceException:
                return False

        try:
            eventually(met, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the page says: {self.text('body')[:2000]}") from None

    def complaints(self) -> list[str]:
        """Return what the browser complained of since the page was opened; answers refused on purpose are left out."""
        lines = self.driver.get_log("browser")  # type: ignore[no-untyped-call]  # Selenium has types in part
        return [each["message"] for each in lines if "status of 4" not in each["message"]]


@contextmanager
def chromium(profile: Path, width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """Run a browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for each in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(each)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
