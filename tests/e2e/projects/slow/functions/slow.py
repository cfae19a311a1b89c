from __future__ import annotations

import time
from pathlib import Path

from durable import StepContext


def _note(folder: str, context: StepContext) -> None:
    with (Path(folder) / "calls").open("a") as calls:
        calls.write(f"{context.step} {context.attempt} {context.idempotency_key}\n")


def before(folder: str, context: StepContext) -> None:
    _note(folder, context)


def hold(folder: str, context: StepContext) -> None:
    _note(folder, context)
    while not (Path(folder) / "go").exists():
        time.sleep(0.01)  # noqa: TID251  # until the test says so


def after(folder: str, context: StepContext) -> str:
    _note(folder, context)
    return "done"
