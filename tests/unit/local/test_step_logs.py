"""What steps log is kept within bounds, and a file that cannot be used stops nothing."""

from __future__ import annotations

import json
import logging
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from durable.local import step_logs
from durable.local.log import TextLog, WorkingOn
from durable.local.step_logs import FILE, kept
from durable.store.keys import StepKey

KEY = StepKey("orders", "o-1", 1, "pay[2]", "i")
log = logging.getLogger("author")


def test_the_newest_lines_are_kept_over_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_logs, "MOST_LINES", 3)
    with kept(tmp_path), WorkingOn("orders/o-1 pay", KEY):
        for number in range(5):
            log.warning("line %d", number)
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        page = logs.read(("orders#o-1", "i"), None)
        assert [each["text"] for each in page["lines"]] == ["line 2", "line 3", "line 4"]
        assert page["lines"][0]["key"] == "pay[2]"
        log.error("after it")
        assert [each["level"] for each in logs.read(None, page["cursor"])["lines"]] == ["error"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        log.warning("after it")
        assert [each["text"] for each in logs.read(None, None)["lines"]] == ["after it"]
    assert (tmp_path / FILE).read_bytes().startswith(b"SQLite format 3")


def test_where_no_file_can_be_had_lines_are_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        log.warning("in memory")
        assert [each["text"] for each in logs.read(None, None)["lines"]] == ["in memory"]


def test_a_line_whose_arguments_do_not_fit_it_costs_the_step_nothing(tmp_path: Path) -> None:
    handlers = logging.getLogger().handlers[:]
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        (own,) = (each for each in logging.getLogger().handlers if each not in handlers)
        own.handle(logging.LogRecord("author", logging.WARNING, __file__, 1, "%d apples", ("many",), None))
        log.warning("after it")
        assert [each["text"] for each in logs.read(None, None)["lines"]] == ["after it"]


def test_half_a_surrogate_pair_costs_no_other_line(tmp_path: Path) -> None:
    handlers = logging.getLogger().handlers[:]
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        (own,) = (each for each in logging.getLogger().handlers if each not in handlers)
        log.warning("before it")
        # Not through the logger: pytest keeps what is logged, and xdist ends where that is no UTF-8.
        own.handle(logging.LogRecord("author", logging.WARNING, __file__, 1, "a \ud800", (), None))
        assert [each["text"] for each in logs.read(None, None)["lines"]] == ["before it", "a ?"]


def test_a_line_says_which_attempt_it_is_of_also_in_a_file_of_an_earlier_version(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as before:
        before.executescript(step_logs._SCHEMA.replace(", attempt INTEGER", ""))
        before.execute("INSERT INTO line VALUES (1, 'orders#o-1', 'i', 'pay', 1, 'info', 'of before')")
        before.commit()
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        log.warning("none has begun")
        TextLog().attempt_begun(2)
        log.warning("paid")
        lines = logs.read(None, None)["lines"]
    assert [(each["text"], each["attempt"]) for each in lines] == [
        ("of before", None),
        ("none has begun", None),
        ("paid", 2),
    ]


def test_an_exception_is_kept_with_the_lines_of_the_author_alone(tmp_path: Path) -> None:
    def fail() -> None:
        try:
            json.loads("no")
        except ValueError as error:
            raise KeyError("price") from error

    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        try:
            fail()
        except KeyError:
            log.exception("not paid")
        (line,) = logs.read(None, None)["lines"]
    said = line["text"].splitlines()
    assert (said[0], said[-1]) == ("not paid", "KeyError: 'price'")
    assert [each.split(",")[0].strip() for each in said if each.startswith("  File")] == [
        'File "tests/unit/local/test_step_logs.py"'
    ] * 3
    assert "json.loads(" in line["text"]


def test_the_lines_of_a_deleted_run_are_removed_though_the_disk_was_full_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kept(tmp_path) as logs, WorkingOn("orders/o-1 pay", KEY):
        log.warning("before it")
        logs.flush()
        write = logs._write

        def full(what: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(logs, "_write", full)
        logs.forget("orders#o-1")
        logs.flush()
        monkeypatch.setattr(logs, "_write", write)
        assert logs.read(None, None)["lines"] == []
