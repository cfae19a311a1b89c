from __future__ import annotations

from typing import Any

import pytest

from durable.compiler.graph import Lane, as_data, graph_of, node_key, walk
from durable.compiler.mermaid import mermaid
from tests.unit.compiler.written import written


def graph(body: str) -> Lane:
    return graph_of(written(body))


def outline(lane: Lane) -> list[Any]:
    """A graph as nested lists: kind and label of each node, then its lanes by their labels."""
    return [
        (node.kind, node.label, *([{each.label: outline(each) for each in node.lanes}] if node.lanes else []))
        for node in lane.nodes
    ]


def test_steps_in_a_row() -> None:
    drawn = graph(
        """
        a = await step.do("first", save, 1, retries=Retries(limit=1), timeout="90 seconds")
        b = a + 1
        await step.sleep("pause", "3 days")
        return await step.complete("done", b)
        """
    )
    assert outline(drawn) == [("step", "first"), ("sleep", "pause"), ("return", "done")]
    assert [(node.detail, node.key) for node in drawn.nodes] == [
        ("1 retry, 90 seconds", "first"),
        ("3 days", "pause"),
        ("", ""),
    ]


def test_a_branch_has_a_lane_for_each_condition_and_one_that_only_assigns_is_left_out() -> None:
    drawn = graph(
        """
        a = await step.do("first", save, 1)
        if a > 1:
            b = 1
        else:
            b = 2
        if b > 1:
            await step.do("many", save, b)
        elif b == 0:
            raise WorkflowError("none")
        return "end"
        """
    )
    assert outline(drawn) == [
        ("step", "first"),
        (
            "branch",
            "if",
            {"if b > 1": [("step", "many")], "if b == 0": [("raise", 'raise WorkflowError("none")')], "else": []},
        ),
        ("return", 'return "end"'),
    ]
    assert [lane.ends for lane in drawn.nodes[1].lanes] == [False, True, False]


def test_rounds_and_blocks_nest_and_every_step_key_finds_its_node() -> None:
    drawn = graph(
        """
        async def page(n: int) -> int:
            while True:
                found = await step.do("poll", save, n)
                if found > 3:
                    break
                await step.sleep("pause", "1 minute")
            return await step.do("page", save, n)
        for n in [1, 2]:
            await asyncio.gather(page(1), page(n), step.do("alone", save, n))
        await step.map("load", page, [1, 2, 3], concurrency=2)
        """
    )
    loop, load = drawn.nodes
    (parallel,) = loop.lanes[0].nodes
    assert (loop.kind, loop.label, loop.detail) == ("loop", "for n in [1, 2]", "2 rounds at most")
    assert (parallel.kind, len(parallel.lanes)) == ("parallel", 3)
    assert outline(parallel.lanes[0]) == outline(load.lanes[0])
    assert [node.kind for node in parallel.lanes[0].nodes] == ["loop", "step"]
    assert (load.kind, load.label, load.detail) == ("map", "load", "2 at once")
    keys = [node.key for node in walk(drawn) if node.kind == "step"]
    assert keys == ["poll", "page", "page-2/poll", "page-2/page", "alone", "load/poll", "load/page"]
    assert len({node.id for node in walk(drawn)}) == len(list(walk(drawn)))


@pytest.mark.parametrize(
    ("step_key", "key"),
    [("page", "page"), ("page[0][12]", "page"), ("page-2[1]/poll[3]", "page-2/poll"), ("load[3]/page", "load/page")],
)
def test_the_rounds_of_a_step_key_name_no_node(step_key: str, key: str) -> None:
    assert node_key(step_key) == key


def test_a_try_has_lanes_for_its_handlers() -> None:
    drawn = graph(
        """
        try:
            await step.do("risky", fail, "x")
        except EmailTakenError:
            return "taken"
        else:
            await step.do("after", save, 1)
        """
    )
    assert outline(drawn) == [
        (
            "try",
            "try",
            {
                "": [("step", "risky")],
                "except EmailTakenError": [("return", 'return "taken"')],
                "else": [("step", "after")],
            },
        )
    ]


def test_a_wait_for_an_event_tells_its_type_and_its_key() -> None:
    drawn = graph(
        """
        for n in [1, 2]:
            await step.wait_for_event("answer", type="approved", payload=int, timeout="24 hours")
        """
    )
    (node,) = drawn.nodes[0].lanes[0].nodes
    assert (node.kind, node.label, node.detail, node.key) == ("event", "answer", "approved, 1 day", "answer")
    assert as_data(drawn)["nodes"][0]["lanes"][0]["nodes"][0]["event"] == "approved"


def test_as_data_it_is_json_with_all_lanes() -> None:
    data = as_data(graph('await step.do("first", save, 1)\nif LIMIT > event.payload.age:\n    return "x"'))
    assert data["label"] == ""
    assert data["nodes"][0] == {
        "id": "n1",
        "kind": "step",
        "label": "first",
        "detail": "5 retries, 10 minutes",
        "key": "first",
    }
    assert [lane["label"] for lane in data["nodes"][1]["lanes"]][-1] == "else"


def test_mermaid_nests_blocks_labels_edges_and_ends_where_the_program_ends() -> None:
    drawn = mermaid(
        graph(
            """
            for n in [1, 2]:
                a = await step.do("poll", save, n)
                if a > 3:
                    return "<b>"
                await step.sleep("pause", "1 minute")
            await step.do("last", save, 1)
            """
        )
    )
    assert drawn.splitlines() == [
        "flowchart TD",
        "    start((start))",
        '    subgraph n1["for n in #91;1, 2#93;<br><small>2 rounds at most</small>"]',
        '        n2["poll<br><small>5 retries, 10 minutes</small>"]',
        '        n3{"if"}',
        '        n4(["return #34;#60;b#62;#34;"])',
        '        n3 -->|"if a #62; 3"| n4',
        "        n2 --> n3",
        '        n5(["pause<br><small>1 minute</small>"])',
        '        n3 -->|"else"| n5',
        "    end",
        "    start --> n1",
        '    n6["last<br><small>5 retries, 10 minutes</small>"]',
        "    n1 --> n6",
    ]
