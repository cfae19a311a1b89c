"""What the commands that deploy make of the CDK CLI, and what they refuse before it is begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from durable.cdk.toolkit import VERSION
from tests.sweeps import sweep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
CLI = """
const { STAGE, CDK_VALIDATION } = process.env;
console.log(JSON.stringify({ arguments: process.argv.slice(2), stage: STAGE, validation: CDK_VALIDATION }));
process.exit(7);
"""
SIGNED = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SIGNING = ["diff", "bootstrap", "deploy", "destroy"]
Durable = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an app.py, and what stands where the CDK CLI is installed: it tells how it was called."""
    (tmp_path / "app.py").touch()
    cli = tmp_path / ".cache" / f"aws-cdk-{VERSION}" / "node_modules" / "aws-cdk" / "bin" / "cdk"
    cli.parent.mkdir(parents=True)
    cli.write_text(CLI)
    return tmp_path


@pytest.fixture
def durable(project: Path) -> Durable:
    """Calls the command in a project's folder, without AWS credentials."""

    def call(*arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        nobody = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        return subprocess.run(
            [sys.executable, "-m", "durable", *arguments],
            cwd=project,
            env={"PYTHONPATH": f"{project}:{ROOT}", "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
            | nobody
            | dict(more or {}),
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.mark.parametrize("verb", sweep(["synth", *SIGNING], quick=2))
def test_the_cdk_cli_is_called_with_this_python_and_the_stage(durable: Durable, verb: str) -> None:
    done = durable(verb, "--stage", "prod", "--", "--quiet", "-c", "alarmTopic=x", more=SIGNED)

    said = json.loads(done.stdout)
    assert said["arguments"] == [
        *(verb, "--app", f"{sys.executable} app.py", "--quiet", "-c", "alarmTopic=x", "--no-notices"),
    ]
    assert said["stage"] == "prod"
    assert done.returncode == 7


@pytest.mark.parametrize("verb", ["synth", *SIGNING])
def test_templates_are_validated_but_for_what_deploys_none(durable: Durable, verb: str) -> None:
    validation = json.loads(durable(verb, more=SIGNED).stdout).get("validation")
    assert validation == ("false" if verb == "destroy" else None)


@pytest.mark.parametrize(("more", "stage"), [({}, "dev"), ({"STAGE": "test"}, "test")])
def test_the_stage_is_dev_or_what_the_environment_says(durable: Durable, more: dict[str, str], stage: str) -> None:
    assert json.loads(durable("synth", more=more).stdout)["stage"] == stage


@pytest.mark.parametrize("verb", sweep(SIGNING))
def test_without_credentials_a_deployment_is_refused_at_once(durable: Durable, verb: str) -> None:
    done = durable(verb)

    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "there are no AWS credentials; set AWS_PROFILE, or run `aws configure`\n"


@pytest.mark.parametrize("verb", sweep(["synth", "rehearse", *SIGNING]))
def test_without_cdk_a_deployment_is_refused_with_a_sentence(durable: Durable, project: Path, verb: str) -> None:
    (project / "sitecustomize.py").write_text("import sys\nsys.modules['aws_cdk'] = None\n")

    done = durable(verb)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{sys.executable} has no package aws_cdk, which this command needs; ")
    assert "durable-workflows[cdk]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", sweep(["synth", "rehearse", *SIGNING]))
def test_outside_of_a_project_there_is_nothing_to_deploy(durable: Durable, project: Path, verb: str) -> None:
    (project / "app.py").unlink()

    done = durable(verb, more=SIGNED)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"there is no app.py in {project}; call this in the project's folder\n"
