"""Has a map of any size go through its items in parts, each of which is a top-level state of its own.

So that what an execution holds bounds no map: a part that was done is not entered again, and one in which something
waits has a Standard execution, with a history, to itself. A map is the Map state, whose items are those of one part,
between a Pass that begins with the first part and a Choice that asks whether items are left.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
from typing import Any, Final

from durable.compiler.asl.carried import NAMES, read
from durable.compiler.asl.map_states import JOINED, RESULT, SHARED, WHOLE, cost_comment, counted, picked
from durable.compiler.asl.walk import expressions_mapped, machines_in, needs_standard, redirect, state_names
from durable.compiler.program.tree import MOST_OF_A_MAP
from durable.compiler.source.names import state_name
from durable.compiler.states.flow import CLOCK

Json = dict[str, Any]

MOST_ITEMS: Final = 1_000
"""The items of a part."""
TURNS: Final = 4
"""How often the items under way at once are in a part, if these are more."""
_PART_EVENTS: Final = 12_000
"""What the items of a part may have of the 25,000 events of a Standard execution."""
_COST: Final = re.compile(cost_comment(0).replace("0", r"(\d+)"))


def has_parts(state: Json) -> bool:
    """Whether a state is a map that goes through its items in parts."""
    return bool(state["Type"] == "Map" and _COST.fullmatch(state.get("Comment", "")))


def in_parts(definition: Json) -> Json:
    """Return a definition whose top-level maps of any size go through their items in parts."""
    taken, states, moved = set(state_names(definition)), dict[str, Json](), dict[str, str]()
    found: list[_Parts] = []
    known = read(definition["States"])
    # The numbers of which the names are made that no variable of the run has.
    numbers = (str(each) for each in itertools.count(1) if not known & {f"part_of_{each}", f"results_of_{each}"})
    for name, state in definition["States"].items():
        if not has_parts(state):
            states[name] = state
            continue
        found.append(_Parts(name, state, taken, next(numbers)))
        moved[name] = found[-1].first
        states |= found[-1].states()
    own = {name for cut in found for name in (cut.first, cut.more)}
    for name, state in states.items():
        if name not in own:
            redirect(state, moved)
    return {**definition, "StartAt": moved.get(definition["StartAt"], definition["StartAt"]), "States": states}


class _Parts:
    def __init__(self, name: str, state: Json, taken: set[str], number: str) -> None:
        self.name, self.state = name, copy.deepcopy(state)
        self.first, self.more = state_name(name, taken, ": parts"), state_name(name, taken, ": more?")
        self.end = state_name(name, taken, ": all")
        self.at, self.found = (f"{each}_of_{number}" for each in ("part", "results"))
        self.inner = self._inner()

    def _inner(self) -> Json | None:
        """Return the Map in a Map of Maps."""
        within = list(machines_in(self.state)[0]["States"].values())
        return within[0] if "group" in self.state.get("ItemSelector", {}) else None

    def states(self) -> Json:
        state, size = self.state, self._size()
        leaving = {field: state.pop(field) for field in ("Assign", "Output", "Next", "End") if field in state}
        # The time goes on with each part: the items of the next one begin when those of this one have ended.
        assign = leaving.get("Assign", {})
        now = assign.pop(CLOCK, self._clock())
        read = RESULT in json.dumps(leaving)
        first: Json = {self.at: 0}
        each: Json = {self.at: f"{{% ${self.at} + {size} %}}"} | ({CLOCK: now} if now else {})
        if read:
            first[self.found], results = [], JOINED if self.inner else RESULT
            each[self.found] = f"{{% $append(${self.found}, {results}) %}}"
            leaving = expressions_mapped(leaving, self._read_found)
        if leaving.get("Assign") == {}:
            del leaving["Assign"]
        count = self._cut_items(size)
        return {
            self.first: {"Type": "Pass", "Assign": first, "Next": self.name},
            self.name: {**state, "Assign": each, "Output": {}, "Next": self.more},
            self.more: {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% ${self.at} < {count} %}}", "Next": self.name}],
                "Default": self.end,
            },
            self.end: {"Type": "Pass", **leaving},
        }

    def _size(self) -> int:
        """Return how many items a part has; on Standard, no more than its history holds."""
        at_once = 1
        for each in (self.state, *([self.inner] if self.inner else [])):
            written = each["MaxConcurrency"]
            at_once *= written if isinstance(written, int) else MOST_OF_A_MAP  # what only the run knows is less
        most = max(MOST_ITEMS, TURNS * at_once)
        if not needs_standard(self.state):
            return most
        cost = _COST.fullmatch(self.state["Comment"])
        assert cost is not None
        # About half of what an execution holds: attempts outside of the author's, as of throttles and held leases, are
        # not among the events of an item.
        return max(1, min(most, _PART_EVENTS // int(cost[1])))

    def _clock(self) -> str | None:
        """Return the time after a part, where nothing but the next one reads it."""
        is_read = CLOCK in read(self.state["ItemProcessor"])
        results = f"({JOINED})" if self.inner else RESULT
        return f"{{% $max([${CLOCK}, {results}.at]) %}}" if is_read else None

    def _read_found(self, text: str) -> str:
        """Return an expression that reads the results of all parts in place of those of the last."""
        joined = text.replace(f"({JOINED})", RESULT)
        return NAMES.sub(lambda name: f"${self.found}" if name[0] == RESULT else name[0], joined)

    def _cut_items(self, size: int) -> str:
        """Have the Map take the items of one part; return what counts all of them."""
        if self.inner is not None:
            return self._cut_groups(self.inner, size)
        items = str(self.state["Items"]).removeprefix("{% ").removesuffix(" %}")
        selected, part = self.state["ItemSelector"], f"${self.at}"
        self.state["Items"] = (
            f"{{% ($_b := {part}; $_e := $min([{part} + {size}, {counted(items)}]); {picked(items)}) %}}"
        )
        selected["item"] = "{% $states.context.Map.Item.Value.item %}"
        selected["index"] = "{% $states.context.Map.Item.Value.index %}"
        return counted(items)

    def _cut_groups(self, group: Json, size: int) -> str:
        """Have the Maps in a Map take their shares of one part."""
        before, whole, rest = str(group["Items"]).partition(WHOLE)
        count, end, rest = rest.partition(SHARED)
        assert whole
        assert end
        # The last part may have fewer items than the others.
        part = f"$_f := ${self.at}; $_n := $min([$_f + {size}, {count}])"
        group["Items"] = before + part + end + rest
        return count
