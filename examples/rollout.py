"""A version is rolled out in waves; when too many devices of a wave are unwell, all get back the one they had."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from durable import KVNamespace, WorkflowEntrypoint, WorkflowError, WorkflowEvent, WorkflowStep

WAVE: Final = 2


class Rollout(BaseModel):
    version: str
    devices: list[str]
    tolerated: int = 0


class Installed(BaseModel):
    before: str | None


def install(device: str, version: str, versions: KVNamespace[str]) -> Installed:
    before = versions.get(device)
    versions.put(device, version)
    return Installed(before=before)


def restore(installed: Installed, device: str, versions: KVNamespace[str]) -> None:
    if installed.before is None:
        versions.delete(device)
    else:
        versions.put(device, installed.before)


def is_well(device: str, health: KVNamespace[bool]) -> bool:
    return health.get(device) is not False


class RolloutWorkflow(WorkflowEntrypoint[Rollout]):
    async def run(self, event: WorkflowEvent[Rollout], step: WorkflowStep) -> str:
        rollout = event.payload

        async def update(device: str) -> bool:
            await step.do("install", install, device, rollout.version, undo=restore)
            await step.sleep("let it run", "1 hour")
            return await step.do("look", is_well, device)

        for start in range(0, len(rollout.devices), WAVE):
            wave = rollout.devices[start : start + WAVE]
            healthy = await step.map("device", update, wave)
            unwell = [device for device, well in zip(wave, healthy, strict=False) if not well]
            if len(unwell) > rollout.tolerated:
                raise WorkflowError(f"{rollout.version} does not suit {', '.join(unwell)}")
        return f"{len(rollout.devices)} devices run {rollout.version}"
