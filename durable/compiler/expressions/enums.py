"""Members of an Enum, looked up by their values."""

from __future__ import annotations

import ast
import enum
import json
from typing import Any

from durable.compiler.expressions.advice import written_member
from durable.compiler.expressions.reader import Reader
from durable.compiler.expressions.scope import Scope
from durable.compiler.source.problems import Refused
from durable.compiler.types.annotations import kind_of
from durable.compiler.types.kinds import Member, describe, is_text, is_unknown, is_whole
from durable.compiler.types.quotation import QUOTED
from durable.compiler.types.terms import Expression, Formula


def of_value(reader: Reader, node: ast.Call, cls: type[enum.Enum], scope: Scope) -> Expression:
    """Return `Color(value)`: the member that has a value, which in JSON is the value itself."""
    source, kind, values = reader.source.of(node), kind_of(cls), [each.value for each in cls]
    first = f", as in {written_member(cls)}" if values else ""
    remedy = f"write the member{first}, or let a step return it"
    if len(node.args) != 1 or node.keywords or not isinstance(kind, Member) or _is_looked_up_otherwise(cls):
        raise Refused(node, f"`{source}` looks a member up", remedy)
    value = reader.value(node.args[0], scope)
    if is_unknown(value.kind) or value.kind == kind:
        return value
    are_texts = all(isinstance(each, str) for each in values)
    are_whole = all(isinstance(each, int) and not isinstance(each, bool) for each in values)
    if not (are_texts and is_text(value.kind)) and not (are_whole and is_whole(value.kind)):
        raise Refused(node, f"`{source}` looks a member up by {describe(value.kind)}", remedy)
    text = f'($assert($a in {json.dumps(values)}, "ValueError"); $a)'
    shown = QUOTED if are_texts else "$string($a)"
    return Formula(text, (value,), kind, fails=True, says=f'{shown} & " is not a valid {cls.__qualname__}"')


def _is_looked_up_otherwise(cls: type[Any]) -> bool:
    """Return whether a class finds members for other values than theirs."""
    own = (name for each in cls.__mro__ if each.__module__ != "enum" for name in vars(each))
    return issubclass(cls, enum.Flag) or "_missing_" in own
