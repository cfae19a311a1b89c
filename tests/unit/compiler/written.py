"""Workflows from their text, as a file would hold it."""

from __future__ import annotations

import functools
import itertools
import linecache
import textwrap
from typing import Any

from durable.workflow import WorkflowEntrypoint

HEAD = """\
from __future__ import annotations

import asyncio
import collections
import enum
import logging
import math
import random
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import replace

from durable import *
from durable.errors import *
from tests.unit.compiler import helping, sample
from tests.unit.compiler.helping import *
from {steps} import *
import datetime
from datetime import timedelta

LOG = logging.getLogger(__name__)
LIMIT = 100
NAMES = ["a", "b"]
MOMENT = datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone(timedelta(hours=5, minutes=30)))
NAP = timedelta(hours=-7, microseconds=1)
SLOW = Retries(limit=1, delay="1 minute")


class Written(WorkflowEntrypoint[{payload}]):
    async def run(self, event: WorkflowEvent[{payload}], step: WorkflowStep) -> object:
"""
FIRST_LINE = len(HEAD.splitlines()) + 1
_numbers = itertools.count()


@functools.lru_cache(maxsize=64)  # tests run one program under many conditions: it is compiled once
def written(
    body: str, payload: str = "User", steps: str = "tests.unit.compiler.sample", classes: str = ""
) -> type[WorkflowEntrypoint[Any]]:
    """Return the workflow whose `run` is this text, in a module with these steps and, below it, these classes."""
    indented = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    text = f"{HEAD.format(payload=payload, steps=steps)}{indented}\n{classes}"
    file = f"written_{next(_numbers)}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "tests.unit.compiler.written_workflow"}
    exec(compile(text, file, "exec"), names)
    workflow: type[WorkflowEntrypoint[Any]] = names["Written"]
    return workflow
