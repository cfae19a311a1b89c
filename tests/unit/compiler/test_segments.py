"""The segments of a definition: where a run parks, is moved and is entered again; what it carries; and in how many."""

from __future__ import annotations

from typing import Any

import pytest

from durable.compiler import compile_workflow
from durable.compiler.asl.carried import kept_variables
from durable.compiler.asl.segments import ROUND_SECONDS, express, standard
from tests.unit.compiler.both import agree, all_states
from tests.unit.compiler.segmented import Segments, run_segments
from tests.unit.compiler.written import written


def segments_of(body: str, functions: Any = None, events: Any = None) -> Segments:
    """Run a workflow both ways, and return what was executed of its segments."""
    workflow = written(body, payload="int")
    agree(workflow, 3, functions, events, ordered=False)
    return run_segments(compile_workflow(workflow), 3, functions, events)[1]


def test_a_run_without_waits_is_one_express_execution() -> None:
    assert segments_of("return await step.do('a', save, event.payload)").entered == [("express", None)]


def test_a_short_sleep_stays_in_its_execution() -> None:
    found = segments_of("await step.sleep('nap', '8 seconds')\nreturn await step.do('a', save, event.payload)")
    assert found.entered == [("express", None)]


def test_a_long_sleep_parks_and_is_entered_with_what_is_read_after_it() -> None:
    found = segments_of(
        """
        one = await step.do('a', save, event.payload)
        two = await step.do('b', save, one)
        await step.sleep('nap', '2 days')
        return await step.do('c', save, two)
        """
    )
    assert found.entered == [("express", None), ("express", "nap")]
    assert set(found.at["vars"]) == {"two", "at"}  # the time at which the sleep began is read by it


def test_what_has_waited_its_time_goes_on() -> None:
    found = segments_of("await step.sleep('nap', '2 days')\nawait step.sleep('more', '2 days')\nreturn 1")
    assert [state for _, state in found.entered] == [None, "nap", "more"]


def test_an_event_parks_until_it_comes_and_until_its_deadline() -> None:
    body = """
        try:
            got = await step.wait_for_event('go', type='go', payload=int, timeout='7 days')
        except StepTimeoutError:
            got = 0
        return got
        """
    assert segments_of(body, events={"go": [4]}).entered == [("express", None), ("express", "go")]
    assert segments_of(body).entered == [("express", None), ("express", "go")]


def test_a_retry_with_a_long_delay_parks_and_one_with_a_short_delay_does_not() -> None:
    def functions() -> Any:
        left = [ValueError(), ValueError()]

        def fails_twice(value: int) -> int:
            if left:
                raise left.pop()
            return value

        return {"a": fails_twice}

    for delay, entered in (("1 second", 1), ("90 seconds", 3)):
        body = f"return await step.do('a', save, event.payload, retries=Retries(limit=3, delay='{delay}'))"
        compiled = compile_workflow(written(body, payload="int"))
        outcome, found = run_segments(compiled, 3, functions())
        assert (outcome.output, len(found.entered)) == (3, entered)


def test_a_block_in_which_something_waits_is_moved_to_standard_and_back() -> None:
    found = segments_of(
        """
        async def slowly() -> int:
            await step.sleep('nap', '2 days')
            return await step.do('b', save, 1)

        one, two = await asyncio.gather(step.do('a', save, event.payload), slowly())
        return await step.do('c', save, one + two)
        """
    )
    assert [kind for kind, _ in found.entered] == ["express", "standard", "express"]


def test_a_block_without_waits_stays_in_express() -> None:
    found = segments_of(
        "one, two = await asyncio.gather(step.do('a', save, 1), step.do('b', save, 2))\nreturn one + two"
    )
    assert found.entered == [("express", None)]


RAISED_AGAIN = {
    "its own error": """
        raise WorkflowError("no")
    except Exception:
        await step.do("a", save, 1)
        raise""",
    "its own error, by name": """
        raise WorkflowError("no")
    except WorkflowError as error:
        await step.do("a", save, 1)
        raise error""",
    "an expression's error": """
        found = {"a": 1}[str(number)]
    except KeyError:
        await step.do("a", save, 1)
        raise""",
    "a step's error": """
        await step.do("a", fail, "x", retries=Retries(limit=0))
    except Exception:
        raise""",
}


@pytest.mark.parametrize("raised", RAISED_AGAIN)
@pytest.mark.parametrize(
    "block", ["await step.map('all', one, [1])", "await asyncio.gather(one(1), step.do('b', save, 1))"]
)
def test_an_error_that_a_branch_raises_again_ends_the_run_at_once(block: str, raised: str) -> None:
    one = f"async def one(number: int) -> None:\n    try:{RAISED_AGAIN[raised]}"
    found = segments_of(f"{one}\n{block}", {"fail": _dead})
    assert found.entered == [("express", None)]


def _dead(value: str) -> str:
    raise RuntimeError(value)


def test_a_loop_has_no_bound() -> None:
    rounds = 1_200
    body = f"""
        count = 0
        while count < {rounds}:
            count = await step.do('a', save, count)
        return count
        """
    compiled = compile_workflow(written(body, payload="int"))
    outcome, found = run_segments(compiled, 3, {"a": lambda value: value + 1})
    assert (outcome.output, outcome.error, found.entered) == (rounds, None, [("express", None)])


@pytest.mark.parametrize(
    "work",
    [
        "count = await step.do('a', save, count)",
        "count, _ = await asyncio.gather(step.do('a', save, count), step.do('b', save, 1))",
    ],
    ids=["step", "block"],
)
def test_a_round_of_a_loop_is_not_begun_shortly_before_the_execution_ends(work: str) -> None:
    body = f"""
        count = 0
        while count < 100:
            await step.sleep('pause', '9 seconds')
            {work}
        return count
        """
    compiled = compile_workflow(written(body, payload="int"))
    outcome, found = run_segments(compiled, 3, {"a": lambda value: value + 1, "b": lambda value: value})
    assert (outcome.output, {kind for kind, _ in found.entered}) == (100, {"express"})
    assert len(found.entered) == 4
    assert max(found.lasted_seconds) <= ROUND_SECONDS + 9


def test_a_state_is_entered_with_what_each_way_to_it_assigns_and_something_reads() -> None:
    states = {
        "start": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "choice"},
        "choice": {
            "Type": "Choice",
            "Choices": [{"Condition": '{% $a = 1 and "$c" != "" %}', "Assign": {"d": "{% $b %}"}, "Next": "end"}],
            "Assign": {"c": 1},
            "Default": "end",
        },
        "end": {"Type": "Pass", "Output": "{% $a & $d & $c %}", "End": True},
    }
    assert kept_variables("start", states) == {"start": (), "choice": ("a", "b"), "end": ("a",)}


@pytest.mark.parametrize("flavour", [express, standard])
def test_names_of_states_are_unique_and_short_enough(flavour: Any) -> None:
    name = "n" * 80
    body = f"await step.sleep('{name}', '2 days')\nawait step.sleep('{'m' * 79}', '2 days')\nreturn 1"
    names = all_states(flavour(compile_workflow(written(body, payload="int")).definition))
    assert len(names) == len(set(names))
    assert max(map(len, names)) == 80


@pytest.mark.parametrize("body", ["return found[9]", "if found[9] > 1:\n    return 1\nreturn 2"])
def test_an_expression_that_cannot_be_evaluated_ends_the_run_at_once(body: str) -> None:
    """No Catch of a state hears of it: `return` is a Pass, `if` a Choice."""
    workflow = written(f"found = await step.do('a', numbers, event.payload)\n{body}", payload="int")
    outcome, found = run_segments(compile_workflow(workflow), 3, {"a": lambda count: [1]})
    assert outcome.error == "States.QueryEvaluationError"
    assert found.entered == [("express", None)]
