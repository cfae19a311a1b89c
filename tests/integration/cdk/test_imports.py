"""What a cold start imports: from the very zip and wheels, in the environment that the template gives each Lambda."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from durable.cdk.foundation.packaging import HOST, code_zip, layer
from durable.cdk.foundation.sources import project_files
from tests.integration.cdk.template import Template, text

ROOT = Path(__file__).resolve().parents[3]
STEP = "functions.onboarding."
NEVER = ("aws_cdk", "jsii", "constructs", "app", "infra", "sqlite3", "starlette", "uvicorn", "boto3")
NEVER_OURS = ("durable.compiler", "durable.local", "durable.testing")
REPORT = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"

LAMBDAS = (
    f"{STEP}validate_user:validate_user",
    f"{STEP}create_profile:create_profile",
    f"{STEP}send_welcome_email:send_welcome_email",
    f"{STEP}initialize_settings:initialize_settings",
    f"{STEP}deliver_email:deliver_email",
    *("worker", "operations", "completion", "reconciler", "changes", "versions"),
)

Import = Callable[[str, Mapping[str, str]], list[str]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Import:
    """Return a function that runs code in a fresh interpreter, and returns the modules that it imported."""
    folder = tmp_path_factory.mktemp("lambda")
    code = folder / "code"
    wheels = layer(ROOT / "functions" / "requirements.txt", cache=ROOT / ".cache", target=HOST)
    modules = [
        *(each.rpartition(":")[0] for each in LAMBDAS if ":" in each),
        "functions.api",
        "statemachines.onboarding",
    ]
    with zipfile.ZipFile(code_zip(project_files(ROOT, modules, wheels.packages), cache=folder)) as archive:
        archive.extractall(code)

    def run(script: str, environment: Mapping[str, str]) -> list[str]:
        variables = dict(environment) | {"PYTHONPATH": f"{code}:{wheels.folder / 'python'}", "AWS_REGION": "us-east-1"}
        done = subprocess.run(
            [sys.executable, "-S", "-c", script + REPORT],
            env=variables,
            cwd=code,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        modules: list[str] = json.loads(done.stdout.splitlines()[-1])
        return modules

    return run


def _environment(function: Mapping[str, Any]) -> dict[str, str]:
    return {name: text(value) for name, value in function["Properties"]["Environment"]["Variables"].items()}


def test_every_lambda_is_looked_at(dev: Template) -> None:
    assert set(dev.functions()) == set(LAMBDAS)


@pytest.mark.slow
@pytest.mark.parametrize("function", LAMBDAS)
def test_a_lambda_starts_from_what_it_is_shipped(dev: Template, fresh: Import, function: str) -> None:
    modules = fresh("import durable.aws.entry", _environment(dev.functions()[function]))
    assert [name for name in modules if name.split(".")[0] in NEVER or name.startswith(NEVER_OURS)] == []


@pytest.mark.slow
def test_the_apis_lambda_imports_no_step(dev: Template, fresh: Import) -> None:
    modules = fresh("import durable.aws.entry", _environment(dev.functions()["completion"]))
    assert [name for name in modules if name.startswith(("functions.", "statemachines."))] == []
