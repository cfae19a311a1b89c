"""What is pinned in two places is the same in both."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_npx_takes_the_cdk_cli_that_package_json_pins() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]
    assert f"package=aws-cdk@{pinned}" in (ROOT / ".npmrc").read_text().splitlines()
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]["version"]
    assert locked == pinned


def test_the_rehearsal_has_the_boto3_that_the_tests_have() -> None:
    from durable.cdk.packaging import HOST

    (pinned,) = (line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("boto3=="))
    assert HOST.extra == (pinned,)
