"""Reading `async with asyncio.TaskGroup() as group:`, whose tasks run side by side as those of a gather."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
from dataclasses import dataclass

from durable.compiler.program.tree import Statement
from durable.compiler.source.places import placed
from durable.compiler.source.problems import Refused
from durable.compiler.statements.awaits import AwaitReader
from durable.compiler.statements.maps import Tasks
from durable.compiler.statements.reading import Reading
from durable.compiler.types.kinds import Done, ListOf
from durable.compiler.types.terms import Variable, element


@dataclass(frozen=True, slots=True)
class GroupReader:
    """Reads task groups."""

    reading: Reading
    awaits: AwaitReader

    def is_group(self, node: ast.AsyncWith) -> bool:
        """Return whether a statement opens a task group."""
        made = node.items[0].context_expr
        return isinstance(made, ast.Call) and self.reading.steps.resolve(made.func) == (True, asyncio.TaskGroup)

    def read(self, node: ast.AsyncWith) -> tuple[Statement, ...]:
        """Return a task group: a Parallel, and a variable for each task that has a name."""
        reading = self.reading
        named = node.items[0].optional_vars
        if len(node.items) != 1 or not isinstance(named, ast.Name):
            what = f"`{reading.source(node.items[0])}` is not one group with a name"
            raise Refused(node, what, "write `async with asyncio.TaskGroup() as group:`")
        tasks = [self._task(each, named.id) for each in node.body]
        awaited = self.awaits.branches(node, [call for _, call in tasks])
        if reading.frame.tries or reading.frame.guarded:
            raise Refused(
                node,
                "a TaskGroup in a `try` raises an ExceptionGroup, which no `except` of a state machine catches",
                "write `await asyncio.gather(…)`, or catch inside of its tasks",
            )
        whole = Variable(reading.variable("group", node), awaited.kind)
        found: list[Statement] = [dataclasses.replace(awaited.run, variable=whole.name)]
        for number, ((name, call), kind) in enumerate(zip(tasks, awaited.kinds, strict=True)):
            if name is not None:
                item = element(whole, number, kind)
                # Below the group all tasks have ended, so that `.result()` is the element of the list. Before, no name
                # stands for a task.
                done = (
                    ListOf(Done(kind.element)) if isinstance(call, Tasks) and isinstance(kind, ListOf) else Done(kind)
                )
                found += reading.bind(name, dataclasses.replace(item, kind=done))
        return tuple(found)

    def _task(self, node: ast.stmt, group: str) -> tuple[str | None, ast.expr]:
        """Return the name that is given to a task, and the call that it makes."""
        name, call = None, None
        match node:
            case ast.Assign([ast.Name(target)], value):
                name, call = target, self._created(value, group)
            case ast.Expr(value):
                call = self._created(value, group)
            case ast.For(target, items, [ast.Expr(value)], [], None) if (
                each := self._created(value, group)
            ) is not None:
                call = placed(Tasks(each, [ast.comprehension(target, items, [], 0)]), node)
        if call is None:
            found = f"`{self.reading.source(node)}` stands in a TaskGroup"
            remedy = f"it holds `task = {group}.create_task(…)` only: put the rest before it or after it"
            raise Refused(node, found, remedy)
        return name, call

    def _created(self, node: ast.expr, group: str) -> ast.expr | None:
        match node:
            case ast.ListComp(task, generators) if (each := self._created(task, group)) is not None:
                return placed(Tasks(each, generators), node)
            case ast.Call(ast.Attribute(ast.Name(name), "create_task"), [call], []) if name == group:
                return call
        return None
