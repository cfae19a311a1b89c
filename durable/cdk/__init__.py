"""A project's declarations as an AWS CDK stack.

The names are imported on first use: `import aws_cdk` starts a Node process, and the rehearsal needs none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from durable.cdk.foundation.node import use_own_node

if TYPE_CHECKING:  # for type checkers; at run time __getattr__ imports them
    from durable.cdk.application import synthesise
    from durable.cdk.deployment.deployment import Deployment
    from durable.cdk.foundation.options import FunctionOptions, Options
    from durable.cdk.foundation.settings import Settings
    from durable.cdk.stack import DurableStack

__all__ = ["Deployment", "DurableStack", "FunctionOptions", "Options", "Settings", "synthesise"]

_MODULES: Final = {
    "Deployment": "deployment.deployment",
    "DurableStack": "stack",
    "FunctionOptions": "foundation.options",
    "Options": "foundation.options",
    "Settings": "foundation.settings",
    "synthesise": "application",
}

use_own_node()  # before anything imports aws_cdk


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
