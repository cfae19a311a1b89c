"""A site is read page by page into an index; pages that cannot be read are reported, and stop nothing."""

from __future__ import annotations

import re
import urllib.request

from pydantic import BaseModel

from durable import KVNamespace, Retries, StepError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

FEW = Retries(limit=2, delay="30 seconds")


class Site(BaseModel):
    url: str
    most: int = 1000


class GoneError(StepError):
    """There is no such page."""


def list_pages(site: Site) -> list[str]:
    with urllib.request.urlopen(f"{site.url}/sitemap.xml", timeout=30) as answer:
        return re.findall(r"<loc>(.*?)</loc>", answer.read().decode())


def read(url: str, texts: KVNamespace[str]) -> int:
    with urllib.request.urlopen(url, timeout=30) as answer:
        if answer.status == 404:
            raise GoneError(url)
        text = re.sub(r"<[^>]*>", " ", answer.read().decode())
    texts.put(url, text)
    return len(text.split())


class CrawlWorkflow(WorkflowEntrypoint[Site]):
    async def run(self, event: WorkflowEvent[Site], step: WorkflowStep) -> dict[str, object]:
        site = event.payload
        pages = await step.do("list pages", list_pages, site)

        async def page(url: str) -> int | None:
            try:
                return await step.do("read", read, url, retries=FEW, timeout="1 minute")
            except StepError:
                return None

        words = await step.map("page", page, pages[: site.most], concurrency=20)
        failed = [url for url, count in zip(pages, words, strict=False) if count is None]
        return {"pages": len(words) - len(failed), "words": sum(n for n in words if n is not None), "failed": failed}
