"""The modules of a project: importing them, and where what they hold stands in the author's files."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

from durable.errors import DurableError, ModuleError

_NOT_THE_AUTHORS: Final = (
    "<",
    *(f"{sysconfig.get_path(each)}{os.sep}" for each in ("stdlib", "purelib", "platlib")),
    f"{os.path.dirname(os.path.abspath(__file__))}{os.sep}",
)
_NAME_WANTED: Final = re.compile("cannot import name '([^']+)'")


def imported(name: str) -> ModuleType:
    """Import a module of the project.

    Raises:
        ModuleError: it is not there, or something in it or in what it imports fails.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise failure_in(name, error) from error


def shown(file: str | Path) -> str:
    """Return a path as seen from the working directory, if it is below that."""
    relative = os.path.relpath(file) if os.path.isabs(file) else str(file)
    # A path with many `..` is harder to read than the whole one.
    return str(file) if relative.startswith("..") else relative


def called_in(file: str) -> str | None:
    """Return the folder above this one that has a file of a project, as a remedy; None where none has it."""
    above = next((each for each in Path.cwd().parents if (each / file).is_file()), None)
    return None if above is None else f"call this in the project's folder, which is {above}"


def is_authors(file: str) -> bool:
    """Return whether a file of a traceback is the author's: none of Python, of this library or of a package."""
    return not file.startswith(_NOT_THE_AUTHORS)


def authors_frames(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Return the lines of the author's own files that an error came by, outermost first."""
    return [each for each in traceback.extract_tb(error.__traceback__) if is_authors(each.filename)]


def authors_traceback(error: BaseException) -> TracebackType | None:
    """Return an error's traceback from the first line of the author's own files on."""
    found = error.__traceback__
    while found is not None and not is_authors(found.tb_frame.f_code.co_filename):
        found = found.tb_next
    return found


def place_of(cls: type[Any]) -> tuple[str, int]:
    """Return the file and the line of a class; where they cannot be found, its module and 0."""
    try:
        return shown(inspect.getfile(cls)), inspect.findsource(cls)[1] + 1
    except (OSError, TypeError):
        return cls.__module__, 0


def failure_in(name: str, error: Exception) -> ModuleError:
    """Return what says that a module of the author's, or a function of it, fails: with the author's own line."""
    places = [f"{shown(each.filename)}:{each.lineno}" for each in authors_frames(error)]
    # A file that cannot be compiled has no frame in the traceback: the place is in the error itself.
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        places.append(f"{shown(error.filename)}:{error.lineno}")
    if not places:
        file = f"{name.replace('.', os.sep)}.py"
        remedy = called_in(file) or "write it, or call this in the project's folder"
        return ModuleError(name, "", f"there is no {file} in {Path.cwd()}", remedy)
    *by, place = places
    found, remedy = _said(error)
    return ModuleError(name, place, found + (f" (by way of {', '.join(reversed(by))})" if by else ""), remedy)


def _said(error: Exception) -> tuple[str, str]:
    """Return what an error says, and the remedy."""
    said = f"{type(error).__name__}: {error}"
    match error:
        case DurableError():
            found, _, remedy = str(error).rpartition("; ")
            return (found, remedy) if found else (remedy, "mend it there")
        case SyntaxError(msg=message, text=text):
            return f"{type(error).__name__}: {message}" + (f": `{text.strip()}`" if text else ""), "mend the line"
        case ImportError(name="durable"):
            return (
                said,
                f"{_nearest(error)}docs/from-cloudflare.md says what there is, and what to use for what there is not",
            )
        case ModuleNotFoundError():
            return said, _installing(error) or "write the module, or install its package into this environment"
        case ImportError(msg=message) if "partially initialized" in message:
            return said, "the modules import each other: move what both need into a third one"
        case ImportError():
            return said, f"{_nearest(error)}import a name that the module has"
    return said, "mend it there"


def _installing(error: ModuleNotFoundError) -> str | None:
    """Return how to get a package that an extra of this library brings, as the beginning of a remedy."""
    from durable.installation import extra_of

    extra = extra_of(error)
    return None if extra is None else f"install the extra {extra}: pip install 'durable-workflows[{extra}]'"


def _nearest(error: ImportError) -> str:
    """Return the name that is like the one that a module does not have, as the beginning of a remedy."""
    from difflib import get_close_matches  # Lambdas import this module, and need no differences

    wanted = _NAME_WANTED.match(error.msg)
    module = sys.modules.get(error.name or "")
    # Before Python 3.12 the name that was asked for stands in the message alone.
    close = (
        get_close_matches(wanted[1], [each for each in vars(module) if each[0] != "_"], 1, 0.5)
        if wanted and module
        else []
    )
    return f"did you mean {close[0]}? " if close else ""
