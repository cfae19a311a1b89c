"""The graph of a workflow: what it awaits, nested as the program is nested; what the console and Mermaid draw.

step · sleep · event · call          something awaited; its key is that of its rows in the record
branch                               a lane for each condition, and the last one for `else`
loop · map                           one lane, once for each round or item
parallel                             a lane for each branch
try                                  a lane for the body, one for each `except`, one for `else`
return · raise · break · continue    where a lane ends
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

from durable.compiler.compilation import read_program
from durable.compiler.program.tree import (
    Assign,
    Awaited,
    Branch,
    Break,
    Cleanup,
    Continue,
    EventWait,
    Gather,
    If,
    Loop,
    MapCall,
    Place,
    Race,
    RaceCall,
    Raise,
    RaiseAgain,
    Return,
    Run,
    Sleep,
    Statement,
    StepCall,
    Try,
    WorkflowCall,
)
from durable.compiler.types.terms import Constant, Expression, Joined
from durable.durations import spoken
from durable.workflow import WorkflowEntrypoint

NodeKind = Literal[
    "step",
    "sleep",
    "event",
    "call",
    "branch",
    "loop",
    "map",
    "parallel",
    "try",
    "return",
    "raise",
    "break",
    "continue",
]
ENDS: Final = frozenset({"return", "raise", "break", "continue"})
_ROUND: Final = re.compile(r"\[\d*\]")


@dataclass(frozen=True, slots=True)
class Node:
    """Something in a lane.

    Attributes:
        id: unique in the graph, in the order of the source.
        label: the name of what is awaited, or what the program says there.
        detail: what there is to say besides, as "5 retries, 1 minute".
        key: a step key without its rounds: `load/page` for `load[3]/page[0]`; of a sleep the name of its state; empty
            for what is not awaited.
        event: the type of the event that is waited for.
    """

    id: str
    kind: NodeKind
    label: str
    detail: str = ""
    key: str = ""
    lanes: tuple[Lane, ...] = ()
    event: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """Nodes one after the other; the label says when, and is empty where that goes without saying."""

    label: str
    nodes: tuple[Node, ...]

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it."""
        return bool(self.nodes) and _ends(self.nodes[-1])


def graph_of(workflow: type[WorkflowEntrypoint[Any]]) -> Lane:
    """Return the graph of a workflow class.

    Raises:
        CompileError: its `run` says something that cannot be compiled.
    """
    body = read_program(workflow).body
    goes_without_saying = isinstance(body[-1], Return) and _said(body[-1]) == "return"
    return Lane("", _Drawing().nodes(body[:-1] if goes_without_saying else body))


def node_key(step_key: str) -> str:
    """Return the `key` of the node that a step key belongs to."""
    return _ROUND.sub("", step_key)


def as_data(lane: Lane) -> dict[str, Any]:
    """Return a graph as JSON: a lane is {label, nodes}, a node {id, kind, label, detail, key, lanes?, event?}."""
    return {"label": lane.label, "nodes": [_node_data(node) for node in lane.nodes]}


def _node_data(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(node, name) for name in ("id", "kind", "label", "detail", "key")}
    if node.lanes:
        data["lanes"] = [as_data(lane) for lane in node.lanes]
    if node.event:
        data["event"] = node.event
    return data


def walk(lane: Lane) -> Iterator[Node]:
    """Yield all nodes of a graph, in the order of the source."""
    for node in lane.nodes:
        yield node
        for inner in node.lanes:
            yield from walk(inner)


def _ends(node: Node) -> bool:
    if node.kind == "branch":
        return all(lane.ends for lane in node.lanes)
    return node.kind in ENDS


class _Drawing:
    """Turns statements into nodes and numbers these."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def nodes(self, body: Iterable[Statement]) -> tuple[Node, ...]:
        return tuple(node for statement in body if (node := self._node(statement)) is not None)

    def _lane(self, label: str, body: Iterable[Statement]) -> Lane:
        return Lane(label, self.nodes(body))

    def _node(self, statement: Statement) -> Node | None:
        # Each statement has a number, whether it is shown or not: so ids do not change when one more kind of statement
        # is.
        id = f"n{next(self._numbers)}"
        match statement:
            case Run(what):
                return self._awaited(id, what)
            case Sleep(label, milliseconds, until, length):
                how_long = "as long as the run says" if length is not None else _pause(milliseconds, until)
                return Node(id, "sleep", _name(label), how_long, label)
            case If():
                return self._branch(id, statement)
            case Loop(label, body=body, otherwise=otherwise):
                rest = (self._lane("else", otherwise),) if otherwise else ()
                return Node(id, "loop", label, _at_most(statement.bound, "round"), lanes=(self._lane("", body), *rest))
            case Try():
                return self._try(id, statement)
            case Return():
                return Node(id, "return", _said(statement))
            case Raise(label=label) | RaiseAgain(label=label):
                return Node(id, "raise", label)
            case Break() | Continue():
                kind: NodeKind = "break" if isinstance(statement, Break) else "continue"
                return Node(id, kind, kind)
            case Assign() | Cleanup():
                return None
            case _:
                assert_never(statement)

    def _awaited(self, id: str, what: Awaited) -> Node:
        match what:
            case StepCall():
                return Node(id, "step", what.name, _attempts(what), _key(what.place))
            case Gather():
                return Node(id, "parallel", what.label, lanes=tuple(self._result(each) for each in what.branches))
            case Race():
                lanes = tuple(self._result(each) for each in what.branches)
                return Node(id, "parallel", what.name, "the first success", _key(what.place), lanes)
            case RaceCall():
                raise AssertionError("a race's calls stand in no program")
            case MapCall():
                lanes = (self._result(what.body),)
                detail = f"{what.concurrency} at once" if what.limit is None else f"up to {what.concurrency} at once"
                return Node(id, "map", _name(what.label), detail, lanes=lanes)
            case EventWait():
                event = what.event if what.begun is None else ""  # a callback is completed by its token alone
                detail = f"{event or 'callback'}, {_timeout(what)}"
                return Node(id, "event", what.name, detail, _key(what.place), event=event)
            case WorkflowCall():
                return Node(id, "call", what.name, what.workflow.__name__, _key(what.place))
            case _:
                assert_never(what)

    def _result(self, branch: Branch) -> Lane:
        """Return the lane of a branch; that it ends with its result goes without saying."""
        last = branch.body[-1:]
        return self._lane("", branch.body[:-1] if last and isinstance(last[0], Return) else branch.body)

    def _branch(self, id: str, statement: If) -> Node | None:
        lanes = [self._lane(arm.label, arm.body) for arm in statement.arms]
        lanes.append(self._lane("else", statement.otherwise))
        # An `if` that only assigns says nothing of what is awaited.
        return Node(id, "branch", "if", lanes=tuple(lanes)) if any(each.nodes for each in lanes) else None

    def _try(self, id: str, statement: Try) -> Node:
        handlers = () if statement.final else statement.handlers
        caught = [(", ".join(error.__name__ for error in each.classes), each.body) for each in handlers]
        lanes = [self._lane("", statement.body), *(self._lane(f"except {names}", body) for names, body in caught)]
        if statement.otherwise:
            lanes.append(self._lane("finally" if statement.final else "else", statement.otherwise))
        return Node(id, "try", "try", lanes=tuple(lanes))


def _said(end: Return) -> str:
    """Return what to call an end; the step that it awaits stands before it."""
    return end.name or ("return" if "await" in end.label else end.label)


def _name(label: str) -> str:
    """Return the name at the end of a path of blocks."""
    return label.rpartition("/")[2]


def _key(place: Place) -> str:
    return node_key(_written(place.key)) if place.key is not None else place.label


def _written(key: Expression) -> str:
    """Return a key's text, without the numbers of its rounds."""
    if isinstance(key, Joined):
        return "".join(_written(each) for each in key.parts)
    return str(key.value) if isinstance(key, Constant) else ""


def _attempts(step: StepCall) -> str:
    retries = step.retries.limit
    return f"{retries or 'no'} {'retry' if retries == 1 else 'retries'}, {_timeout(step)}"


def _pause(milliseconds: int | None, until: Expression | None) -> str:
    if milliseconds is not None:
        return spoken(milliseconds / 1000)
    return f"until {until.value}" if isinstance(until, Constant) else "until a time"


def _at_most(bound: int | None, what: str) -> str:
    return "" if bound is None else f"{bound} {what}{'' if bound == 1 else 's'} at most"


def _timeout(what: StepCall | EventWait) -> str:
    return spoken(what.timeout_seconds) if what.timeout is None else "a timeout of the run"
