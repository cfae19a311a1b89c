"""Walks and changes definitions in Amazon States Language: the states within others, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from durable import wire
from durable.compiler.asl.carried import NAMES, edges
from durable.compiler.program.retriers import author_of, finals_of, soon

Json = dict[str, Any]

TOKEN: Final = ".waitForTaskToken"


def machines_in(state: Json) -> list[Json]:
    """Return the machines that stand directly in a state: branches, or what a Map does with an item."""
    return [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]


def states_within(state: Json) -> Iterator[Json]:
    """Yield all states within a block."""
    for machine in machines_in(state):
        for each in machine["States"].values():
            yield each
            yield from states_within(each)


def waits(state: Json) -> bool:
    """Whether something in a block waits: for a time, or for a token."""
    return any(each["Type"] == "Wait" or each.get("Resource", "").endswith(TOKEN) for each in states_within(state))


def needs_standard(state: Json) -> bool:
    """Whether a block is moved to Standard: something in it waits, or a step of a race may be tried again so late that
    its run would park, and the other branches with it.
    """
    return waits(state) or any(map(_retries_late, states_within(state)))


def retried_late(state: Json) -> list[str]:
    """Return the steps whose late retries alone have a block moved to Standard."""
    if waits(state):
        return []
    return sorted({each["Arguments"]["Payload"]["step"] for each in states_within(state) if _retries_late(each)})


def _retries_late(state: Json) -> bool:
    if state["Type"] != "Task" or is_of_race(state) or "races" not in state["Arguments"]["Payload"]:
        return False
    # A step in a block cannot park by itself: a retry that is later than the machine waits for would park the whole
    # block, and the other branches of the race with it.
    author = author_of(state)
    return "later" in state["Arguments"]["Payload"] or soon(author) < int(author["MaxAttempts"])


def raised_again(definition: Json) -> set[str]:
    """Return the names of the errors that a Fail raises by a variable: which of them it is, only the run knows."""
    names = set[str]()
    # A definition has its states where a branch of a block has them.
    for state in states_within({"Branches": [definition]}):
        if state["Type"] == "Task":
            names |= {name.removeprefix(wire.FINAL) for name in finals_of(state)}
        for rule in (state, *state.get("Choices", ()), *state.get("Catch", ())):
            names |= {name for value in rule.get("Assign", {}).values() if (name := _error_named_in(value))}
    return names


def _error_named_in(value: Any) -> str:
    """Return the class of an error that a variable is assigned, where it stands in the definition; otherwise `""`."""
    name = value.get("name") if isinstance(value, dict) and value.keys() == {"name", "cause"} else None
    # Data of the author's may look like an error, but no class has a name that means something to Step Functions.
    return name if isinstance(name, str) and name.isidentifier() else ""


def is_of_race(state: Json) -> bool:
    """Whether a state asks the function that decides races."""
    return state["Type"] == "Task" and bool(state["Arguments"]["FunctionName"] == f"${{{wire.RACES}}}")


def redirect(state: Json, moved: Mapping[str, str]) -> None:
    """Have what leads to a state lead to what stands before it."""
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        for field in ("Next", "Default"):
            if each.get(field) in moved:
                each[field] = moved[each[field]]


def reached(start: str, states: Json) -> Json:
    """Return the states that something leads to."""
    # A list and no recursion: a long `run` has more states in a row than Python may nest calls.
    found, left = {start}, [start]
    while left:
        for target, _ in edges(states[left.pop()]):
            if target is not None and target not in found:
                found.add(target)
                left.append(target)
    return {name: each for name, each in states.items() if name in found}


def repeated(states: Json) -> frozenset[str]:
    """Return the states that an execution may come to more than once: those of loops."""
    return frozenset(
        name
        for name, state in states.items()
        if name in {each for target, _ in edges(state) if target is not None for each in reached(target, states)}
    )


def state_names(machine: Json) -> Iterator[str]:
    """Yield the names of all states of a machine, those within blocks included."""
    for name, state in machine["States"].items():
        yield name
        for inner in machines_in(state):
            yield from state_names(inner)


def expressions_mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a template with its expressions changed."""
    if isinstance(value, dict):
        return {name: expressions_mapped(each, change) for name, each in value.items()}
    if isinstance(value, list):
        return [expressions_mapped(each, change) for each in value]
    return change(value) if isinstance(value, str) and value.startswith("{%") else value


def bare(text: str) -> str:
    """Return an expression without its braces."""
    return text.removeprefix("{%").removesuffix("%}").strip()


def result_as_input(state: Json) -> Json:
    """Return what a Task does with its result, for the state that follows it and has that as its input."""

    def read(match: re.Match[str]) -> str:
        return "$states.input" if match[0] == "$states.result" else match[0]

    return {
        field: expressions_mapped(state[field], lambda text: NAMES.sub(read, text))
        for field in ("Assign", "Output")
        if field in state
    }
