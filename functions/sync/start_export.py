"""start-export: asks the partner for an export."""

from __future__ import annotations

import hashlib

from durable import Queue, StepContext
from functions.sync.models import ExportRequest


def start_export(source: str, exports: Queue[ExportRequest], context: StepContext) -> str:
    """Ask for an export and return its id, which every attempt of this step gives alike."""
    export = hashlib.sha256(context.idempotency_key.encode()).hexdigest()[:24]
    exports.send(ExportRequest(id=export, source=source))
    return export
