"""How this library is installed: from where, and which extra brings a package that is missing.

It imports the standard library alone: it is what speaks when nothing else can be imported.
"""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

NAME: Final = "durable-workflows"
EXTRA_OF: Final = {
    "aurora_dsql_psycopg": "database",
    "aurora_dsql_sqlalchemy": "database",
    "aws_cdk": "cdk",
    "aws_lambda_powertools": "local",
    "boto3": "cdk",
    "botocore": "cdk",
    "cdk_nag": "cdk",
    "click": "local",
    "constructs": "cdk",
    "dotenv": "local",
    "httptools": "local",
    "jsonata": "local",
    "jwt": "jwt",
    "opentelemetry": "otel",
    "psycopg": "database",
    "psycopg_pool": "database",
    "pydantic": "local",
    "pytest": "test",
    "rich": "local",
    "sqlalchemy": "database",
    "starlette": "local",
    "trustme": "cdk",
    "typing_extensions": "local",
    "uvicorn": "local",
    "watchfiles": "local",
}
"""The extra of the distribution that brings a package, by the name that is imported."""


def requirement(*extras: str) -> str:
    """Return the requirement by which pip installs this library again, from the same place, with these extras."""
    named = f"{NAME}[{','.join(extras)}]" if extras else NAME
    url = _url()
    if url is not None:
        return f"{named} @ {url}"
    from durable import __version__

    return f"{named}=={__version__}"


def extra_of(error: ModuleNotFoundError) -> str | None:
    """Return the extra of the distribution that brings the package which was not found; None where none does."""
    return EXTRA_OF.get((error.name or "").partition(".")[0])


def lacking(error: ModuleNotFoundError) -> str | None:
    """Return which package is missing and how to get it; None where it is none that the library needs."""
    extra = extra_of(error)
    if extra is None:
        return None
    package = (error.name or "").partition(".")[0]
    return f"{sys.executable} has no package {package}, which this command needs; {_remedy(extra)}"


def _remedy(extra: str) -> str:
    # A project has an environment of its own, and another Python was called: nothing has to be installed then.
    own = Path(".venv", "bin", "python")
    if own.exists() and own.parent.parent.resolve() != Path(sys.prefix).resolve():
        return f"use the environment of this folder: {own} -m durable"
    return f"install it in a virtual environment: pip install {shlex.quote(requirement(extra))}"


def _url() -> str | None:
    """Return where the library was installed from; None where that was a package index."""
    try:
        return _recorded(distribution(NAME))
    except PackageNotFoundError:  # it is imported from its sources
        return Path(__file__).resolve().parents[1].as_uri()


def _recorded(installed: Distribution) -> str | None:
    """Return the URL that pip recorded in direct_url.json (PEP 610)."""
    text = installed.read_text("direct_url.json")
    if text is None:
        return None
    recorded: dict[str, Any] = json.loads(text)
    url: str = recorded["url"]
    # The commit, and not the branch: a new project gets the code that wrote it.
    if vcs := recorded.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return url
