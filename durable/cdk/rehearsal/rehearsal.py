"""Deploy a project to MiniStack, and see that what was deployed works."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from durable.aws.resources import url_output
from durable.bindings import SendEmail
from durable.cdk.rehearsal.api import Api
from durable.cdk.rehearsal.cdk import Cdk
from durable.cdk.rehearsal.server import MiniStack, RehearsalError, installed, ministack
from durable.cdk.toolkit import ToolkitError, command
from durable.document import document_text
from durable.project import Project, load

Echo = Callable[[str], Any]

_SAY: Final[Echo] = partial(print, flush=True)
_OPERATORS: Final = "/api/workflows"
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A deployed project.

    Attributes:
        apis: the API of each Worker that has a URL, by its name.
        echo: says a line to whoever watches.
    """

    project: Project
    server: MiniStack
    apis: Mapping[str, Api]
    echo: Echo

    @property
    def api(self) -> Api:
        """The first API.

        Raises:
            RehearsalError: there is none.
        """
        for each in self.apis.values():
            return each
        raise RehearsalError("nothing in app.py can be reached from outside; give a Worker url=True")

    def verify(self, address: str) -> None:
        """Have SES take an e-mail address as verified, as the owner of an account does by hand."""
        self.server.client("sesv2").create_email_identity(EmailIdentity=address)


def answers(rehearsal: Rehearsal) -> bool:
    """Call every route of every API that takes no parameter; True if each API answered and none with a 5xx."""
    if not rehearsal.apis:
        rehearsal.echo("it is deployed; nothing is called, since no Worker of app.py has url=True")
    document = json.loads(document_text(rehearsal.project))
    routes = [
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if not path.startswith(_OPERATORS)
    ]
    well = True
    for name, api in rehearsal.apis.items():
        rehearsal.echo(f"{name}: {api.url}")
        for method, path in routes:
            rehearsal.echo(f"  {method} {path}")
        # A parameter would have to be made up, and anything but GET might change something.
        plain = [path for method, path in routes if method == "GET" and "{" not in path]
        for path in plain or ["/"]:
            answer = api.call("GET", path)
            rehearsal.echo(f"  GET {path} answered {answer.status}")
            well = well and answer.status < _SERVER_ERROR
    return well


def rehearse(
    project_root: Path,
    *,
    stage: str = "rehearsal",
    echo: Echo = _SAY,
    check: Callable[[Rehearsal], bool] = answers,
) -> int:
    """Deploy the project of a folder to MiniStack by the real CDK CLI, check it and take everything down again.

    Returns an exit code: 0 where the check passed.

    Args:
        check: what is done with the deployment; by default each API is called.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    try:
        with _deployed(project_root.resolve(), stage, echo) as rehearsal:
            return 0 if check(rehearsal) else 1
    except (RehearsalError, ToolkitError) as error:
        echo(str(error))
        return 1
    except KeyboardInterrupt:
        echo("stopped")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _deployed(root: Path, stage: str, echo: Echo) -> Iterator[Rehearsal]:
    cache = root / ".cache"
    cache.mkdir(exist_ok=True)
    project = _project(root)
    with _timed("install the CDK CLI and MiniStack, where they are missing", echo):
        command(cache)
        installed(cache)
    with ministack(cache) as server:
        cdk = Cdk(root, server.environment(), stage, cache / "cdk.out-rehearsal")
        with _timed("cdk bootstrap", echo):
            cdk.bootstrap()
        with _timed("cdk deploy", echo):
            outputs = cdk.deploy()
        urls = {each.name: outputs[url_output(each.name)[0]] for each in project.workers if each.url}
        rehearsal = Rehearsal(project, server, {name: Api(url, server) for name, url in urls.items()}, echo)
        for each in project.declarations:
            if isinstance(each, SendEmail):
                rehearsal.verify(each.sender)
        yield rehearsal


def _project(root: Path) -> Project:
    # `app` is the project's own module, wherever this was called.
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return load("app")


@contextmanager
def _timed(what: str, echo: Echo) -> Iterator[None]:
    begun = time.monotonic()
    echo(f"{what} …")
    yield
    echo(f"  done in {time.monotonic() - begun:.1f} s")
