"""The lines of `durable dev`, with what others wrote in them."""

from __future__ import annotations

import logging

from durable.local.terminal import Lines, traceback_text


def test_what_an_exception_says_does_nothing_to_the_terminal() -> None:
    evil = "a\x1b[2J\u202eb"
    record = logging.LogRecord("durable", logging.INFO, "", 0, "failed: %s", (evil,), None)
    assert Lines(coloured=False).format(record).endswith(r"failed: a\x1b[2J\u202eb")
    assert "\x1b" not in traceback_text(ValueError(evil), coloured=False, width=80)
    own = logging.LogRecord("shop", logging.INFO, "", 0, "\x1b[31mred\x1b[0m", (), None)
    assert Lines(coloured=False).format(own).endswith("\x1b[31mred\x1b[0m")
