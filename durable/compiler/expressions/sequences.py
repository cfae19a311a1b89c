"""Methods of lists and tuples: `xs.index(x)`, `xs.count(x)`, `xs.copy()`."""

from __future__ import annotations

import ast
from typing import Final

from durable.compiler.expressions.comparisons import refuse_unlike
from durable.compiler.expressions.refusals import refuse_any
from durable.compiler.source.problems import Refused
from durable.compiler.types.kinds import Kind, ListOf, TupleOf, is_list
from durable.compiler.types.terms import INTEGER, Expression, Formula

_ALIKE: Final = "$filter($a, function($_v) { $_v = $b })"
_FIRST: Final = f'($assert($count({_ALIKE}) > 0, "ValueError"); [$map($a, function($_v, $_k) {{ $_v = $b ? $_k }})][0])'


def method(
    node: ast.Call, of: Expression, kind: ListOf | TupleOf, name: str, arguments: list[Expression], source: str
) -> Expression | None:
    """Return `of.name(arguments)` of a list or tuple; None where `run` knows no such method."""
    if name == "copy" and not arguments and is_list(kind):
        return of
    if name not in ("index", "count"):
        return None
    if len(arguments) != 1:
        raise Refused(
            node,
            f"`{source}` has {len(arguments)} arguments",
            "it takes one; look into a slice for less, as in `xs[2:]`",
        )
    refuse_any(node, arguments[0], f"what `{source}` looks for")
    elements: tuple[Kind, ...] = (kind.element,) if isinstance(kind, ListOf) else kind.elements
    refuse_unlike(node, elements, arguments[0], source)
    if name == "count":
        return Formula(f"$count({_ALIKE})", (of, arguments[0]), INTEGER)
    # Of a list it depends on the version of CPython.
    says = "" if is_list(kind) else '"tuple.index(x): x not in tuple"'
    return Formula(_FIRST, (of, arguments[0]), INTEGER, fails=True, says=says)
