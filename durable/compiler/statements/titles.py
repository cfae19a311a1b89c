"""Names of steps that are computed, as `f"send {user.id}"`: what is written of one names the step, the rest its title.

A step has one name, known when compiling, under which it has a Lambda and a place in the record: `send *`. What the
run makes of the name is data, the step's title, which is shown to operators; no key and no log holds it.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from durable.compiler.expressions import options
from durable.compiler.expressions.options import Resolve
from durable.compiler.source.problems import Refused

COMPUTED: Final = "*"
"""What stands in a step's name for a part that is known in the run only."""


def template(node: ast.expr, resolve: Resolve) -> str | None:
    """Return the name of a step, with `*` for each part that is computed; None where none of it is written."""
    written = re.sub(r"\*+", COMPUTED, _written(node, resolve))
    return written if re.search(r"\w", written) else None


def _written(node: ast.expr, resolve: Resolve) -> str:
    match node:
        case ast.JoinedStr(parts):
            return "".join(_written(each, resolve) for each in parts)
        case ast.BinOp(left, ast.Add(), right):
            return _written(left, resolve) + _written(right, resolve)
        case ast.FormattedValue(value, -1, None):
            return _written(value, resolve)
    try:
        value = options.constant(node, resolve)
    except Refused:
        return COMPUTED
    return str(value) if isinstance(value, (str, int)) else COMPUTED
