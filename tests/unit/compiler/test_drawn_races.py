"""Races drawn at random: nested, in loops and maps, with branches that fail; no two of them end at the same time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.sweeps import sweep
from tests.unit.compiler.both import agree
from tests.unit.compiler.sample import EmailTakenError, User
from tests.unit.compiler.written import written

PROGRAMS = int(os.environ.get("DURABLE_RACES", "40"))


class Drawing:
    """Writes a `run` that races; each sleep is another power of two of seconds, so that no two sums are alike."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.names, self.sleeps = itertools.count(), itertools.count()
        self.failing: list[str] = []
        self.lines: list[str] = []

    def program(self) -> str:
        self.lines += self._branch("outer", 2)
        self.lines.append("before = await outer()")
        self.lines.append("await step.sleep('between', '1 day')")
        self.lines += self._branch("again", 1)
        self.lines.append("try:")
        self.lines.append("    found = await again()")
        self.lines.append("except StepError as error:")
        self.lines.append("    found = 'caught ' + str(error)")
        self.lines.append("return [before, found]")
        return "\n".join(self.lines)

    def _sleep(self) -> str:
        number = next(self.sleeps)
        return f"await step.sleep('sleep {number}', '{2**number} seconds')"

    def _branch(self, name: str, depth: int) -> Iterator[str]:
        """Yield a nested def that sleeps, and then races, fails, or makes a step or two."""
        number = next(self.names)
        yield f"async def {name}() -> str:"
        yield f"    {self._sleep()}"
        if depth and self.random.random() < 0.8:
            inner = [f"{name}_{each}" for each in range(self.random.randint(2, 3))]
            for each in inner:
                yield from ("    " + line for line in self._branch(each, depth - 1))
            yield f"    won = await step.race({', '.join(f'{each}()' for each in inner)})"
            yield f"    return won + ' in {name}'"
            return
        for part in range(self.random.randint(1, 2)):
            step = f"step {number} {part}"
            if self.random.random() < 0.35:
                self.failing.append(step)
            yield f"    said = await step.do('{step}', text, '{name} {part}', retries=Retries(limit=0))"
            if self.random.random() < 0.3:
                yield f"    {self._sleep()}"
        yield "    return said"


@pytest.mark.parametrize("seed", sweep(range(PROGRAMS), quick=12))
def test_a_drawn_race_agrees_with_python(seed: int) -> None:
    drawing = Drawing(seed)
    body = drawing.program()

    def fail(value: str) -> Any:
        raise EmailTakenError(value)

    agree(written(body), User(user_id="u"), dict.fromkeys(drawing.failing, fail), ordered=False)
