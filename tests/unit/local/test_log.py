"""What `durable dev` shows in the terminal: errors with the author's lines, once, and what a step logs."""

from __future__ import annotations

import importlib.util
import io
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from durable.clock import VirtualClock
from durable.local.log import TextLog, WorkingOn, logger
from durable.local.terminal import Lines, traceback_text
from durable.store.failure import Failure, failure_of
from durable.store.keys import StepKey

SOURCE = """
import json


def charge(card):
    return read(card)


def read(card):
    try:
        return json.loads(card)
    except ValueError as error:
        raise RuntimeError(f"no card can be read from {card}") from error
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    """A module of the author's own, which fails within the standard library."""
    path = tmp_path / "cards.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("cards", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def terminal() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(coloured=False))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logger.setLevel(logging.INFO)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    logger.setLevel(logging.NOTSET)


def raised(call: Callable[[str], object], card: str = "4242") -> BaseException:
    try:
        call(card)
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def key(instance: str = "first") -> StepKey:
    return StepKey("order", instance, 1, "charge")


def fail(log: TextLog, error: BaseException, instance: str = "first", *, sensitive: bool = False) -> None:
    log.attempt_failed(key(instance), "charge", 1, failure_of(error, {}, sensitive=sensitive), final=False)


def test_a_failed_attempt_is_shown_with_its_message_and_the_authors_lines(
    module: ModuleType, terminal: io.StringIO
) -> None:
    fail(TextLog(), raised(module.charge, "x"))

    said = terminal.getvalue()
    first = said.splitlines()[0]
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d warning: order/first step charge: attempt 1 failed with "
        "RuntimeError: no card can be read from x; it will be retried",
        first,
    )
    assert "return read(card)" in said
    assert "JSONDecodeError: Expecting value" in said
    assert "RuntimeError: no card can be read from x" in said
    assert "decoder.py" not in said
    assert "test_log.py" in said


def test_an_error_is_shown_once_and_then_counted(module: ModuleType, terminal: io.StringIO) -> None:
    clock = VirtualClock()
    log = TextLog(clock)
    for number in range(5):
        fail(log, raised(module.charge, "x"), f"run-{number}")
    assert terminal.getvalue().count("attempt 1 failed") == 1

    clock.advance_to(clock.now() + 1_000)
    fail(log, raised(module.charge, "y"), "later")
    fail(log, raised(module.charge, "y"), "later still")
    log.close()

    said = terminal.getvalue()
    assert "order/later step charge: attempt 1 failed" in said
    assert "(6 times)" in said
    assert said.splitlines()[-1].endswith("order step charge: RuntimeError was seen 7 times")
    assert said.count("return read(card)") == 1


def test_another_line_and_another_step_are_other_errors(module: ModuleType, terminal: io.StringIO) -> None:
    log = TextLog(VirtualClock())
    fail(log, raised(module.charge, "x"))
    fail(log, raised(module.read, "x"))
    log.request_failed("GET /cards", raised(module.read, "x"))
    log.message_failed("cards", "m-1", 2, failure_of(raised(module.read, "x"), {}))

    said = terminal.getvalue()
    assert "GET /cards failed with RuntimeError: no card can be read from x" in said
    assert "queue cards message m-1: delivery 2 failed with RuntimeError: no card" in said
    assert said.count("Traceback") == 8  # each with its cause


def test_of_a_sensitive_step_only_the_lines_are_shown(module: ModuleType, terminal: io.StringIO) -> None:
    fail(TextLog(), raised(module.charge, "4242-secret"), sensitive=True)

    said = terminal.getvalue()
    assert "failed with RuntimeError; it will be retried" in said
    assert "cards.py:13 in read" in said
    assert "secret" not in said


def test_an_error_of_the_library_is_one_line(terminal: io.StringIO) -> None:
    failure = Failure("StepTimeoutError", "The step took longer than its timeout.", "StepTimeoutError")

    TextLog().attempt_failed(key(), "charge", 6, failure, final=True)

    (line,) = terminal.getvalue().splitlines()
    assert line.endswith("attempt 6 failed with StepTimeoutError: The step took longer than its timeout.")


def test_what_ends_a_run_is_shown_with_its_message(terminal: io.StringIO) -> None:
    log = TextLog()
    log.run_ended("order", "first.1", "FAILED", "WorkflowError: The order is older than a year.")
    log.run_ended("order", "second.1", "SUCCEEDED")
    log.run_ended("order", "third.1", "ABORTED")

    lines = [line.partition(" ")[2] for line in terminal.getvalue().splitlines()]
    assert lines == [
        "warning: order/first errored with WorkflowError: The order is older than a year.",
        "order/second complete",
        "order/third stopped",
    ]


def test_a_long_error_is_said_in_full_once(module: ModuleType, terminal: io.StringIO) -> None:
    clock = VirtualClock(0)
    log = TextLog(clock)
    why = "field required, " * 20
    for instance in ("first", "second"):
        fail(log, raised(module.charge, why), instance)
        log.run_ended("order", f"{instance}.1", "FAILED", f"StepError in charge: {why}\nmore")
        clock.advance_to(1_000)
    log.run_ended("order", "third.1", "FAILED", f"StepError in refund: {why}")

    second = [line for line in terminal.getvalue().splitlines() if "order/second" in line]
    assert len(second) == 2
    assert all("…" in line and why not in line for line in second)
    assert second[0].endswith("it will be retried (2 times)")
    assert f"order/third errored with StepError in refund: {why}" in terminal.getvalue()


def test_what_the_authors_code_logs_says_where_it_is_from(module: ModuleType, terminal: io.StringIO) -> None:
    with WorkingOn("order/first charge"):
        logging.getLogger("shop").info("charging %d", 7)
        try:
            module.charge("x")
        except RuntimeError:
            logging.getLogger("shop").exception("no charge")
    logging.getLogger("shop").info("idle")

    said = terminal.getvalue()
    assert " order/first charge: charging 7\n" in said
    assert " order/first charge: error: no charge\n" in said
    assert "return read(card)" in said
    assert re.search(r"^\d\d:\d\d:\d\d idle$", said, re.MULTILINE)


@pytest.mark.parametrize("width", [40, 100])
def test_a_traceback_keeps_to_the_width_of_the_terminal(module: ModuleType, width: int) -> None:
    said = traceback_text(raised(module.charge, "x"), coloured=False, width=width)

    assert max(map(len, said.splitlines())) <= width
    assert "".join(re.findall(r"\w", "raise RuntimeError(f'no card can be read from'")) in "".join(
        re.findall(r"\w", said)
    )
