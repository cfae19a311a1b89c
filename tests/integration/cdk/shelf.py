"""A workflow with a bucket, a secret and a plain value, all of one name, and a namespace beside them."""

from __future__ import annotations

from pydantic import BaseModel

from durable import Bucket, KVNamespace, Secret, Var, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


class Limits(BaseModel):
    most: int


def shelve(book: str, books: Bucket, key: Secret, limits: Var[Limits]) -> int:
    books.put(f"shelf/{book}", key.get())
    return min(len(books.list("shelf/").keys), limits.value.most)


def note(book: str, notes: KVNamespace[str]) -> None:
    notes.put(book, "shelved")


class ShelfWorkflow(WorkflowEntrypoint[str]):
    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        count = await step.do("shelve", shelve, event.payload)
        await step.do("note", note, event.payload)
        return count
