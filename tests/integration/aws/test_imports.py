"""What a Lambda imports before its first event: what it needs, and nothing that takes long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.aws.deployment import CONSUMER, STEP
from tests.integration.aws.events import REGION
from tests.integration.cdk.template import Template

ROOT: Final = Path(__file__).resolve().parents[3]
STEPS: Final = (
    f"{STEP}validate_user:validate_user",
    f"{STEP}create_profile:create_profile",
    f"{STEP}send_welcome_email:send_welcome_email",
    f"{STEP}initialize_settings:initialize_settings",
)
LAMBDAS: Final = (*STEPS, CONSUMER, "worker", "operations", "completion", "reconciler", "changes", "versions")

NOT_SHIPPED: Final = (
    *("durable.compiler", "durable.local", "durable.testing", "durable.build", "durable.check", "durable.cli"),
    *("infra", "app", "tests", "bench", "aws_cdk", "constructs", "jsii", "jsonata", "starlette", "uvicorn", "pytest"),
)
HEAVY: Final = (
    *("boto3", "s3transfer", "botocore.session", "botocore.client", "botocore.loaders", "requests", "urllib3"),
    *("dns", "asyncio", "http.server", "sqlite3", "multiprocessing", "concurrent.futures", "xml"),
    *(
        "aws_lambda_powertools.event_handler",
        "aws_lambda_powertools.utilities.parser",
        "aws_lambda_powertools.utilities.idempotency",
    ),
    *("aws_lambda_powertools.utilities.parameters", "aws_xray_sdk", "jsonschema"),
)
FOR_HTTP: Final = ("durable.http", "durable.runs.runs")
OF_OTHERS: Final = ("functions.api", "statemachines", "durable.operations.reconciler", "durable.operations.completion")

DEPENDENCIES: Final = frozenset(
    {
        *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
        *("aws_lambda_powertools", "jmespath", "email_validator", "idna", "botocore"),
        *("durable", "functions", "statemachines"),
    }
)
"""All that a Lambda may import beside the standard library; of botocore its logging only, which Powertools uses."""

MOST_MODULES: Final = (
    dict.fromkeys((*STEPS, CONSUMER), 228)
    | {"worker": 300, "operations": 311}
    | {
        "completion": 177,
        "reconciler": 178,
        "changes": 161,
        "versions": 159,
    }
)
"""Beyond what pydantic imports, which is 100. A step's are 228 today: Powertools, email-validator, their use of the
standard library, and 81 of our own. boto3's would be 200 more."""

_PROBE: Final = """
import json, sys
import {module}
print(json.dumps(sorted(sys.modules)))
"""
_PYDANTIC: Final = "pydantic; pydantic.BaseModel; pydantic.TypeAdapter"


@dataclass(frozen=True)
class Imported:
    """What a fresh interpreter imported."""

    modules: frozenset[str]

    def among(self, names: Iterable[str]) -> list[str]:
        """Return those of these modules, or packages, that were imported."""
        return [name for name in names if any(f"{each}.".startswith(f"{name}.") for each in self.modules)]


def fresh(module: str, environment: Mapping[str, str]) -> Imported:
    """Import a module in a new interpreter, which has no environment but this."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "AWS_REGION": REGION} | dict(environment)
    script = _PROBE.format(module=module)
    done = subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True)
    return Imported(frozenset(json.loads(done.stdout)))


def environment(template: Template, function: str) -> dict[str, str]:
    """Return a Lambda's environment; names known only when deployed are made up, which no import may look at."""
    variables = template.functions()[function]["Properties"]["Environment"]["Variables"]
    return {name: _made_up(value) for name, value in variables.items()}


def _made_up(value: Any) -> str:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_made_up(each) for each in parts)
        case str():
            return value
    return "made-up"


@pytest.fixture(scope="module")
def pydantic_alone() -> Imported:
    return fresh(_PYDANTIC, {})


@pytest.fixture(scope="module")
def imported(template: Template, pydantic_alone: Imported) -> dict[str, Imported]:
    """What each Lambda imports as it starts."""
    return {name: fresh("durable.aws.entry", environment(template, name)) for name in LAMBDAS}


def test_every_lambda_of_the_template_is_looked_at(template: Template) -> None:
    assert set(template.functions()) == set(LAMBDAS)


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_lambda_imports_nothing_that_it_is_not_shipped(imported: Mapping[str, Imported], name: str) -> None:
    assert imported[name].among(NOT_SHIPPED) == []
    tops = {each.partition(".")[0] for each in imported[name].modules}
    others = {each for each in tops if not each.startswith("_")} - set(sys.stdlib_module_names) - DEPENDENCIES
    assert others - _of_this_virtual_environment() == set()


@pytest.mark.parametrize("name", [*STEPS, CONSUMER])
def test_a_step_imports_nothing_heavy_and_nothing_of_the_api(imported: Mapping[str, Imported], name: str) -> None:
    assert imported[name].among([*HEAVY, *FOR_HTTP, *OF_OTHERS]) == []


@pytest.mark.parametrize("name", ["worker", "operations", "completion", "reconciler"])
def test_no_lambda_imports_boto3_before_it_is_called_nor_a_framework_for_http(
    imported: Mapping[str, Imported], name: str
) -> None:
    unneeded = ("boto3", "botocore.session", "botocore.client", "aws_lambda_powertools.event_handler")
    assert imported[name].among(unneeded) == []


@pytest.mark.parametrize("name", ["completion", "reconciler"])
def test_those_that_keep_the_record_import_neither_the_workflows_nor_http(
    imported: Mapping[str, Imported], name: str
) -> None:
    unneeded = ("functions", "statemachines", "durable.http", "aws_lambda_powertools.event_handler")
    assert imported[name].among(unneeded) == []


@pytest.mark.parametrize("name", STEPS)
def test_a_step_imports_its_own_function_and_clients_only(imported: Mapping[str, Imported], name: str) -> None:
    own = name.partition(":")[0]
    assert imported[name].among([each.partition(":")[0] for each in (*STEPS, CONSUMER)]) == [own]
    clients = {
        "durable.aws.kv": ("create_profile", "initialize_settings"),
        "durable.aws.queue": ("send_welcome_email",),
        "durable.aws.email": (),
        "durable.aws.machines": (),
    }
    wanted = [client for client, steps in clients.items() if own.rpartition(".")[2] in steps]
    assert imported[name].among(clients) == wanted


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_lambda_imports_few_modules(imported: Mapping[str, Imported], pydantic_alone: Imported, name: str) -> None:
    assert len(imported[name].modules - pydantic_alone.modules) <= MOST_MODULES[name]


def _of_this_virtual_environment() -> set[str]:
    """Return what Python itself imports as it starts here, as for packages that were installed editable."""
    return {each.partition(".")[0] for each in fresh("sys", {}).modules}
