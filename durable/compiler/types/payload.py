"""The payload of a workflow: the type that its class names, and that `run` has to take."""

from __future__ import annotations

import ast
import typing
from typing import Any

from durable.adapters import adapter_of
from durable.compiler.source.source import Source
from durable.compiler.types.annotations import kind_of
from durable.compiler.types.assignability import assignable
from durable.compiler.types.kinds import Anything, Kind, describe
from durable.compiler.types.roundtrip import loss
from durable.errors import CompileError, SignatureError
from durable.modules import place_of
from durable.workflow import WorkflowEntrypoint, WorkflowEvent, payload_type


def payload_kind(workflow: type[WorkflowEntrypoint[Any]], source: Source) -> Kind:
    """Return the kind of a workflow's payload.

    Raises:
        CompileError: the class names no type or one that cannot travel, or `run` takes another one.
    """
    name, found = workflow.__name__, payload_type(workflow)
    if isinstance(found, typing.TypeVar):
        raise CompileError(
            *place_of(workflow),
            f"{name} does not say what its payload is",
            f"name the type, as in `class {name}(WorkflowEntrypoint[Order])`, or None if it takes nothing",
        )
    try:
        adapter_of(found, f"the payload of {name}")
    except SignatureError as error:
        what, _, remedy = str(error).rpartition("; ")
        raise CompileError(*place_of(workflow), what, remedy) from None
    if (lost := loss(found)) is not None:
        what, _, remedy = lost.partition("; ")
        what = f"the payload of {name} would not arrive as it was sent: {what}"
        raise CompileError(*place_of(workflow), what, remedy)
    kind, event = kind_of(found), source.run.args.args[1]
    if event.annotation is not None and not assignable(kind, _taken(event.annotation, source)):
        taken = ast.unparse(event.annotation).strip("'")
        raise CompileError(
            source.file,
            event.lineno,
            f"run takes a {taken}, but {name} is a WorkflowEntrypoint[{describe(kind)}]",
            "name one type in both",
        )
    return kind


def _taken(annotation: ast.expr, source: Source) -> Kind:
    """Return the kind that `run` takes by its signature; where that cannot be read, anything."""
    try:
        hint = eval(ast.unparse(annotation), dict(source.names))
        hint = eval(hint, dict(source.names)) if isinstance(hint, str) else hint
    except Exception:
        return Anything()  # a name that only a type checker sees; what else is wrong, Python says itself
    return kind_of(hint.__args__[0]) if typing.get_origin(hint) is WorkflowEvent else Anything()
