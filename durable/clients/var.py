"""A Var on its way to a step: as JSON in the deployment, as its type in the function."""

from __future__ import annotations

from typing import Any, Final

from durable.adapters import adapter_of
from durable.bindings.var import MAX_VAR_BYTES, Var
from durable.errors import DeclarationError
from durable.store.values import Misfit, dump, load, text_of

_ANY: Final = adapter_of(Any)


def json_of(declared: Var[Any]) -> Any:
    """Return a declared value as JSON.

    Raises:
        DeclarationError: it cannot be written as JSON, or is too large.
    """
    try:
        # There and back: what a step is given is the same in both worlds, as JSON has it.
        value = dump(_ANY, load(_ANY, declared.value, "value"), "value")
    except Misfit as misfit:
        raise DeclarationError([f"{declared!r}: {misfit}"]) from None
    if len(text_of(value).encode("utf-8", "surrogatepass")) > MAX_VAR_BYTES:
        raise DeclarationError([f"{declared!r} is over {MAX_VAR_BYTES:,} bytes of JSON; use a KVNamespace or a Bucket"])
    return value


def var_client(name: str, value_type: Any, value: Any) -> Var[Any]:
    """Return what a step is given: the JSON value as the type that its signature names.

    Raises:
        DeclarationError: it does not fit.
    """
    try:
        return Var(name, load(adapter_of(value_type), value, "value"))
    except Misfit as misfit:
        raise DeclarationError([f"Var({name!r}) does not fit what a signature makes of it: {misfit}"]) from None
