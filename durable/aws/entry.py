"""The one handler of every Lambda. The environment's DURABLE_ENTRY names its module in `durable.aws.entries`."""

from __future__ import annotations

import os
from importlib import import_module

from durable.aws.environment import Environment, Handler


def entry(environment: Environment) -> Handler:
    """Return the handler that an environment describes."""
    handler: Handler = import_module(f"durable.aws.entries.{environment['DURABLE_ENTRY']}").handler_of(environment)
    return handler


if "DURABLE_ENTRY" in os.environ:
    handler = entry(os.environ)
