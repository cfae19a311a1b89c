"""What the author's own lines say in a Lambda's log."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from durable.aws.log import LambdaLog


class Kept(logging.Handler):
    """A handler like the one that Lambda puts on the root logger, which keeps its records."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[object] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.getMessage(), vars(record).get("instance_id"), vars(record).get("step")))


def test_a_line_says_which_run_and_step_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, log = Kept(), LambdaLog()
    monkeypatch.setattr(logging.getLogger(), "handlers", [kept])
    for run in ("o-1", "o-2"):
        log.begin(SimpleNamespace(aws_request_id="r"), workflow="orders", instance_id=run, step="pay")
        logging.getLogger("author").warning("paid")
    log.begin(SimpleNamespace(aws_request_id="r"))
    logging.getLogger("author").warning("of no run")
    assert kept.said == [("paid", "o-1", "pay"), ("paid", "o-2", "pay"), ("of no run", None, None)]
