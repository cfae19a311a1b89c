"""Workflows whose steps return large values, and pass them on."""

from __future__ import annotations

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
