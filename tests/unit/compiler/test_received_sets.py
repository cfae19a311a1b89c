"""Sets that arrive as data, in fields and as the results of steps: asked, compared, combined and passed on."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pytest
from pydantic import BaseModel

from durable import WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from durable.compiler import compile_workflow
from durable.errors import CompileError
from tests.unit.compiler.both import agree

HOLIDAYS: Final = {date(2026, 1, 1), date(2026, 1, 6)}


class Post(BaseModel):
    tags: set[str] = set()
    marks: frozenset[int] = frozenset()
    muted: set[str] | None = None
    day: date = date(2026, 1, 6)


def known(count: int) -> set[str]:
    return set("abcdef"[:count])


def counted(tags: set[str]) -> int:
    return len(tags)


def longest(tags: set[str]) -> int:
    return max((len(each) for each in tags), default=0)


class AsksWorkflow(WorkflowEntrypoint[Post]):
    async def run(self, event: WorkflowEvent[Post], step: WorkflowStep) -> Any:
        post = event.payload
        found = await step.do("known", known, len(post.marks))
        asked = ["a" in post.tags, 3 not in post.marks, len(post.tags), bool(post.tags), "x" if post.marks else "y"]
        combined = [sorted(post.tags | found), sorted(post.tags & found), sorted(post.tags - {"a"}), sorted(found)]
        compared = [post.tags == found, post.tags <= found, {"a"} <= post.tags, post.tags.isdisjoint(found)]
        gone = [sum(post.marks), max(post.marks, default=0), any(each > "a" for each in post.tags), longest(post.tags)]
        muted = post.muted is not None and "a" in post.muted
        return [asked, combined, compared, gone, muted, not post.muted, post.day in HOLIDAYS, post.day not in HOLIDAYS]


@pytest.mark.parametrize(
    "post",
    [
        Post(),
        Post(tags={"a"}, marks=frozenset({3}), muted=set()),
        Post(tags={"a", "é", "zz"}, marks=frozenset({1, 2}), muted={"a"}, day=date(2026, 1, 7)),
    ],
)
def test_a_set_that_arrived_is_a_set(post: Post) -> None:
    agree(AsksWorkflow, post)


class SendsWorkflow(WorkflowEntrypoint[Post]):
    async def run(self, event: WorkflowEvent[Post], step: WorkflowStep) -> list[int]:
        tags: set[str] = event.payload.tags
        new = Post(tags=tags & {"b"}, marks=frozenset({1}))
        kept = new.model_copy(update={"muted": tags - {"b"}})
        left = len(kept.muted) if kept.muted is not None else -1
        return [await step.do("count", counted, tags & {"b"}), len(kept.tags), left, longest({"bcd"} | tags)]


@pytest.mark.parametrize("tags", [set(), {"b"}, {"b", "cc"}])
def test_a_set_of_the_run_is_data_where_a_set_is_wanted(tags: set[str]) -> None:
    agree(SendsWorkflow, Post(tags=tags))


class LoopsWorkflow(WorkflowEntrypoint[Post]):
    async def run(self, event: WorkflowEvent[Post], step: WorkflowStep) -> int:
        total = 0
        for each in event.payload.tags:
            total = len(each)
        return total


class MixesWorkflow(WorkflowEntrypoint[Post]):
    async def run(self, event: WorkflowEvent[Post], step: WorkflowStep) -> bool:
        return 1 in event.payload.tags  # type: ignore[comparison-overlap]  # never


class WrongWorkflow(WorkflowEntrypoint[Post]):
    async def run(self, event: WorkflowEvent[Post], step: WorkflowStep) -> int:
        return await step.do("count", counted, {1} | event.payload.marks)  # type: ignore[arg-type]  # refused


REFUSED = {
    LoopsWorkflow: "`event.payload.tags` is a set, which CPython goes through in an order of its own; write sorted(",
    WrongWorkflow: "JSON has no sets; write sorted(…)",
}


@pytest.mark.parametrize("workflow", REFUSED)
def test_what_is_not_said_of_a_set(workflow: type[WorkflowEntrypoint[Any]]) -> None:
    with pytest.raises(CompileError) as refused:
        compile_workflow(workflow)

    assert REFUSED[workflow] in str(refused.value)


@pytest.mark.parametrize("tags", [set(), {"a"}])
def test_an_item_of_another_type_is_in_no_set(tags: set[str]) -> None:
    agree(MixesWorkflow, Post(tags=tags))
