"""Names: of variables, unique over the program and none of JSONata's; of states; of placeholders."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Final

from durable.retries import Retries
from durable.wire import MAX_STEP_NAME

_FUNCTIONS: Final = (
    " sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad"
    " match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs"
    " sqrt power random boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse"
    " each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl"
    " decodeUrlComponent decodeUrl eval toMillis fromMillis now millis clone partition range hash uuid parse"
)
BUILTINS: Final = frozenset(_FUNCTIONS.split())
"""The functions of JSONata 2.0.6, and those that Step Functions adds."""
_LONGEST: Final = 70
"""The length to which names of variables are cut: Step Functions takes 80 characters, and a number may follow."""
TOKEN_RETRIES: Final = 6
HOISTED: Final = "@"
"""Stands in the names that the compiler makes up, before the place in the source that makes them unique."""
UNUSED: Final = "unused"
"""How variables begin that are assigned only because their value may fail."""
_HIDDEN: Final = frozenset({"states", "at", "events", UNUSED})
"""The variables that compiled programs use themselves, with or without a number after them."""


def made_up(word: str, node: ast.expr | ast.stmt) -> str:
    """Return a name that no author can write, unique by where the node stands: so two of one word do not meet."""
    return f"{word}{HOISTED}{node.lineno}:{node.col_offset}"


class Names:
    """Gives names to variables: the Python name, with a number where that is taken.

    Attributes:
        assigned: the names that the code being read binds somewhere.
        step: the name of the parameter for the steps, in the function being read.
        this: the name of its parameter for the workflow, `self`.
        retries: the names there of retries that are written out.
    """

    def __init__(self, step: str, assigned: Iterable[str], this: str) -> None:
        self.step, self.this = step, this
        self.retries: dict[str, Retries] = {}
        self.assigned = frozenset(assigned)
        self._given: dict[tuple[str, tuple[str, ...]], str] = {}
        self._taken: set[str] = set()

    def variable(self, name: str, block: tuple[str, ...] = ()) -> str:
        """Return the variable of a name in a block; the same for the same."""
        key = (name, block)
        if key not in self._given:
            name = name.partition(HOISTED)[0]
            name = name if len(name) <= _LONGEST else name[:_LONGEST] + "_"
            # Blocks and functions of an expression have variables of their own, as `$_1`, `$_d` or `$_name`. They would
            # hide an author's: all begin with an underscore, and none but `$_` ends with one.
            is_ours = name in BUILTINS or name.startswith("_") or name.rstrip("_0123456789") in _HIDDEN
            plain = f"{name}_" if is_ours else name
            self._given[key] = unique(plain, self._taken, "{}_{}")
            self._taken.add(self._given[key])
        return self._given[key]


def unique(name: str, taken: Iterable[str], form: str) -> str:
    """Return the name, or the first numbered form of it that is not taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = form.format(name, number)
    return candidate


def state_name(label: str, taken: set[str], end: str = "") -> str:
    """Return a name for a state and take it: at most 80 characters, none of which needs care in JSON or a path."""
    # A name stands in JSON, in ARNs of the console and in expressions (`at.state = "…"`), where these would need
    # escapes.
    plain = re.sub(r"[\x00-\x1f\\]", " ", label.replace('"', "'"))
    name = shortened(plain, end)
    number = 1
    while name in taken:
        number += 1
        name = shortened(plain, f" ({number}){end}")
    taken.add(name)
    return name


def shortened(name: str, end: str = "") -> str:
    """Return a name with its end, cut to what Step Functions takes."""
    room = MAX_STEP_NAME - len(end)
    return (name if len(name) <= room else name[: room - 1] + "…") + end


def pascal(name: str) -> str:
    """Return a step's name in PascalCase, letters and digits only."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return joined if joined and not joined[0].isdigit() else f"Step{joined}"


def placeholders(steps: Iterable[str]) -> dict[str, str]:
    """Return the placeholder of each step, in order; those that would be alike are numbered."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for step in steps:
        if step not in found:
            found[step] = unique(pascal(step), taken, "{}{}")
            taken.add(found[step])
    return found
