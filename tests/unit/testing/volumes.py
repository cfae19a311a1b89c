"""Workflows whose steps return large values, and pass them on."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel, SecretStr

from durable import NonRetryableError, Retries, StepContext, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

undone: list[int] = []
drawn: list[int] = []


class Volume(BaseModel):
    pages: list[str]


def write(pages: int) -> Volume:
    return Volume(pages=["x" * 1000] * pages)


def count(volume: Volume) -> int:
    return len(volume.pages)


async def count_slowly(volume: Volume) -> int:
    return len(volume.pages)


def double(volume: Volume) -> Volume:
    return Volume(pages=volume.pages * 2)


def burn(volume: Volume) -> None:
    undone.append(len(volume.pages))


def unbind(result: Volume, volume: Volume) -> None:
    undone.append(len(result.pages) + len(volume.pages))


def refuse() -> None:
    raise NonRetryableError("no")


def pretend() -> dict[str, Any]:
    return {"$value": "somebody-else's", "bytes": 1}


def show(value: dict[str, Any]) -> dict[str, Any]:
    return value


def sign_in() -> SecretStr:
    return SecretStr("correct horse")


def use(token: SecretStr) -> int:
    return len(token.get_secret_value())


def draw(pages: int, context: StepContext) -> Volume:
    drawn.append(context.attempt)
    return Volume(pages=[str(context.attempt) * 1000] * pages)


class VolumesWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        volume = await step.do("write", write, event.payload)
        await step.sleep("rest", "2 days")
        twice = volume
        if event.payload > 5:
            twice = await step.do("double", double, volume)
        first = await step.do("count", count, twice)
        second = await step.do("count slowly", count_slowly, volume)

        async def each(page: int) -> int:
            own = await step.do("write one", write, page)
            return await step.do("count one", count, own)

        return [first, second, *await step.map("each", each, [1, 50])]


class UndoneWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> None:
        volume = await step.do("write", write, event.payload, undo=burn)
        await step.do("double", double, volume, undo=unbind)
        await step.do("refuse", refuse)


class PretendingWorkflow(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> dict[str, Any]:
        value = await step.do("pretend", pretend)
        return await step.do("show", show, value)


class SecretWorkflow(WorkflowEntrypoint[None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> int:
        token = await step.do("sign in", sign_in)
        return await step.do("use", use, token)


class ReadingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        volume = await step.do("write", write, event.payload, retries=Retries(limit=0))
        if len(volume.pages) > 3:
            return 3
        return await step.do("count", count, volume)


class DrawingWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        volume = await step.do("draw", draw, event.payload)
        return await step.do("count", count, volume)


def numbers(most: int) -> list[int]:
    return [*range(most)]


def merge(volumes: list[Volume]) -> int:
    return sum(len(each.pages) for each in volumes)


def unmerge(result: int, volumes: list[Volume]) -> None:
    undone.append(sum(len(each.pages) for each in volumes))


class ListsWorkflow(WorkflowEntrypoint[int]):
    """Lists of large values: passed on whole, taken apart, counted and gone through."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[int]:
        pages = event.payload

        async def each(more: int) -> Volume:
            return await step.do("write", write, pages + more)

        volumes = await step.map("each", each, [1, 2, 3])
        merged = await step.do("merge", merge, volumes, undo=unmerge)
        first, second = await asyncio.gather(step.do("first", write, pages), step.do("second", double, volumes[1]))
        both = await asyncio.gather(each(4), step.do("fifth", write, 5))
        counts = [merged, await step.do("count first", count, first), await step.do("count second", count, second)]
        counts.append(await step.do("count fourth", count, both[0]))
        for volume in volumes:
            counts += [await step.do("count each", count, volume)]
        if event.payload == 7:
            await step.do("refuse", refuse)
        return [*counts, len(volumes)]


class LookedIntoWorkflow(WorkflowEntrypoint[int]):
    """Lists that are looked into, each in another way, so that nothing in them may travel by reference."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[Volume]:
        pages = event.payload

        async def each(more: int) -> Volume:
            return await step.do("each", write, more)

        counted = await step.do("counted", numbers, pages)
        if len(counted) != pages:
            return []
        looked_into = await step.map("look", each, [1, 2])
        if looked_into[0].pages[0] == "y":
            return []

        async def page(more: int) -> Volume:
            return await step.do("in condition", write, more)

        mapped = await step.map("page", page, [1, 2])
        await step.map("again", page, [len(volume.pages) for volume in mapped])
        left, right = await asyncio.gather(step.do("left", write, pages), step.do("right", write, pages))
        await step.do("pairs", merge, [left, right])
        either = await asyncio.gather(step.do("one", write, 1), step.do("two", write, 2))
        if pages > 3:
            either = await asyncio.gather(step.do("three", write, 1), step.do("four", write, 2))
        await step.do("count", count, either[0])

        async def inner(more: int) -> list[Volume]:
            two = await asyncio.gather(step.do("nested", write, 1), step.do("nested too", write, 2))
            return [*two]

        nested = await step.map("inner", inner, [1])
        await step.do("merge", merge, nested[0])

        async def last(more: int) -> Volume:
            return await step.do("returned", write, more)

        return await step.map("last", last, [1])


class ReturningWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> Volume:
        volume = await step.do("write", write, event.payload)
        if event.payload == 2:
            return await step.do("double", double, volume)
        return volume


class ChoosingWorkflow(WorkflowEntrypoint[int]):
    """Returns one element of a list."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> Volume:
        async def each(more: int) -> Volume:
            return await step.do("write", write, more)

        return (await step.map("each", each, [1, event.payload]))[1]


class EchoWorkflow(WorkflowEntrypoint[dict[str, Any]]):
    async def run(self, event: WorkflowEvent[dict[str, Any]], step: WorkflowStep) -> dict[str, Any]:
        return await step.do("show", show, event.payload)


class CallingWorkflow(WorkflowEntrypoint[int]):
    """Passes on what another workflow returned, and returns it too."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> Volume:
        volume = await step.call("make", ReturningWorkflow, event.payload)
        await step.do("count", count, volume)
        return volume


class GrandWorkflow(WorkflowEntrypoint[int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        volume = await step.call("call", CallingWorkflow, event.payload)
        return await step.do("count", count, volume)


class OpeningWorkflow(WorkflowEntrypoint[int]):
    """Looks into what another workflow returned."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        volume = await step.call("make", ReturningWorkflow, event.payload)
        return len(volume.pages)


class MirrorWorkflow(WorkflowEntrypoint[dict[str, Any]]):
    async def run(self, event: WorkflowEvent[dict[str, Any]], step: WorkflowStep) -> dict[str, Any]:
        value = await step.call("echo", EchoWorkflow, event.payload)
        return await step.do("show", show, value)
