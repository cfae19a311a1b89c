"""What is refused when synthesising: bindings that have no counterpart on AWS here, and what others' checks found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from durable.aws.resources import construct_id
from durable.bindings import Binding
from durable.errors import DeclarationError

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "d1": "D1 is SQLite beside a Worker, and AWS runs no such thing; use a Database",
        "durable-object": "nothing on AWS keeps one addressable object in memory; use a workflow for what it does,"
        " and a KVNamespace with update and if_version for what it guards",
        "hyperdrive": "it pools connections from Cloudflare's edge; on AWS use RDS Proxy from a step",
        "ai": "its models are Cloudflare's; call Amazon Bedrock from a step, by AWSService('bedrock-runtime', …)",
        "browser": "AWS rents no browsers; run one in a container and call it from a step",
        "analytics": "it is Cloudflare's own store; write metrics with Powertools from a step",
        "assets": "static files want a CDN; use S3 with CloudFront beside this stack",
        "ratelimit": "API Gateway throttles the routes already; a limit for each client is ApiKeys(limit=)",
    }
)
_OTHER: Final = (
    "there is no translation for it; use one of the bindings of `durable`, or add a construct in infra/stack.py"
)

_SEVERE: Final = ("error", "fatal")


def refusals(bindings: Iterable[Binding], known: Iterable[str]) -> list[str]:
    """Return a sentence for each binding of a kind that is not known."""
    translated = frozenset(known)
    return [
        f"{each!r} cannot be deployed to AWS: {REASONS.get(each.kind, _OTHER)}"
        for each in bindings
        if each.kind not in translated
    ]


def findings(folder: Path) -> Iterator[str]:
    """Yield a sentence for each thing that CDK's checks and cdk-nag found in the templates of a cloud assembly."""
    path = folder / "validation-report.json"
    report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for each in (found for plugin in report.get("pluginReports", ()) for found in plugin["violations"]):
        if each["severity"] in _SEVERE:
            places = ", ".join(sorted({place["constructPath"] for place in each["violatingConstructs"]}))
            yield (
                f"{each['description']} ({each['ruleName']}), at {places}; mend what app.py, stages.toml or"
                " infra/stack.py says of it"
            )


def same_ids(bindings: Iterable[Binding]) -> Iterator[str]:
    """Yield a sentence for each binding whose construct would have the id of another one's: `a-1` and `a1` are both A1.

    The ids stay as they are: they name the resources of stages that are deployed.
    """
    known: dict[str, Binding] = {}
    for each in bindings:
        id = construct_id(each)
        other = known.setdefault(id, each)
        if other is not each:
            yield f"{other!r} and {each!r} would both be {id} on AWS; give one of them another name"


def refuse(problems: Iterable[str]) -> None:
    """Raise all problems at once.

    Raises:
        DeclarationError: there is one.
    """
    found = list(problems)
    if found:
        raise DeclarationError(found)
