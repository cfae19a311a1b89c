"""A workflow's graph as a Mermaid flowchart, which GitHub and most editors draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from durable.compiler.graph import Lane, Node
from durable.compiler.source.names import shortened

_SHAPES: Final = {
    "step": ("[", "]"),
    "sleep": ("([", "])"),
    "event": ("{{", "}}"),
    "call": ("[[", "]]"),
    "branch": ("{", "}"),
    "return": ("([", "])"),
    "raise": (">", "]"),
}
_BLOCKS: Final = frozenset({"loop", "map", "parallel", "try"})


@dataclass(frozen=True, slots=True)
class _End:
    """A place that the next node follows on; the label is for the edge to it."""

    id: str
    label: str = ""


def mermaid(graph: Lane) -> str:
    """Return the flowchart of a graph, with a line end at its end."""
    lines = ["flowchart TD", "    start((start))"]
    lines += _lane(graph, [_End("start")], 1)[0]
    return "\n".join(lines) + "\n"


def _lane(lane: Lane, ends: Sequence[_End], depth: int) -> tuple[list[str], list[_End]]:
    """Return the lines of a lane that follows on these ends, and the ends of it."""
    lines: list[str] = []
    open_ends = list(ends)
    for node in lane.nodes:
        # Written at the depth of the node: an edge that stands within a subgraph would draw the node before it into
        # that.
        edges = [f"{_indent(depth)}{end.id} -->{_edge(end.label)} {node.id}" for end in open_ends]
        drawn, open_ends = _node(node, depth)
        lines += [*drawn, *edges]
    return lines, open_ends


def _node(node: Node, depth: int) -> tuple[list[str], list[_End]]:
    if node.kind in _BLOCKS:
        return _block(node, depth), [_End(node.id)]
    before, after = _SHAPES.get(node.kind, ("[", "]"))
    lines = [f'{_indent(depth)}{node.id}{before}"{_text(node)}"{after}']
    if node.kind != "branch":
        return lines, [] if node.kind in ("return", "raise", "break", "continue") else [_End(node.id)]
    ends: list[_End] = []
    for lane in node.lanes:
        drawn, open_ends = _lane(lane, [_End(node.id, lane.label)], depth)
        lines += drawn
        ends += open_ends
    return lines, ends


def _block(node: Node, depth: int) -> list[str]:
    lines = [f'{_indent(depth)}subgraph {node.id}["{_text(node)}"]']
    lines += list(_lanes(node, depth + 1))
    return [*lines, f"{_indent(depth)}end"]


def _lanes(node: Node, depth: int) -> Iterator[str]:
    if len(node.lanes) == 1:
        yield from _lane(node.lanes[0], [], depth)[0]
        return
    for number, lane in enumerate(node.lanes):
        label = _escaped(lane.label) or " "
        yield f'{_indent(depth)}subgraph {node.id}_{number}["{label}"]'
        yield from _lane(lane, [], depth + 1)[0]
        yield f"{_indent(depth)}end"


def _text(node: Node) -> str:
    kind = f"{node.kind} " if node.kind in ("map", "parallel") else ""
    detail = f"<br><small>{_escaped(node.detail)}</small>" if node.detail else ""
    return _escaped(shortened(kind + node.label)) + detail


def _edge(label: str) -> str:
    return f'|"{_escaped(label)}"|' if label else ""


def _escaped(text: str) -> str:
    """Return text with what Mermaid or HTML would read replaced by Mermaid's entities."""
    # Labels are an author's texts, and stand in quotes: of these Mermaid has no escape but entities of its own.
    return "".join(f"#{ord(each)};" if each in '#"<>&`[]{}|\\' else each for each in text)


def _indent(depth: int) -> str:
    return "    " * depth
