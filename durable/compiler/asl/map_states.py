"""The Map states of a workflow's maps, and the parts of their text that `parts` changes where it cuts a map.

An inline Map of Step Functions has 40 items under way at once at the most (`MOST_OF_A_MAP`). A map of more is a Map of
Maps: the outer one has an item for each group, and the inner one of a group picks the group's share of the items.
"""

from __future__ import annotations

import json
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
SHARED: Final = "; $_s := $ceil($count($_xs) / "
"""Stands between the items of a Map of Maps and the number of its groups; `$_s` is how many items a group has."""
BEGINS: Final = "; $_b := $states.input.group * $_s;"
"""Says where in the list the share of a group begins."""
ENDS: Final = "$_p.index < $_b + $_s"
"""Asks whether an item stands before the end of the share."""
_ITEM: Final = "$states.context.Map.Item"


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
    late = f', "late": $_i - $_b >= {state.concurrency // groups}' if state.timed else ""
    # Items are wrapped in objects before they are picked: a list that JSONata picks alone would be taken apart. All
    # groups get the whole list: an inner Map reads `$states.context.Map.Item.Index` of itself, so the index in the
    # whole list travels with the item.
    picked = (
        f"($_xs := {items}{SHARED}{groups}){BEGINS}"
        f' [$filter($map($_xs, function($_x, $_i) {{ {{"item": $_x, "index": $_i{late}}} }}),'
        f" function($_p) {{ $_p.index >= $_b and {ENDS} }})])"
    )
    group: Json = {
        "Type": "Map",
        "Items": "{% " + picked + " %}",
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


def _joined(text: str) -> str:
    """Return an expression that reads the results of a Map of Maps as those of one."""
    return NAMES.sub(lambda found: f"({JOINED})" if found[0] == RESULT else found[0], text)


def cost_comment(events: int) -> str:
    """Return what a Map says of its items, by which it can be cut into parts."""
    return f"an item has {events} events at most"
