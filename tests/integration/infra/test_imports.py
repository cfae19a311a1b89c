"""What a cold start imports: from the very zip and wheels, in the environment that the template gives each Lambda."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.packaging import HOST, code_zip, layer
from tests.integration.infra.template import Template, text

ROOT = Path(__file__).resolve().parents[3]
STEP = "functions.onboarding."
NEVER = ("aws_cdk", "jsii", "constructs", "app", "infra", "sqlite3", "starlette", "uvicorn", "boto3")
NEVER_OURS = ("durable.compiler", "durable.local", "durable.testing")
REPORT = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"

BUDGETS = {
    f"{STEP}validate_user:validate_user": 3.5,
    f"{STEP}create_profile:create_profile": 3.5,
    f"{STEP}send_welcome_email:send_welcome_email": 3.5,
    f"{STEP}initialize_settings:initialize_settings": 3.5,
    f"{STEP}deliver_email:deliver_email": 3.5,
    "worker": 5.0,
    "operations": 5.0,
    "closer": 2.5,
    "sweep": 2.5,
    "changes": 2.5,
}
"""Processor time of a cold import, in times of importing pydantic alone."""

Import = Callable[[str, Mapping[str, str]], tuple[float, list[str]]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Import:
    """Return a function that runs code in a fresh interpreter, and returns its processor time and its modules."""
    folder = tmp_path_factory.mktemp("lambda")
    code = folder / "code"
    with zipfile.ZipFile(code_zip(ROOT, cache=folder)) as archive:
        archive.extractall(code)
    wheels = layer(ROOT / "functions" / "requirements.txt", cache=ROOT / ".cache", target=HOST) / "python"

    def run(script: str, environment: Mapping[str, str]) -> tuple[float, list[str]]:
        variables = dict(environment) | {"PYTHONPATH": f"{code}:{wheels}", "AWS_REGION": "us-east-1"}
        before = _spent()
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
        return _spent() - before, modules

    return run


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment(function: Mapping[str, Any]) -> dict[str, str]:
    return {name: text(value) for name, value in function["Properties"]["Environment"]["Variables"].items()}


def test_each_lambda_has_a_budget(dev: Template) -> None:
    assert set(dev.functions()) == set(BUDGETS)


@pytest.mark.parametrize(("function", "budget"), BUDGETS.items())
def test_a_cold_start_imports_what_it_needs_within_its_budget(
    dev: Template, fresh: Import, function: str, budget: float
) -> None:
    environment = _environment(dev.functions()[function])
    # a first run each writes the byte code, which a layer of AWS's does not have either
    alone = min(fresh("import pydantic; pydantic.TypeAdapter(int)", {})[0] for _ in range(3))
    runs = [fresh("import durable.runtime.entry", environment) for _ in range(3)]
    modules = runs[-1][1]
    assert [name for name in modules if name.split(".")[0] in NEVER or name.startswith(NEVER_OURS)] == []
    assert min(seconds for seconds, _ in runs) <= budget * alone


def test_the_apis_lambda_imports_no_step(dev: Template, fresh: Import) -> None:
    _, modules = fresh("import durable.runtime.entry", _environment(dev.functions()["closer"]))
    assert [name for name in modules if name.startswith(("functions.", "statemachines."))] == []
