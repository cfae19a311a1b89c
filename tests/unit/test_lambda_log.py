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
        self.said.append(
            (
                record.getMessage(),
                vars(record).get("instance_id"),
                vars(record).get("step"),
                vars(record).get("attempt"),
            )
        )


def test_a_line_says_which_run_and_step_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, log = Kept(), LambdaLog()
    monkeypatch.setattr(logging.getLogger(), "handlers", [kept])
    for run in ("o-1", "o-2"):
        log.begin(SimpleNamespace(aws_request_id="r"), workflow="orders", instance_id=run, step="pay")
        logging.getLogger("author").warning("begins")
        log.attempt_begun(3)
        logging.getLogger("author").warning("paid")
    log.begin(SimpleNamespace(aws_request_id="r"))
    logging.getLogger("author").warning("of no run")
    assert kept.said == [
        ("begins", "o-1", "pay", None),
        ("paid", "o-1", "pay", 3),
        ("begins", "o-2", "pay", None),
        ("paid", "o-2", "pay", 3),
        ("of no run", None, None, None),
    ]
