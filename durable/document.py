"""The OpenAPI document of a project, public and operators' routes as one: what `durable openapi` keeps for readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from durable.build import api_of
from durable.http.openapi import document
from durable.operations.routes import operations
from durable.project import Project

PATH: Final = Path("docs/openapi.json")
_SERVERS: Final = (
    {
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "description": "a deployment; `durable deploy` prints its URL, in which a REST API's stage comes last",
        "variables": {
            "api": {"default": "api", "description": "the id that API Gateway gave it"},
            "region": {"default": "us-east-1"},
        },
    },
    {"url": "http://127.0.0.1:8787", "description": "`durable dev`, which asks for no signature"},
)


def document_text(project: Project) -> str:
    """Return the document as JSON text: the same for the same declarations."""
    apis = [api_of(each, each.uses()) for each in project.workers if each.url]
    operator = operations({each.name: each for each in project.workflows})
    made: dict[str, Any] = document([*apis, operator], title="Durable workflows", servers=_SERVERS)
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
