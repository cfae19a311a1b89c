"""The Map states of a workflow's maps, and the parts of their text that `parts` changes where it cuts a map.

An inline Map of Step Functions has 40 items under way at once at the most (`MOST_OF_A_MAP`). A map of more is a Map of
Maps: the outer one has an item for each group, and the inner one of a group picks the group's share of the items.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from durable.compiler.asl.carried import NAMES
from durable.compiler.asl.walk import expressions_mapped
from durable.compiler.jsonata.writer import jsonata
from durable.compiler.states.states import Map

Json = dict[str, Any]

RESULT: Final = "$states.result"
# $append takes lists apart one level deep only, so results that are lists themselves stay whole.
JOINED: Final = f"$reduce({RESULT}, function($_l, $_m) {{ $append($_l, $_m) }}, [])"
"""The results of a Map of Maps as those of one Map."""
WHOLE: Final = "$_f := 0; $_n := "
"""Begins the items of a group in a Map of Maps: which positions all groups have together, from `$_f` to `$_n`."""
SHARED: Final = "; $_s := $ceil(($_n - $_f) / "
"""Stands behind the positions that all groups have together; `$_s` is how many a group has."""
_ITEM: Final = "$states.context.Map.Item"
_RANGE: Final = re.compile(
    r"\(function\(\$a, \$b\) \{ "
    r"(?P<numbers>\[\$a\.\.\$b - 1\]|"
    r"\[\$map\(\[0\.\.\$ceil\(\(\$b - \$a\) / (?P<step>-?\d+)\) - 1\], function\(\$_i\) \{ [^}]* \}\)\])"
    r" \}\)\("
)
"""How the items begin that are the numbers of a `range`: see `durable.compiler.expressions.iterables`."""


def map_state(state: Map, body: Json, inner: str, caught: Json, left: Json) -> Json:
    """Return a Map.

    Args:
        body: the machine of an item.
        inner: the name of the inner Map, where there are several groups.
        caught: its Catch.
        left: how it is left: what it assigns, its output, and the next state.
    """
    # Results that nobody reads go no further: they may be more than the 256 KiB that a state holds.
    is_read = RESULT in json.dumps(left)
    left = left if is_read or "Output" in left else {**left, "Output": {}}
    cost: Json = {} if state.cost is None else {"Comment": cost_comment(state.cost)}
    if state.groups > 1:
        left = {field: expressions_mapped(each, _joined) for field, each in left.items()}
        return {"Type": "Map", **cost, **_of_groups(state, body, inner), **caught, **left}
    at_once = str(state.concurrency) if state.limit is None else f"({jsonata(state.limit)})"
    selected = {"item": f"{{% {_ITEM}.Value %}}", "index": f"{{% {_ITEM}.Index %}}"}
    if state.timed:  # this item had to wait for a free place, and so began later than the map itself
        selected["late"] = f"{{% {_ITEM}.Index >= {at_once} %}}"
    return {
        "Type": "Map",
        **cost,
        "Items": "{% " + jsonata(state.items) + " %}",
        "ItemSelector": selected,
        "MaxConcurrency": state.concurrency if state.limit is None else f"{{% {jsonata(state.limit)} %}}",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **body},
        **caught,
        **left,
    }


def _of_groups(state: Map, body: Json, inner: str) -> Json:
    """Return the fields of a Map of Maps: each inner one has a share of the items, one after the other in the list, and
    of the concurrency.
    """
    items, groups = jsonata(state.items), state.groups
    share = (
        f"({WHOLE}{counted(items)}{SHARED}{groups}); $_b := $_f + $states.input.group * $_s; "
        f"$_e := $min([$_b + $_s, $_n]); {picked(items, late=state.concurrency // groups if state.timed else None)})"
    )
    group: Json = {
        "Type": "Map",
        "Items": "{% " + share + " %}",
        "MaxConcurrency": state.concurrency // groups,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **body},
        "End": True,
    }
    return {
        "Items": list(range(groups)),
        "ItemSelector": {"group": f"{{% {_ITEM}.Value %}}"},
        "MaxConcurrency": groups,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": inner, "States": {inner: group}},
    }


def counted(items: str) -> str:
    """Return how many items there are; less than 0 may stand for none where they are the numbers of a `range`."""
    found = _RANGE.match(items)
    if found is None:
        return f"$count({items})"
    return _in_its_place(found, "$b - $a" if found["step"] is None else f"$ceil(($b - $a) / {found['step']})")


def picked(items: str, *, late: int | None = None) -> str:
    """Return the items from position `$_b` up to `$_e`, each with its position in the whole list.

    Of a `range` these numbers are made alone: a part of a hundred thousand is as quick as one of a thousand, and Step
    Functions gives an expression one second. An inner Map reads `$states.context.Map.Item.Index` of itself, so the
    position travels with the item.

    Args:
        late: how many items are under way at once, where each is told whether it had to wait for a place.
    """
    place = '"index": $_i' if late is None else f'"index": $_i, "late": $_i - $_b >= {late}'
    found = _RANGE.match(items)
    if found is not None:
        number = "$a + $_i" if found["step"] is None else f"$a + $_i * {found['step']}"
        return _in_its_place(found, f'[$map([$_b..$_e - 1], function($_i) {{ {{"item": {number}, {place}}} }})]')
    # Each item is wrapped in an object: a list that JSONata picks alone would be taken apart. A function that returns
    # nothing leaves its item out.
    within = f'$_i >= $_b and $_i < $_e ? {{"item": $_x, {place}}}'
    return f"[$map({items}, function($_x, $_i) {{ {within} }})]"


def _in_its_place(found: re.Match[str], text: str) -> str:
    """Return the items that are a `range` with something else in the place of its numbers."""
    return found.string[: found.start("numbers")] + text + found.string[found.end("numbers") :]


def _joined(text: str) -> str:
    """Return an expression that reads the results of a Map of Maps as those of one."""
    return NAMES.sub(lambda found: f"({JOINED})" if found[0] == RESULT else found[0], text)


def cost_comment(events: int) -> str:
    """Return what a Map says of its items, by which it can be cut into parts."""
    return f"an item has {events} events at most"
