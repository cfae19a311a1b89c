"""A server that answers as told, and a command line to ask it with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from click.testing import CliRunner, Result

from durable.cli import main
from durable.cli.operations import Answer

Said = tuple[int, Any] | BaseException
"""A status and a body, or what is raised in place of an answer."""


@dataclass
class Server:
    """Answers as told, one answer after the other, the last one again and again; and keeps what it was asked."""

    answers: list[Said]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    pause_seconds: float = 0.0

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        self.asked.append((method, path, None if body is None else json.loads(body)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        status, said = answer
        return Answer(status, b"" if said is None else json.dumps(said).encode())


Serve = Callable[..., Server]


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=input, prog_name="durable")
