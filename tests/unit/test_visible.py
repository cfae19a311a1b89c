"""What others wrote does nothing to a terminal."""

from __future__ import annotations

import logging

from durable.cli.operations import Answer, Operations
from durable.local.terminal import Lines, traceback_text
from durable.visible import visible

EVIL = "a\x1b[2J\u202eb\x9b1m\r"
SHOWN = r"a\x1b[2J\u202eb\x9b1m\r"


class Page:
    pause_seconds = 0.0

    def send(self, method: str, path: str, body: bytes | None) -> Answer:
        return Answer(200, rb'{"workflows": [{"a\u001b[2J\u202eb\u009b1m\r": ["a\u001b[2J\u202eb\u009b1m\r", 1]}]}')


def test_what_acts_on_a_terminal_is_written_out_and_lines_stay() -> None:
    assert (visible(EVIL), visible("é\tשלום\n")) == (SHOWN, "é\tשלום\n")


def test_people_are_shown_it_so_and_scripts_are_given_it_as_it_is() -> None:
    operations = Operations(Page())
    assert operations.workflows() == [{EVIL: [EVIL, 1]}]
    operations.exact = False
    assert operations.workflows() == [{SHOWN: [SHOWN, 1]}]


def test_the_terminal_of_the_server_shows_it_so() -> None:
    record = logging.LogRecord("durable", logging.INFO, "", 0, "failed: %s", (EVIL,), None)
    assert Lines(coloured=False).format(record).endswith(f"failed: {SHOWN}")
    assert "\x1b" not in traceback_text(ValueError(EVIL), coloured=False, width=80)


def test_the_authors_own_lines_keep_their_colours() -> None:
    record = logging.LogRecord("shop", logging.INFO, "", 0, "\x1b[31mred\x1b[0m", (), None)
    assert Lines(coloured=False).format(record).endswith("\x1b[31mred\x1b[0m")
