"""The signatures of JSONata's functions, read as jsonata reads them: null has a type of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.signature import Signature
from jsonata.utils import Utils

_ELEMENTS: Final = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}


_DECLARED: Final = {"string": 1, "zip": 0}
"""Where that is not the number in the signature."""


class StrictSignature(Signature):  # type: ignore[misc]  # jsonata-python has no types
    """A signature to which null is no missing value, and which says which argument it refuses."""

    def get_symbol(self, value: Any) -> str:
        return "l" if value is Utils.NULL_VALUE else str(super().get_symbol(value))

    def get_min_number_of_args(self) -> int:
        """Return how many arguments $map and its like may give: as many as the JavaScript function declares."""
        return _DECLARED.get(self.function_name, len(self._params))

    def validate(self, args: Any, context: Any) -> Any:
        try:
            return super().validate(args, context)
        except JException as error:
            if error.error == "T0412":
                raise JException("T0412", -1, error.current, error.expected, _ELEMENTS.get(error.extra)) from error
            raise

    def throw_validation_error(self, bad_args: Any, bad_sig: str | None, function_name: str | None) -> NoReturn:
        good_to, pattern, supplied = 0, "", bad_sig or ""
        for param in self._params:
            pattern += param.regex
            found = re.match(pattern, supplied)
            if found is None:
                break
            good_to = found.end()
        # jsonata 2.0.6 reports the first argument that does not fit, counted from 1.
        raise JException("T0410", -1, good_to + 1, function_name)


class Checked(Jsonata.JFunction):  # type: ignore[misc]  # jsonata-python has no types
    """A function that checks what another one, such as $map, gives it; the evaluator checks before it calls."""

    def call(self, input: Any, args: Any) -> Any:
        return self.perform(input, self.validate(args, None))

    def perform(self, input: Any, args: Any) -> Any:
        raise NotImplementedError


class _Native(Checked, Jsonata.JNativeFunction):  # type: ignore[misc]  # jsonata-python has no types
    def perform(self, input: Any, args: Any) -> Any:
        return Jsonata.JNativeFunction.call(self, input, args)


class Function(Checked):
    """A function as the evaluator calls it: what it is not given is missing, as in JavaScript."""

    def __init__(self, name: str, implementation: Callable[..., Any], signature: str) -> None:
        super().__init__(None, None)
        self.function_name, self.signature = name, StrictSignature(signature, name)
        self._implementation, self._count = implementation, implementation.__code__.co_argcount

    def perform(self, input: Any, args: Sequence[Any] | None) -> Any:
        given = args or ()
        return self._implementation(*given, *(None,) * (self._count - len(given)))

    def get_number_of_args(self) -> int:
        return self._count


def strict(builtin: Any) -> Any:
    """Return a function of the library under a strict signature."""
    signature = getattr(builtin, "signature", None)
    if signature is None:
        return builtin
    # A copy: the library shares its functions over all of the process, with whoever else uses it.
    made, made.signature = copy.copy(builtin), copy.copy(signature)
    made.__class__, made.signature.__class__ = _Native, StrictSignature
    return made
