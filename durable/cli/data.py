"""JSON that is given on the command line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from durable.cli.outcome import WRONG, CommandError

_EXAMPLE: Final = """'{"item": "book"}'"""
_PLAIN_TEXT: Final = re.compile(r"[\w@.+/:-]{1,60}")


def read(option: str, given: str, *, example: str = _EXAMPLE) -> Any:
    """Return the value of an option: JSON, @file, or - for standard input.

    Raises:
        CommandError: it is no JSON, or the file cannot be read.
    """
    try:
        text = sys.stdin.read() if given == "-" else Path(given[1:]).read_text("utf-8") if given[:1] == "@" else given
    except OSError as error:
        raise CommandError(f"{option}: {given[1:]} cannot be read: {error.strerror}", WRONG) from None
    except UnicodeDecodeError:
        raise CommandError(
            f"{option}: {given[1:] or 'standard input'} is not in UTF-8; give it in UTF-8", WRONG
        ) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # A shell takes one pair of quotes away, and a text is left that JSON does not know.
        text_example = f"""{option} '"{text}"' for a text, """ if _PLAIN_TEXT.fullmatch(text) else ""
        raise CommandError(
            f"{option} is no JSON: {error}; write {text_example}{option} {example}, {option} @file.json or {option} -",
            WRONG,
        ) from None
