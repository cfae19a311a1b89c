"""A picture is described by a model, approved by a person, and published; or removed where nobody approves it."""

from __future__ import annotations

from pydantic import BaseModel

from durable import (
    AWSService,
    Bucket,
    KVNamespace,
    StepTimeoutError,
    Workflow,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)


class Upload(BaseModel):
    key: str
    owner: str


class Verdict(BaseModel):
    approved: bool
    by: str


def describe(key: str, uploads: Bucket, rekognition: AWSService) -> list[str]:
    found = rekognition.client.detect_labels(Image={"Bytes": uploads.get(key)}, MaxLabels=5)
    return [each["Name"].lower() for each in found["Labels"]]


def publish(upload: Upload, tags: list[str], gallery: KVNamespace[list[str]]) -> str:
    gallery.put(upload.key, tags)
    return f"/gallery/{upload.key}"


def remove(key: str, uploads: Bucket) -> None:
    uploads.delete(key)


class PictureWorkflow(WorkflowEntrypoint[Upload]):
    async def run(self, event: WorkflowEvent[Upload], step: WorkflowStep) -> str:
        upload = event.payload
        tags = await step.do("describe", describe, upload.key, timeout="1 minute")
        try:
            verdict = await step.wait_for_event("verdict", type="judged", payload=Verdict, timeout="7 days")
            refused = None if verdict.approved else f"refused by {verdict.by}"
        except StepTimeoutError:
            refused = "nobody looked"
        if refused is not None:
            await step.do("remove", remove, upload.key)
            return refused
        return await step.do("publish", publish, upload, tags)


picture = Workflow(
    "picture",
    PictureWorkflow,
    bindings={
        "uploads": Bucket("uploads"),
        "gallery": KVNamespace("gallery"),
        "rekognition": AWSService("rekognition", actions=["rekognition:DetectLabels"], resources=["*"]),
    },
)
