"""Callbacks in a template: the steps that hand them out know the URL of the worker, and nothing goes in a circle."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from durable.bindings.workflow import MachineKind
from tests.integration.cdk.conftest import Synthesise, printing_on
from tests.integration.cdk.template import Template, references, text


def url(template: Template) -> str:
    function = template.functions()["tests.integration.cdk.printing:begin_print"]
    return text(function["Properties"]["Environment"]["Variables"]["DURABLE_URL"])


def has_an_order(template: Template) -> bool:
    graph = {each: set(references(part)) & set(template.resources) for each, part in template.resources.items()}
    return len(list(TopologicalSorter(graph).static_order())) == len(template.resources)


def test_a_step_knows_the_url_of_an_http_api(printing: Template) -> None:
    api = printing.one("ApiGatewayV2::Api")[0]
    assert url(printing) == f"<{api}.ApiEndpoint>/"
    assert has_an_order(printing)


@pytest.mark.parametrize("kind", ["standard", "express"])
def test_a_step_knows_the_url_of_a_rest_api(synthesise: Synthesise, tmp_path: Path, kind: MachineKind) -> None:
    template = synthesise(tmp_path, project=printing_on(kind, "rest"))
    api = template.one("ApiGateway::RestApi")[0]
    assert url(template) == f"https://<{api}>.execute-api.<AWS::Region>.<AWS::URLSuffix>/dev/"
    assert has_an_order(template)
