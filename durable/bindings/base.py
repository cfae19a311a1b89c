"""What every binding is: a declaration in `app.py`, and the class of its clients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from durable.errors import DeclarationError

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    V = TypeVar("V", default=Any)
else:  # only type checkers need the default, and `import durable` needs no package
    from typing import TypeVar

    V = TypeVar("V")

_NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)


def listed(declared: object, option: str, given: Any) -> tuple[Any, ...]:
    """Return an option that is a list.

    Raises:
        DeclarationError: it is a text.
    """
    # A text is a sequence too, of its letters: it would be taken for many.
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DeclarationError([f"{declared!r} has {option}={given!r}; write a list: {option}=[{given!r}]"])
    return tuple(given)


def wrong(declared: object, option: str, given: object, kind: type | tuple[type, ...], form: str) -> Iterator[str]:
    """Yield a sentence if an option is of another type than it can be; `form` is how it is written."""
    if not isinstance(given, kind):
        yield f"{declared!r} has {option}={given!r}; write {form}"


def bound(declared: object, bindings: Mapping[str, Binding] | None) -> Bindings:
    """Return what a declaration is bound to, by parameter name.

    Raises:
        DeclarationError: it is no dict of declarations.
    """
    given = {} if bindings is None else bindings
    if not isinstance(given, Mapping):
        raise DeclarationError(
            [f"{declared!r} has bindings={given!r}; write a dict by parameter, as {{'orders': orders}}"]
        )
    problems = [
        f"{declared!r} binds {name} to {each!r}, which is no declaration; make one in app.py, and name that"
        for name, each in given.items()
        if not isinstance(each, Binding)
    ]
    if problems:
        raise DeclarationError(problems)
    return dict(given)


def is_whole(value: object) -> bool:
    """Whether a number is an int. A bool is one in Python, and no number in a declaration."""
    return isinstance(value, int) and not isinstance(value, bool)


class Binding:
    """A resource that steps and workers may be granted.

    The declaration is an instance of the binding's class and does nothing; the clients that steps are given are
    instances of its subclasses, one for AWS and one for a single machine.
    """

    kind: ClassVar[str]

    def __init__(self, name: str) -> None:
        # The name stands in names of AWS's resources, in parameters' paths and in variables of the environment: these
        # letters are allowed in all of them.
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise DeclarationError(
                [
                    f"{type(self).__name__}({name!r}): a name is 1 to 40 lower-case letters, digits and hyphens,"
                    " begins with a letter and does not end with a hyphen"
                ]
            )
        self.name = name

    def __repr__(self) -> str:
        # As app.py writes it, without its options: it stands in most messages about the declaration.
        return f"{type(self).__name__}({self.name!r})"

    def _declared_only(self) -> NoReturn:
        # Declaration and client are of one class for type checkers, so this can be called where a client was meant.
        raise TypeError(
            f"{self!r} is a declaration, used before anything is called; name it in the signature of a step, a consumer"
            " or `fetch`, and use what that is given in the step, the consumer or a route"
        )

    @classmethod
    def named(cls, name: str) -> Named:
        """Return what stands in `bindings` for a declaration that comes later in app.py, or for the one being made."""
        return Named(cls, name)

    def uses(self) -> dict[str, Binding]:
        """Return what this declaration itself is bound to, by parameter name."""
        return {}


class Named(Binding):
    """Stands for the declaration of a class and a name until all of app.py has been read."""

    kind: ClassVar[str] = "named"

    def __init__(self, declared: type[Binding], name: str) -> None:
        super().__init__(name)
        self.declared = declared

    def __repr__(self) -> str:
        return f"{self.declared.__name__}.named({self.name!r})"


Bindings = dict[str, Binding]
JSON = Any
