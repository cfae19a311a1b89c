"""Others' checks of the template: cfn-lint, cdk-nag, CDK's own validation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_s3 as s3

from durable.cdk import DurableStack, Options, application
from durable.cdk.nag import acknowledge
from durable.cdk.toolkit import VERSION
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import Synthesise
from tests.integration.cdk.template import Template

ROOT = Path(__file__).resolve().parents[3]
IGNORED = ("E3601", "W3005")
"""E3601 takes JSONata for a mistake; W3005 is of the DependsOn that CDK writes beside each role."""


@pytest.mark.slow
def test_cfn_lint_has_nothing_to_say(dev: Template, everything: Template) -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", *IGNORED]
    done = subprocess.run([*command, "--", dev.path, everything.path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_cdk_nag_and_cdks_own_rules_are_on_and_found_nothing(dev: Template, everything: Template) -> None:
    for each in (dev, everything):
        report = json.loads((each.path.parent / "validation-report.json").read_text())
        assert report["pluginReports"] == []
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    assert flags["@aws-cdk/core:validateAgainstDefaultRules"] is True


def test_a_finding_that_nobody_gave_a_reason_for_stops_the_synthesis(
    synthesise: Synthesise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(construct: Any, rule: str, reason: str) -> None:
        if rule != "DDB3":
            acknowledge(construct, rule, reason)

    monkeypatch.setattr("durable.cdk.foundation.table.acknowledge", silent)
    with pytest.raises(RuntimeError, match="AwsSolutions-DDB3"):
        synthesise(tmp_path)


def test_findings_are_told_in_sentences_with_their_place(tmp_path: Path) -> None:
    class Own(DurableStack):
        def options(self) -> Options:
            s3.CfnBucket(self, "Mine", bucket_name="Not A Name")
            return Options()

    app = application.application(Project("app", ()), {"STAGE": "dev"}, root=ROOT, stack=Own, outdir=str(tmp_path))
    with pytest.raises(DeclarationError) as raised:
        application._synthesise(app)
    (said, *_) = (each for each in raised.value.problems if "BucketName" in each)
    assert "Not A Name" in said
    assert "at durable-workflows-dev/Mine; mend what app.py, stages.toml or infra/stack.py says of it" in said


def test_the_cdk_cli_is_pinned_and_its_lock_names_no_registry() -> None:
    folder = ROOT / "durable" / "cdk" / "cli"
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert lock["node_modules/aws-cdk"]["version"] == VERSION
    assert all("integrity" in each for name, each in lock.items() if name)
    sources = [each["resolved"] for each in lock.values() if "resolved" in each]
    assert [each for each in sources if not each.startswith("https://registry.npmjs.org/")] == []
