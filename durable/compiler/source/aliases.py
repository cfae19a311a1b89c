"""Values that `run` changes in place: `xs += […]`, `xs.append(x)`, `d[key] = value`, `order.status = value`.

CPython changes the value itself, a compiled program assigns a new one to the name. Both agree as long as nothing else
holds the same value: each one that is assigned to the name is new, and every reader of the name only looks into it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from durable.compiler.source.mutations import changed_in_place, grown_entry, path_of

_LOOKING: Final = frozenset({"set", "frozenset", "len", "any", "all", "sorted", "sum", "list", "tuple", "bool", "dict"})
"""Functions that take a list and keep nothing of it but its elements."""
_GOING: Final = frozenset({"enumerate", "filter", "map", "max", "min", "reversed", "zip"})
"""Functions that go through lists; `min` and `max` of several return one of them."""
_MAKING: Final = frozenset({"list", "sorted", "dict", "set"})
Function = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_DISPLAYS: Final = (ast.List, ast.Tuple, ast.Dict)


def _place(node: ast.stmt | ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _cannot_fail(node: ast.AST) -> bool:
    return not isinstance(node, ast.Await | ast.BinOp | ast.Call | ast.Subscript | ast.Attribute | ast.NamedExpr)


class Aliases:
    """Tells of the names of one function whether another name or value may hold the same list, dict or object.

    Args:
        event: the name of the event that a `run` is given; None in other functions.
        is_maker: says of what is called whether it makes an object, which nothing else holds then.
        given: returns what a call that makes an object gives one of its fields; None of other calls.
    """

    def __init__(
        self,
        function: Function,
        step: str,
        event: str | None,
        is_maker: Callable[[ast.expr], bool],
        given: Callable[[ast.Call, str], list[ast.expr] | None],
    ) -> None:
        self._function, self._step, self._event, self._is_maker, self._given = function, step, event, is_maker, given
        self._parents: dict[ast.AST, ast.AST] = {}
        self._uses: dict[str, list[ast.Name]] = defaultdict(list)
        self._cleans_up = False
        for node in ast.walk(function):
            self._parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
            self._cleans_up |= isinstance(node, ast.Try) and bool(node.finalbody)
            if isinstance(node, ast.Name):
                self._uses[node.id].append(node)
        arguments = function.args
        self._parameters = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        self._known: dict[str, bool] = {}

    def share(self, name: str) -> bool:
        """Return whether the list of a name may be that of something else, too."""
        if name not in self._known:
            uses = self._uses[name]
            # A name that is assigned nowhere here is the list of the function around.
            is_ours = any(isinstance(each.ctx, ast.Store) for each in uses) and name not in self._parameters
            self._known[name] = not is_ours or not all(map(self._is_apart, uses))
        return self._known[name]

    def returns_new(self) -> bool:
        """Return whether the function returns lists, dicts or objects that nothing else holds."""
        returned = [each for each in ast.walk(self._function) if isinstance(each, ast.Return) and self._is_own(each)]
        return bool(returned) and all(each.value is not None and self._is_new(each.value) for each in returned)

    def _is_new(self, value: ast.expr) -> bool:
        return self._makes(value) or (isinstance(value, ast.Name) and not self.share(value.id))

    def _is_own(self, node: ast.AST) -> bool:
        """Return whether a node stands in the function itself, and in none that is nested in it."""
        while not isinstance(node, _FUNCTIONS):
            node = self._parents[node]
        return node is self._function

    def share_part(self, name: str, part: str) -> bool:
        """Return whether the list or dict in a field of a name's object may be that of something else, too."""
        uses = self._uses[name]
        is_ours = any(isinstance(each.ctx, ast.Store) for each in uses) and name not in self._parameters
        return not is_ours or not all(self._keeps_part(each, part) for each in uses)

    def _keeps_part(self, node: ast.Name, part: str) -> bool:
        above = self._parents[node]
        if isinstance(node.ctx, ast.Store):
            match above:
                case ast.Assign([ast.Name()], value) | ast.AnnAssign(ast.Name(), _, value) if value is not None:
                    return self._makes_with(value, part)
            return False
        if not isinstance(above, ast.Attribute):
            return self._only_looks(node) or self._is_left_alone(node)
        if above.attr != part:
            # What a method of the object returns, as `model_copy`, may hold its lists.
            called = self._parents[above]
            return not (isinstance(called, ast.Call) and called.func is above)
        holder = self._parents[above]
        if isinstance(above.ctx, ast.Store):
            return isinstance(holder, ast.AugAssign) or (isinstance(holder, ast.Assign) and self._makes(holder.value))
        if changed_in_place(holder) == path_of(above):
            return True
        return self._only_looks(above) or self._is_left_alone(node)

    def _makes_with(self, value: ast.expr, part: str) -> bool:
        """Return whether an object is made together with the list in one of its fields."""
        match value:
            case ast.Constant() | ast.Await(ast.Call(ast.Attribute())) | ast.Attribute():
                return self._makes(value)
            case ast.IfExp(body=one, orelse=other):
                return self._makes_with(one, part) and self._makes_with(other, part)
            case ast.Call():
                given = self._given(value, part)
                return given is not None and all(map(self._makes, given))
        return False

    def holds_own_lists(self, name: str) -> bool:
        """Return whether nothing else holds the lists in a dict while they grow: they are read when all have grown."""
        uses = self._uses[name]
        is_ours = any(isinstance(each.ctx, ast.Store) for each in uses) and name not in self._parameters
        return is_ours and all(map(self._is_of_group, uses))

    def _is_of_group(self, node: ast.Name) -> bool:
        match self._parents[node]:
            case ast.Assign([_], ast.Dict(keys, values)) | ast.AnnAssign(value=ast.Dict(keys, values)):
                return None not in keys and all(map(self._makes, values))
            case ast.Assign([_], ast.DictComp(value=value)) | ast.AnnAssign(value=ast.DictComp(value=value)):
                return self._makes(value)
            case ast.Compare():
                return True
            case ast.Call(ast.Name("len")):
                return True
            case ast.Subscript(ctx=ast.Store()) as entry:
                statement = self._parents[entry]
                return isinstance(statement, ast.Assign) and self._makes(statement.value)
            case ast.Subscript() as entry if self._looks_at(entry):
                return True
        return self._grows(node) or self._is_after_changes(node)

    def _looks_at(self, entry: ast.Subscript) -> bool:
        """Return whether a list of a dict is looked into, and not kept."""
        match self._parents[entry]:
            case ast.Subscript(value=value):
                return value is entry
            case ast.Call(ast.Name(called)):
                return called in _LOOKING
            case ast.Compare() | ast.Starred() | ast.comprehension():
                return True
        return False

    def _grows(self, node: ast.AST) -> bool:
        """Return whether a name stands in a statement that has a list of its dict grow."""
        name = node
        while isinstance(self._parents[node], ast.Attribute | ast.Call | ast.Subscript):
            node = self._parents[node]
        entry = grown_entry(node) if isinstance(self._parents[node], ast.Expr) else None
        return entry is not None and entry[0] is name

    def _is_apart(self, node: ast.Name) -> bool:
        if isinstance(node.ctx, ast.Store):
            is_new = self._assigns_new(self._parents[node]) or self._is_part_of_new(node)
            return is_new or self._is_after_changes(node)
        if changed_in_place(self._parents[node]) == node.id:
            return True
        return self._only_looks(node) or self._is_left_alone(node)

    def _is_left_alone(self, node: ast.Name) -> bool:
        """Return whether a value is kept where nothing changes it any more."""
        return self._is_after_changes(node) or self._is_replaced(node) or self._is_of_one_round(node)

    def _is_replaced(self, node: ast.Name) -> bool:
        """Return whether the name gets a new value right after: `batches.append(batch)` and then `batch = []`."""
        statement: ast.AST = node
        while not isinstance(statement, ast.stmt):
            statement = self._parents[statement]
        if not isinstance(statement, ast.Expr | ast.Assign) or any(map(self._changes, self._of(statement, node.id))):
            return False
        parts = (part for _, part in ast.iter_fields(self._parents[statement]) if isinstance(part, list))
        block = next(part for part in parts if statement in part)
        for each in block[block.index(statement) + 1 :]:
            if any(isinstance(use.ctx, ast.Store) for use in self._of(each, node.id)):
                return self._assigns_anew(each, node.id)
            # Nothing in between may leave the block: an error that is caught would go on with the old value.
            if not isinstance(each, ast.Assign | ast.AugAssign) or not all(map(_cannot_fail, ast.walk(each))):
                return False
        return False

    def _is_of_one_round(self, node: ast.Name) -> bool:
        """Return whether each round of the loop makes a value of its own, and changes it before it is kept only."""
        loop: ast.AST = node
        while not isinstance(loop, (*_FUNCTIONS, ast.For, ast.While, ast.comprehension)):
            loop = self._parents[loop]
        if not isinstance(loop, ast.For | ast.While):
            return False
        made = next((each for each in loop.body if self._assigns_anew(each, node.id)), None)
        changes = [each for each in self._uses[node.id] if self._changes(each) or self._grows(each)]
        return (
            made is not None
            and all(any(each is one for one in ast.walk(loop)) for each in changes)
            and all(_place(made) < _place(each) < _place(node) for each in changes)
        )

    def _of(self, statement: ast.AST, name: str) -> list[ast.Name]:
        return [each for each in ast.walk(statement) if isinstance(each, ast.Name) and each.id == name]

    def _assigns_anew(self, statement: ast.AST, name: str) -> bool:
        """Return whether a statement gives a name a value that was made for it."""
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            return False
        stores = [each for each in self._of(statement, name) if isinstance(each.ctx, ast.Store)]
        return len(stores) == 1 and (self._assigns_new(statement) or self._is_part_of_new(stores[0]))

    def _is_after_changes(self, node: ast.Name) -> bool:
        """Return whether a list is kept where nothing changes it any more: below all changes, and in no loop of one."""
        changes = [each for each in self._uses[node.id] if self._changes(each) or self._grows(each)]
        part: ast.AST = node
        above = self._parents[node]
        while above is not self._function:
            # What a loop goes through is evaluated before it.
            is_before = isinstance(above, ast.For | ast.comprehension) and above.iter is part
            is_again = isinstance(above, (*_FUNCTIONS, ast.For, ast.While, *_COMPREHENSIONS)) and not is_before
            if is_again and any(self._stands_in(each, above) for each in changes):
                return False
            part, above = above, self._parents[above]
        return all(_place(each) < _place(node) for each in changes)

    def _stands_in(self, node: ast.AST, whole: ast.AST) -> bool:
        while node is not whole and node is not self._function:
            node = self._parents[node]
        return node is whole

    def _changes(self, node: ast.Name) -> bool:
        """Return whether a name stands where its value is changed, or the value in a field of it."""
        above = self._parents[node]
        if changed_in_place(above) == node.id:
            return True
        added_to: ast.AST = above if isinstance(above, ast.Attribute) else node
        holder = self._parents[added_to]
        if isinstance(holder, ast.AugAssign):
            return holder.target is added_to
        return isinstance(above, ast.Attribute) and changed_in_place(holder) == path_of(above)

    def _assigns_new(self, statement: ast.AST) -> bool:
        """Return whether a statement assigns a list that was made for it."""
        match statement:
            case ast.AugAssign():
                return True
            case ast.Assign([ast.Name()], value) | ast.AnnAssign(ast.Name(), _, value) if value is not None:
                return self._makes(value)
        return False

    def _is_part_of_new(self, node: ast.Name) -> bool:
        """Return whether a name is one of `a, b = [], {}` or `a, b = await step.do(…)`, each a value of its own."""
        names = self._parents[node]
        statement = self._parents[names]
        if not isinstance(names, ast.Tuple) or any(isinstance(each, ast.Starred) for each in names.elts):
            return False
        match statement:
            case ast.Assign([_], ast.Tuple(values)) if len(values) == len(names.elts):
                return self._makes(values[names.elts.index(node)])
            case ast.Assign([_], ast.Await(ast.Call(ast.Attribute(ast.Name(of), "gather"), calls))) if of != self._step:
                return all(self._makes(ast.Await(each)) for each in calls)  # steps, and no nested defs
            case ast.Assign([_], ast.Await(ast.Call(ast.Attribute(attr="do" | "call" | "wait_for_event"))) as value):
                return self._makes(value)
        return False

    def _makes(self, value: ast.expr) -> bool:
        match value:
            case (
                ast.Dict()
                | ast.DictComp()
                | ast.Set()
                | ast.SetComp()
                | ast.List()
                | ast.ListComp()
                | ast.BinOp()
                | ast.Constant()
                | ast.Subscript(slice=ast.Slice())
            ):
                return True
            case ast.Call(ast.Name(function)) if function in _MAKING:
                return True
            case ast.Call(ast.Attribute(attr="split" | "rsplit" | "splitlines" | "copy" | "model_copy")):
                return True
            case ast.Call(called) | ast.Await(ast.Call(ast.Name() as called)) if self._is_maker(called):
                return True
            case ast.Attribute(ast.Name(of), "payload") if of == self._event:
                # Nothing else of `run` reads the payload, and it is taken out once.
                return len(self._uses[of]) == 1 and self._parents[self._parents[value]] is self._function
            case ast.Await(ast.Call(ast.Attribute(ast.Name(of), method))):
                # A branch of a race may return what a name of this function holds.
                return of == self._step and method != "race"
            case ast.IfExp(body=one, orelse=other):
                return self._makes(one) and self._makes(other)
        return False

    def _only_looks(self, node: ast.Name | ast.Attribute) -> bool:
        """Return whether an expression looks into a list without keeping it."""
        path = path_of(node)
        assert path is not None
        above: ast.AST = node
        while isinstance(self._parents[above], ast.BoolOp):
            above = self._parents[above]
        match self._parents[above]:
            case ast.AugAssign() | ast.BinOp() | ast.Compare() | ast.UnaryOp() | ast.Starred():
                return True
            case ast.comprehension():
                return self._goes_through(above, path)
            case ast.Attribute() as method:
                return self._goes_through(method, path)
            case ast.Subscript(value=value):
                return value is above
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if test is above:
                return True
            case ast.For():
                return self._goes_through(above, path)
            case ast.Call(ast.Name(called), arguments) as call if called in _GOING:
                return (called not in ("min", "max") or len(arguments) == 1) and self._goes_through(call, path)
            case ast.Call(ast.Name(called)):
                return called in _LOOKING
            case ast.Call(ast.Attribute(attr="join")):
                return True
        return self._is_sent(above) or self._is_returned(above)

    def _goes_through(self, node: ast.AST, name: str) -> bool:
        """Return whether a list is gone through, by nothing that changes it meanwhile."""
        while isinstance(self._parents[node], ast.Call):
            node = self._parents[node]
        loop = self._parents[node]
        loop = self._parents[loop] if isinstance(loop, ast.comprehension) else loop
        if not isinstance(loop, (ast.For, *_COMPREHENSIONS)):
            return True
        added = [each.target for each in ast.walk(loop) if isinstance(each, ast.AugAssign)]
        grows = name in map(path_of, added)
        return not grows and name not in map(changed_in_place, ast.walk(loop))

    def _is_sent(self, node: ast.AST) -> bool:
        """Return whether a value is what an awaited step is given: it is written as JSON before the run goes on."""
        while isinstance(self._parents[node], _DISPLAYS):
            node = self._parents[node]
        match self._parents[node]:
            case ast.Call(ast.Attribute(ast.Name(of))) as call if of == self._step:
                node = call
                while isinstance(node, ast.Call):
                    node = self._parents[node]
                return isinstance(node, ast.Await)
        return False

    def _is_returned(self, node: ast.AST) -> bool:
        """Return whether a value is what the function ends with, and nothing of it goes on after that."""
        while isinstance(self._parents[node], (*_DISPLAYS, ast.IfExp)):
            node = self._parents[node]
        node = self._parents[node]
        return isinstance(node, ast.Return) and not self._cleans_up and self._is_own(node)
