"""A database's nightly export: ask for it, look every few minutes whether it is ready, keep it in a bucket."""

from __future__ import annotations

import json
import urllib.request
from datetime import timedelta

from pydantic import BaseModel

from durable import Bucket, Secret, WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep

MOST_LOOKS = 12


class Database(BaseModel):
    name: str
    url: str


class Export(BaseModel):
    id: str
    download: str | None = None


def ask(database: Database, token: Secret) -> Export:
    return Export.model_validate(_call(f"{database.url}/exports", token, b"{}"))


def look(database: Database, export: Export, token: Secret) -> Export:
    return Export.model_validate(_call(f"{database.url}/exports/{export.id}", token))


def keep(url: str, key: str, backups: Bucket) -> int:
    with urllib.request.urlopen(url, timeout=300) as answer:
        dump = answer.read()
    backups.put(key, dump)
    return len(dump)


def _call(url: str, token: Secret, body: bytes | None = None) -> object:
    request = urllib.request.Request(url, body, {"Authorization": f"Bearer {token.get()}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class ExportWorkflow(WorkflowEntrypoint[Database]):
    async def run(self, event: WorkflowEvent[Database], step: WorkflowStep) -> dict[str, object]:
        database = event.payload
        export = await step.do("ask for an export", ask, database)
        looks = 0
        while export.download is None:
            if looks == MOST_LOOKS:
                raise WorkflowError(f"the export {export.id} of {database.name} is not ready")
            looks += 1
            await step.sleep("give it time", timedelta(minutes=looks))
            export = await step.do("look", look, database, export)
        key = f"{database.name}/{export.id}.sql"
        size = await step.do("keep", keep, export.download, key, timeout="10 minutes")
        return {"key": key, "bytes": size, "looks": looks}
