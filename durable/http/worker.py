"""The module of a Worker: what its `fetch` names, and the API that it returns."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from durable.bindings.base import Binding
from durable.errors import SignatureError
from durable.http.api import Api
from durable.signature import BindingParameter


def fetch_of(module: ModuleType) -> Callable[..., Api]:
    """Return the module's `fetch`.

    Raises:
        SignatureError: it has none.
    """
    fetch = getattr(module, "fetch", None)
    if not inspect.isfunction(fetch):
        raise SignatureError(
            f"{module.__name__} has no function `fetch`; a worker's module has one, which returns its Api"
        )
    return fetch


def bindings_of(module: ModuleType) -> tuple[BindingParameter, ...]:
    """Return the bindings that the module's `fetch` names.

    Raises:
        SignatureError: a parameter is no binding, or `fetch` does not return an Api.
    """
    fetch = fetch_of(module)
    try:
        hints = typing.get_type_hints(fetch)
    except NameError as error:
        raise SignatureError(f"{module.__name__}.fetch has an annotation that cannot be read: {error}") from None
    if hints.get("return") is not Api:
        raise SignatureError(f"{module.__name__}.fetch does not say that it returns an Api; write `-> Api`")
    return tuple(_binding(module, name, hints.get(name)) for name in inspect.signature(fetch).parameters)


def _binding(module: ModuleType, name: str, annotation: Any) -> BindingParameter:
    kind = typing.get_origin(annotation) or annotation
    if not (isinstance(kind, type) and issubclass(kind, Binding)):
        raise SignatureError(
            f"{module.__name__}.fetch: parameter {name} is no binding; annotate it with one, as in"
            f" `{name}: Workflow[SignUp]`"
        )
    values = typing.get_args(annotation)
    return BindingParameter(name, kind, values[0] if values else Any)


def api_of(module: ModuleType, clients: Mapping[str, Binding], origins: Sequence[str] = ()) -> Api:
    """Return the module's API on these clients, by the names of `fetch`'s parameters; declarations do for a document.

    Raises:
        SignatureError: `fetch` cannot be read, or names a binding that is not given.
    """
    named = [parameter.name for parameter in bindings_of(module)]
    if missing := [name for name in named if name not in clients]:
        raise SignatureError(f"{module.__name__}.fetch names {', '.join(missing)}, which its Worker is not bound to")
    api = fetch_of(module)(**{name: clients[name] for name in named})
    api.allow_origins(origins)
    return api
