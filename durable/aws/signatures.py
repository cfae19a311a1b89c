"""Whether a step returns a result that it is given, asked by a Lambda that does not run the step."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from durable.bindings.kinds import part
from durable.operations.results import hold_to_type
from durable.signature import Signature, signature_of
from durable.wire import STEPS_FILE


def check_result(workflow: str, step: str, result: Any) -> None:
    """Refuse a result that the step could not have returned.

    Raises:
        InvalidInput: names the fields that are wrong.
    """
    signature = deployed_signature(workflow, step)
    if signature is not None:
        hold_to_type(signature, step, result)


def deployed_signature(workflow: str, step: str) -> Signature | None:
    """Return the contract of a step; None where this Lambda cannot know it.

    The function is imported when it is asked for. One that needs packages or variables of its step's own Lambda cannot
    be: a result given to it is checked by that Lambda, when the run goes on.
    """
    function = _functions().get(workflow, {}).get(step)
    if function is None:
        return None
    try:
        return signature_of(part(function))
    except Exception:  # whatever the author's module does when it is imported
        return None


@functools.cache
def _functions() -> Mapping[str, Mapping[str, str]]:
    file = Path(os.environ.get("LAMBDA_TASK_ROOT", "."), STEPS_FILE)
    named: Mapping[str, Mapping[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return named
