"""Which methods of a binding a function calls: it is granted what these need, and no more."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any, Final

_READS_NAMES: Final = frozenset({"locals", "globals", "vars", "eval", "exec"})
"""What reaches a parameter without naming it."""


def methods_called(function: Callable[..., Any], parameter: str) -> frozenset[str] | None:
    """Return the methods that a function, and what is nested in it, names on a parameter: `orders.pause(…)`.

    Returns None where it cannot be known, which stands for all of them: the function does something else with the
    parameter, as to hand it on, or has no source.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    methods = {
        id(each.value): each.attr
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
    }
    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    if any(each.id in _READS_NAMES for each in names):
        return None
    # A name that no method is read from (`f(orders)`, `x = orders`) goes where nobody follows it: that stands for all
    # methods.
    found = [methods.get(id(each)) for each in names if each.id == parameter]
    return None if None in found else frozenset(each for each in found if each is not None)
