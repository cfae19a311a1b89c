"""How a command ends: exit codes that scripts can use, and errors as sentences or JSON on standard error."""

from __future__ import annotations

import errno
import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, ParamSpec, TypeVar

import click

from durable.control_characters import escaped
from durable.errors import DurableError
from durable.installation import lacking

P = ParamSpec("P")
T = TypeVar("T")

FAILED: Final = 1
"""The run that was followed ended errored or terminated; or a compiled file is stale."""
WRONG: Final = 2
"""The command line, the project or the input is not as it must be."""
MISSING: Final = 3
"""There is no such workflow, run or stage."""
REFUSED: Final = 4
"""The transition does not fit the status of the run, or the id is taken."""
UNAVAILABLE: Final = 5
"""The server is not there, is busy, does not let in, or failed."""
INTERRUPTED: Final = 130
"""Ctrl-C."""

BY_STATUS: Final = {400: WRONG, 404: MISSING, 409: REFUSED, 413: WRONG, 415: WRONG, 422: WRONG}
"""The exit code of an answer; every other one is UNAVAILABLE."""

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_MACHINE: Final = (
    *_FULL,
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.EMFILE),
)
"""Faults of files and folders that a command meets: what it asks of a server is told by that, and all else is a bug."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON; errors too.")


class CommandError(DurableError):
    """A command could not do what it was asked to.

    Args:
        message: what is printed.
        code: the exit code.
        status: that of the answer, if there was one.
        errors: the fields that the answer says are wrong, each with its `field` and `message`.
    """

    def __init__(
        self, message: str, code: int, *, status: int | None = None, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        self.code, self.status, self.errors = code, status, errors
        super().__init__(message)


def sentences(command: Callable[P, T]) -> Callable[P, T]:
    """Turn an error of ours, or a package that is not installed, into sentences and an exit code; or into JSON."""

    @functools.wraps(command)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except CommandError as error:
            print_error(str(error), kwargs.get("as_json"), {"status": error.status} if error.status else {})
            sys.exit(error.code)
        except DurableError as error:
            print_error(str(error), kwargs.get("as_json"))
            sys.exit(WRONG)
        except ModuleNotFoundError as error:
            said = lacking(error)
            if said is None:
                raise  # a fault of the project's code, or of ours: the traceback says where
            print_error(said, kwargs.get("as_json"))
            sys.exit(WRONG)
        except OSError as error:
            if error.errno not in _OF_THE_MACHINE:
                raise
            print_error(_unusable(error), kwargs.get("as_json"))
            sys.exit(WRONG)
        except Exception as error:
            refused = _of_aws(error)
            if refused is None:
                raise
            print_error(refused, kwargs.get("as_json"))
            sys.exit(UNAVAILABLE)

    return called


def _of_aws(error: Exception) -> str | None:
    """Return what an error of boto3 says, with the remedy; None for an error of another kind."""
    if "botocore" not in sys.modules:  # most commands do without it, and some machines
        return None
    from botocore.exceptions import BotoCoreError, ClientError

    from durable.cli.refusals import sentence

    return sentence(error, "AWS refuses this") if isinstance(error, BotoCoreError | ClientError) else None


def _unusable(error: OSError) -> str:
    """Return what an error of a file or a folder says, and the remedy."""
    where = f"{error.filename}: " if error.filename else ""
    remedy = "make room on the disk" if error.errno in _FULL else "see that you may read and write there"
    return f"{where}{error.strerror or type(error).__name__}; {remedy}, and call this again"


def print_error(error: str, as_json: object, more: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Print an error on standard error, as JSON with what is more to it, or as it is."""
    click.echo(json.dumps({"error": error, **more}) if as_json else escaped(error), err=True)
