"""Lambda as far as a handler sees it: JSON in and out, a context, and what it reports of one that raises."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from durable.aws.environment import Handler


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda hands to a handler beside the event."""

    function_name: str
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class Invoked:
    """The answer to an invocation: its payload, and the name of the error if it failed."""

    payload: Any
    error: str | None = None

    @property
    def result(self) -> Any:
        """What a step returned."""
        assert self.error is None, self.payload
        return self.payload["result"]


def invoke(handler: Handler, function_name: str, event: Mapping[str, Any]) -> Invoked:
    """Invoke a handler; one that ends its process is reported as Lambda does it."""
    try:
        answer = handler(json.loads(json.dumps(event)), LambdaContext(function_name))
    except Exception as error:
        return _failed(type(error).__name__, str(error), stackTrace=["frame"])
    except BaseException:
        return _failed("Runtime.ExitError", "RequestId: x Error: Runtime exited with error: exit status 1")
    return Invoked(json.loads(json.dumps(answer)))


def dies(*_: Any, **__: Any) -> None:
    """End the process, as running out of memory does."""
    raise SystemExit(1)


def _failed(name: str, message: str, **more: Any) -> Invoked:
    return Invoked({"errorMessage": message, "errorType": name} | more, name)
