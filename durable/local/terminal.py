"""The terminal of `durable dev`: how lines and errors look there."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import Final

from durable.control_characters import escaped
from durable.local.log import at_work, logger
from durable.modules import is_authors, shown

_COLOURS: Final = {logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}
_QUIET: Final = ("watchfiles", "asyncio")
"""Libraries whose lines tell nothing about the project."""
_WIDTH: Final = 100
_NARROWEST: Final = 40
_NUMBERS: Final = 13
"""The columns that the frame of a traceback and the numbers of its lines take."""


def to_terminal() -> None:
    """Send to standard error what the server says, and what the author's code logs from INFO on."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(coloured=sys.stderr.isatty() and not os.environ.get("NO_COLOR")))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logger.setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class Lines(logging.Formatter):
    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        work = None if record.name.startswith("durable") else at_work.get()
        where = "" if work is None else work.what
        said = record.getMessage()
        # Lines of the library repeat what exceptions say, and that may be an outsider's data. The author's own may have
        # colours.
        if record.name.startswith("durable"):
            said = escaped(said)
        first, *others = said.splitlines() or [""]
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        time = self._styled("2", self.formatTime(record, "%H:%M:%S"))
        named = self._styled("36", f"{where}: ") if where else ""
        lines = [f"{time} {named}{self._styled(_COLOURS.get(record.levelno, ''), level)}{first}", *others]
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            lines.append(traceback_text(error, coloured=self._coloured))
        return "\n".join(lines)

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code and text else text


def traceback_text(error: BaseException, *, coloured: bool, width: int | None = None) -> str:
    """Return an exception with its causes, each with the author's own lines; those of libraries are left out."""
    from rich.console import Console  # they take a tenth of a second, and most starts see no error
    from rich.traceback import Traceback

    trace = Traceback.extract(type(error), error, error.__traceback__)
    for stack in trace.stacks:
        stack.exc_value = escaped(stack.exc_value)
        lines = {(each.filename, each.lineno): each for each in stack.frames if is_authors(each.filename)}
        stack.frames = list(lines.values())  # a comprehension has a frame of its own on the same line
        for frame in stack.frames:
            frame.filename = shown(frame.filename)
    found = width or (os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0)
    width = max(_NARROWEST, min(found or _WIDTH, _WIDTH))  # a terminal that does not know its width says 0
    text = io.StringIO()
    console = Console(file=text, force_terminal=coloured, width=width, legacy_windows=False)
    console.print(
        Traceback(trace, width=width, code_width=width - _NUMBERS, extra_lines=2, word_wrap=True, theme="ansi_dark")
    )
    return text.getvalue().rstrip()
