"""Lists in JSONata, put together from texts: how each item is changed, which are kept, and in which order."""

from __future__ import annotations

from typing import Literal


def mapped(items: str, variable: str, element: str, test: str | None) -> str:
    """Return the elements of those items for which the test holds; none of them may be a list."""
    chosen = element if test is None else f"{test} ? {element}"
    # The brackets keep it a list: `$map` alone gives a single result bare, and nothing where there is none.
    return f"[$map({items}, function(${variable}) {{ {chosen} }})]"


def gathered(items: str, variable: str, more: str, test: str | None) -> str:
    """Return lists put one after the other. `$map` would take apart a single result that is a list."""
    added = f"$append($_l, {more})"
    step = added if test is None else f"{test} ? {added} : $_l"
    return f"$reduce({items}, function($_l, ${variable}) {{ {step} }}, [])"


def quantified(quantifier: Literal["any", "all"], items: str, variable: str, holds: str, test: str | None) -> str:
    """Return whether something holds for any or all items; nothing is evaluated once that is known."""
    if quantifier == "any":
        holds = holds if test is None else f"{test} ? {holds} : false"
        return f"$reduce({items}, function($_f, ${variable}) {{ $_f ? true : {holds} }}, false)"
    holds = holds if test is None else f"{test} ? {holds} : true"
    return f"$reduce({items}, function($_t, ${variable}) {{ $_t ? {holds} : false }}, true)"


def ordered(items: str, variable: str, keys: list[str], *, descending: bool) -> str:
    """Return the items in the order of keys, each as `{"v": item}`.

    Items whose keys are equal stay in order, which `$sort` alone does not promise.
    """
    marked = ", ".join(f'"k{number}": {key}' for number, key in enumerate(keys))
    after = "<" if descending else ">"
    # `$sort` asks whether the first of two is to come after the second. The index decides where all keys are equal.
    test = "$_x.i > $_y.i"
    for number in reversed(range(len(keys))):
        one, other = f"$_x.k{number}", f"$_y.k{number}"
        test = f"{one} {after} {other} or ({one} = {other} and ({test}))"
    listed = f'[$map({items}, function(${variable}, $_i) {{ {{"i": $_i, "v": ${variable}, {marked}}} }})]'
    return f"$sort({listed}, function($_x, $_y) {{ {test} }})"


def values(marked: str, *, holds_lists: bool) -> str:
    """Return the items of what is ordered."""
    return gathered(marked, "_o", "[[$_o.v]]", None) if holds_lists else mapped(marked, "_o", "$_o.v", None)
