"""A site is read whole, but for the pages that fail."""

from __future__ import annotations

from durable.testing import Sandbox
from examples.crawl import CrawlWorkflow, GoneError

PAGES = ["https://a.example.com/1", "https://a.example.com/2", "https://a.example.com/3"]


def test_pages_that_cannot_be_read_are_reported() -> None:
    sandbox = Sandbox(CrawlWorkflow)
    sandbox.stub("list pages").returns(PAGES)
    sandbox.stub("read").returns(10).raises(GoneError, key="page[1]/read").raises(
        ConnectionError, times=2, key="page[2]/read"
    )
    run = sandbox.run({"url": "https://a.example.com"})

    assert run.output == {"pages": 2, "words": 20, "failed": [PAGES[1]]}


def test_no_more_pages_are_read_than_are_wanted() -> None:
    sandbox = Sandbox(CrawlWorkflow)
    sandbox.stub("list pages").returns(PAGES)
    sandbox.stub("read").returns(10)

    assert sandbox.run({"url": "https://a.example.com", "most": 1}).output == {"pages": 1, "words": 10, "failed": []}
