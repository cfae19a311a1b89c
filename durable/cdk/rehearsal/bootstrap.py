#!/usr/bin/env -S python3 -S
"""A Lambda runtime for a rehearsal: speaks Lambda's Runtime API, as AWS's own Python runtime does.

MiniStack reports every exception of a managed Python runtime as `Runtime.HandlerError`, and no Retry by name would
match; of a runtime that a function brings along it passes on what that says. So this file goes into the rehearsal's
zip as `bootstrap`, and an error's name is the class of the exception. It imports nothing but the standard library.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any


class Context:
    """What Lambda tells a handler about the invocation."""

    def __init__(self, headers: Message) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers.get("Lambda-Runtime-Invoked-Function-Arn", "")
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline - time.time_ns() // 1_000_000)  # noqa: TID251  # runs outside of the project


def _url(path: str) -> str:
    return f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/{path}"


def _post(path: str, value: Any) -> None:
    request = urllib.request.Request(_url(path), json.dumps(value).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request):
        return


def _failure(error: Exception) -> dict[str, Any]:
    frames = traceback.format_tb(error.__traceback__)
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": frames}


def _handler() -> Callable[[Any, Context], Any]:
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler: Callable[[Any, Context], Any] = getattr(importlib.import_module(module), name)
    return handler


def _serve(handler: Callable[[Any, Context], Any]) -> None:
    with urllib.request.urlopen(_url("invocation/next")) as response:
        context, event = Context(response.headers), json.load(response)
    try:
        _post(f"invocation/{context.aws_request_id}/response", handler(event, context))
    except Exception as error:
        _post(f"invocation/{context.aws_request_id}/error", _failure(error))
    # Python buffers what goes into a pipe: what an invocation logs must not wait for the next one.
    sys.stdout.flush()
    sys.stderr.flush()


def main() -> None:
    """Start the handler, then serve invocations until the runtime is ended."""
    try:
        handler = _handler()
    except Exception as error:
        traceback.print_exc()
        _post("init/error", _failure(error))
        sys.exit(1)
    while True:
        _serve(handler)


if __name__ == "__main__":
    main()
