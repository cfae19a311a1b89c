"""Sweeps over many values, of which `make test` runs a few and `make check` all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sweep(values: Iterable[Any], *, quick: int = 1) -> list[Any]:
    """Return the values as parameters of a test; all but the first so many are marked as slow."""
    return [each if at < quick else pytest.param(each, marks=pytest.mark.slow) for at, each in enumerate(values)]
