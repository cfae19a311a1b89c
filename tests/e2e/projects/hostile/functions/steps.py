from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from durable import Queue


def add(number: int) -> int:
    return number + 1


def harm(what: str, letters: Queue[str]) -> Any:
    match what:
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "cancel":
            raise asyncio.CancelledError
        case "recurse":
            return harm(what, letters)
        case "letter":
            letters.send("exit")
        case "block":
            time.sleep(3)  # noqa: TID251  # a step that holds its thread
        case "deep":
            return _nested(240)
        case "die":
            os._exit(9)
    return what


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def deliver(letter: str) -> None:
    sys.exit(4)
