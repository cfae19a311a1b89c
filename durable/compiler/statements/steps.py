"""Reading what `run` awaits of its steps: names, functions, arguments, options."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from durable.compiler.expressions import options
from durable.compiler.expressions.advice import OPTIONS_LAST, of_misspelt, of_step_function
from durable.compiler.expressions.expressions import ExpressionReader
from durable.compiler.expressions.objects import fits
from durable.compiler.expressions.options import Resolve
from durable.compiler.expressions.refusals import require_known
from durable.compiler.expressions.scope import Scope
from durable.compiler.expressions.spans import as_data, sleep_length, timeout
from durable.compiler.program.tree import Place, Sleep, StepCall
from durable.compiler.source.names import HOISTED, shortened
from durable.compiler.source.problems import Refusals, Refused
from durable.compiler.statements.titles import COMPUTED, template
from durable.compiler.types.annotations import kind_of
from durable.compiler.types.assignability import assignable, names_remedy
from durable.compiler.types.kinds import Fixed, Kind, Opaque, Text, describe, is_text, is_unknown
from durable.compiler.types.roundtrip import loss
from durable.compiler.types.terms import TEXT, Constant, Expression
from durable.errors import SignatureError
from durable.retries import Retries
from durable.signature import DataParameter, Signature, signature_of
from durable.store.values import holds_secret
from durable.wire import MAX_STEP_NAME, MAX_STEP_TIMEOUT_SECONDS

OPTIONS: Final = ("retries", "timeout", "undo", "after_rollback", "sensitive")
"""What can be said of a step besides its arguments; an argument of its function by one of these names has no name."""
METHODS: Final = ("do", "sleep", "sleep_until", "wait_for_event", "callback", "call", "complete", "map", "race")


Arguments = tuple[tuple[str, Expression], ...]


@dataclass(slots=True)
class StepReader:
    """Reads calls of the step's methods.

    Attributes:
        lines: where each name was written first.
        events: the payload of each type of event that is waited for, as it is written, and in which line first.
        lost: what of the steps' types does not come back from JSON, and which value named it first.
    """

    expressions: ExpressionReader
    lines: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    events: dict[str, tuple[str, int]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)

    def source(self, node: ast.AST) -> str:
        """Return a node's source."""
        return self.expressions.source.of(node)

    def resolve(self, node: ast.expr) -> tuple[bool, Any]:
        """Return whether a name belongs to the module, and its value there."""
        return self.expressions.static(node, Scope())

    def name(self, node: ast.Call) -> str:
        """Return the name of a step, which is the first argument."""
        if not node.args:
            raise Refused(node, f"`{self.source(node)}` has no name", "name the step: its first argument")
        try:
            name = options.constant(node.args[0], self.resolve)
        except Refused:
            name = template(node.args[0], self.resolve)
        if name is None:
            text = self.source(node.args[0])
            found = f"the name of a step is computed: `{text}`"
            raise Refused(node, found, 'write it out, but for its end: `f"send {user.id}"`')
        if inspect.isfunction(name):
            text = self.source(node.args[0])
            raise Refused(node, f"`{text}` stands first, where a name does", f'write `step.do("{text}", {text}, …)`')
        if not isinstance(name, str) or not name.strip() or name != name.strip() or not name.isprintable():
            raise Refused(node, f"{name!r} is no name for a step", "write a short text without spaces around it")
        if len(name) > MAX_STEP_NAME:
            raise Refused(node, f'the name "{name}" has {len(name)} characters', f"use {MAX_STEP_NAME} at most")
        # Keys are `block/step[round]`, and `{%` begins an expression: see `Reading.place`.
        if any(each in name for each in "/[]{}"):
            raise Refused(node, f'the name "{name}" holds one of / [ ] {{ }}', "they stand for blocks and rounds")
        self._claim(node, name)
        return name

    def title(self, node: ast.Call, scope: Scope) -> Expression | None:
        """Return what the run makes of a step's name; None of a name that is written out."""
        name = template(node.args[0], self.resolve)
        if name is None or COMPUTED not in name or options.is_written(node.args[0], self.resolve):
            return None
        title = self.expressions.value(node.args[0], scope)
        if not is_text(title.kind) and not is_unknown(title.kind):
            raise Refused(node, f"{describe(title.kind)} is no name for a step", "write an f-string")
        return title

    def _claim(self, node: ast.Call, name: str) -> None:
        place = (node.lineno, node.col_offset, self.expressions.source.file)
        # By the place in the source: a loop that is read several times names the same step, and that is no second one.
        first = self.lines.setdefault(name, place)
        if first != place:
            raise Refused(
                node,
                f'the name "{name}" is used twice, first in line {first[0]}',
                "give each step of a run a name of its own",
            )

    def race_name(self, node: ast.Call, labels: str) -> str:
        """Return the name of a race: what its branches are called; numbered where that is taken."""
        place = (node.lineno, node.col_offset, self.expressions.source.file)
        name, number = shortened(labels), 1
        while self.lines.setdefault(name, place) != place:
            number += 1
            name = shortened(labels, f" ({number})")
        return name

    def options(self, node: ast.Call, *allowed: str) -> dict[str, ast.expr]:
        """Return the named arguments of a call."""
        found = self._named(node)
        for each in found:
            if each not in allowed:
                known = ", ".join(f"{name}=" for name in allowed) or "no options"
                raise Refused(node, f"`{each}=` is no option here", f"there are: {known}")
        return found

    def _named(self, node: ast.Call) -> dict[str, ast.expr]:
        if any(each.arg is None for each in node.keywords):
            raise Refused(node, f"`{self.source(node)}` spreads its options", "write each option out")
        return {str(each.arg): each.value for each in node.keywords}

    def do(
        self, node: ast.Call, scope: Scope, place: Callable[[str], Place], *, has_callback: bool = False
    ) -> StepCall:
        """Return a `step.do(…)`, or the step of a `step.callback(…)`; `place` returns where a step of a name stands."""
        # All that is wrong with the call is reported at once, hence each part is read though others were refused.
        refusals = Refusals()
        name = refusals.of(partial(self.name, node), "")
        if len(node.args) < 2 and name:
            raise Refused(node, f'the step "{name}" has no function', "pass the function after the name")
        title = refusals.of(partial(self.title, node, scope), None) if node.args else None
        nothing: dict[str, ast.expr] = {}
        named = refusals.of(partial(self._named, node), nothing)
        if named is not nothing:
            named = {each: value for each, value in named.items() if not _was_refused(value, scope)}
        retries = refusals.of(partial(options.retries, named.get("retries"), self.resolve), Retries())
        unread: tuple[Expression | None, int] = (None, 1)
        reading = partial(self.timeout, named.get("timeout"), options.timeout, MAX_STEP_TIMEOUT_SECONDS, scope)
        timeout, seconds = refusals.of(reading, unread)
        flag = refusals.of(partial(options.flag, named.get("sensitive"), "sensitive", self.resolve), False)
        signature = None
        if len(node.args) > 1:
            signature = refusals.of(partial(self._function, node, scope), None)
        arguments: Arguments = ()
        undo = None
        if signature is not None and named is not nothing:
            given = {each: value for each, value in named.items() if each not in OPTIONS}
            arguments = refusals.of(partial(self._arguments, node, name, signature, given, scope), ())
            names = [each for each, _ in arguments]
            taking_back = refusals.of(partial(self._taking_back, node, name, named), None)
            undo = refusals.of(partial(self._undo, taking_back, name, signature, names), None)
        refusals.check()
        assert signature is not None
        _check_callback(node, name, signature, has_callback=has_callback)
        sensitive = flag or holds_secret(signature.result) or any(holds_secret(each.adapter) for each in signature.data)
        where = replace(place(name), title=title)
        call = StepCall(name, signature, arguments, retries, seconds, where, undo=undo, sensitive=sensitive)
        return replace(call, undo_last="after_rollback" in named, timeout=timeout)

    def timeout(
        self, node: ast.expr | None, written: Callable[[ast.expr | None, Resolve], int], most: int, scope: Scope
    ) -> tuple[Expression | None, int]:
        """Return a timeout that is known in the run, and in seconds the one that is written, or else the longest."""
        # Known now, it stands in the definition as a number, by which the step's Lambda gets its timeout; else the
        # Lambda has the longest one.
        if node is None or options.is_written(node, self.resolve):
            return None, written(node, self.resolve)
        value = self.expressions.value(node, scope)
        if is_unknown(value.kind):
            return None, most
        return self.expressions.located(node, timeout(node, value, self.source(node), most)), most

    def _taking_back(self, node: ast.Call, step: str, named: dict[str, ast.expr]) -> ast.expr | None:
        if "undo" in named and "after_rollback" in named:
            found = f'the step "{step}" has an undo and an after_rollback'
            raise Refused(node, found, "give the after_rollback to another step, as the first one")
        return named.get("undo", named.get("after_rollback"))

    def _undo(self, node: ast.expr | None, step: str, of: Signature, given: list[str]) -> Signature | None:
        """Return the signature of a step's undo: the step's result, then arguments of the step by their names."""
        if node is None or (isinstance(node, ast.Constant) and node.value is None):
            return None
        undo = self._signature(node)
        name, result = undo.function.__name__, kind_of(of.returns)
        if not undo.data:
            raise Refused(node, f'the undo of "{step}" takes no result', f"let {name} take what the step returns first")
        first = kind_of(undo.data[0].type)
        if not assignable(result, first):
            found = f'the step "{step}" returns {describe(result)}, and {name} takes {describe(first)}'
            raise Refused(node, found, f"let {name} take what the step returns first")
        arguments = {each.name: each for each in of.data if each.name in given}
        for each in undo.data[1:]:
            self._undo_argument(node, step, name, each, arguments.get(each.name))
        return undo

    def _undo_argument(
        self, node: ast.expr, step: str, undo: str, wanted: DataParameter, given: DataParameter | None
    ) -> None:
        if given is None and wanted.required:
            found = f'{undo} takes {wanted.name}, which the step "{step}" is not given'
            raise Refused(node, found, "an undo takes the step's result, then arguments of the step by their names")
        if given is not None and not assignable(kind_of(given.type), kind_of(wanted.type)):
            declared, of_step = describe(kind_of(wanted.type)), describe(kind_of(given.type))
            found = f'{undo} takes {wanted.name} as {declared}, and the step "{step}" has it as {of_step}'
            raise Refused(node, found, "declare it alike")

    def _function(self, node: ast.Call, scope: Scope) -> Signature:
        """Return the signature of the function of a `step.do(…)`."""
        function = node.args[1]
        instead = of_step_function(self._written(function), self.expressions.names.step, self.source(node.args[0]))
        local = scope.locals.get(function.id) if isinstance(function, ast.Name) else None
        if local is not None and isinstance(local.value.kind, Fixed):
            instead = f"`{self.source(function)}` is a dict", OPTIONS_LAST
        if instead is not None:
            raise Refused(node, *instead)
        return self._signature(function)

    def _written(self, node: ast.expr) -> ast.expr:
        """Return an expression as the author wrote it: a call of a helper has become a statement before this one."""
        if isinstance(node, ast.Name) and HOISTED in node.id:
            return ast.parse(f"({self.expressions.source.of(node, sys.maxsize)})", mode="eval").body
        return node

    def _signature(self, node: ast.expr) -> Signature:
        text = self.source(node)
        found, function = self.resolve(node)
        if not found:
            meant = of_misspelt(node, self.expressions.source.names)
            if meant is not None:
                raise Refused(node, f"the step function `{text}` is not defined", meant)
            raise Refused(
                node,
                f"the step function `{text}` is not a function of a module",
                "define it at the top level of a module, import it and pass its name",
            )
        if not inspect.isfunction(function):
            raise Refused(node, f"`{text}` is no function", "pass a plain function as the step")
        try:
            signature = signature_of(function)
        except SignatureError as error:
            raise options.refused(node, error) from None
        for what, annotation in (*((each.name, each.type) for each in signature.data), ("result", signature.returns)):
            self._check_travels(node, f"the {what} of {text}", annotation)
        return signature

    def _check_travels(self, node: ast.expr, what: str, annotation: Any) -> None:
        """Refuse a type whose values do not come back from JSON, in the first step that names it."""
        lost = loss(annotation)
        if lost is not None and self.lost.setdefault(lost, what) == what:
            found, _, remedy = lost.partition("; ")
            raise Refused(node, f"{what} would not arrive as it was sent: {found}", remedy)

    def _arguments(
        self, node: ast.Call, name: str, signature: Signature, named: dict[str, ast.expr], scope: Scope
    ) -> tuple[tuple[str, Expression], ...]:
        wanted, nodes = signature.data, node.args[2:]
        takes = ", ".join(each.name for each in wanted) or "no data"
        if any(isinstance(each, ast.Starred) for each in nodes):
            raise Refused(node, f'the step "{name}" is given starred arguments', "write them out")
        if len(nodes) > len(wanted):
            raise Refused(
                node,
                f'the step "{name}" is given {len(nodes)} arguments',
                f"{signature.function.__name__} takes {takes}; bindings and the context are injected",
            )
        given = {parameter.name: each for parameter, each in zip(wanted, nodes, strict=False)}
        function = signature.function.__name__
        for each in named:
            if each in given:
                raise Refused(node, f'the step "{name}" is given {each} twice', "give it once")
            if each not in (parameter.name for parameter in wanted):
                known = ", ".join(f"{option}=" for option in OPTIONS)
                remedy = f"there are: {known}, and the arguments of {function}: {takes}"
                raise Refused(node, f"`{each}=` is no option here", remedy)
        given |= named
        missing = [each.name for each in wanted if each.required and each.name not in given]
        if missing:
            raise Refused(node, f'the step "{name}" is not given {", ".join(missing)}', f"it takes {takes}")
        return tuple(
            (parameter.name, self._argument(given[parameter.name], name, parameter, scope))
            for parameter in wanted
            if parameter.name in given
        )

    def _argument(self, node: ast.expr, step: str, parameter: DataParameter, scope: Scope) -> Expression:
        declared = kind_of(parameter.type)
        value = as_data(node, self.expressions.held(node, scope), declared)
        if not fits(value.kind, declared):
            raise Refused(
                node,
                f'the step "{step}" is given `{self.source(node)}` ({describe(value.kind)})'
                f" for {parameter.name}, which is {describe(declared)}",
                _remedy(value.kind, declared),
            )
        return value

    def sleep(self, node: ast.Call, prefix: str, scope: Scope) -> Sleep:
        """Return a `step.sleep(…)`."""
        name = prefix + self.name(node)
        self.options(node)
        if len(node.args) != 2:
            raise Refused(
                node, f"`{self.source(node)}` is not a name and a length", 'write `await step.sleep("name", "3 days")`'
            )
        if options.is_written(node.args[1], self.resolve):
            return Sleep(name, options.pause(node.args[1], self.resolve), None)
        value = self.expressions.value(node.args[1], scope)
        if is_unknown(value.kind):
            return Sleep(name, 0, None)
        length = sleep_length(node.args[1], value, self.source(node.args[1]))
        return Sleep(name, None, None, self.expressions.located(node.args[1], length))

    def sleep_until(self, node: ast.Call, prefix: str, scope: Scope) -> Sleep:
        """Return a `step.sleep_until(…)`."""
        name = prefix + self.name(node)
        self.options(node)
        if len(node.args) != 2:
            raise Refused(
                node, f"`{self.source(node)}` is not a name and a time", 'write `await step.sleep_until("name", when)`'
            )
        when = options.moment(node.args[1], self.resolve)
        if when is not None:
            return Sleep(name, None, Constant(when, TEXT))
        value = self.expressions.value(node.args[1], scope)
        require_known(node, value, "the time to sleep until")
        if not is_unknown(value.kind) and not _is_time(value.kind):
            text = self.source(node.args[1])
            raise Refused(node, f"`{text}` ({describe(value.kind)}) is no time", "pass a datetime, or an ISO 8601 text")
        return Sleep(name, None, value)


def _check_callback(node: ast.Call, name: str, signature: Signature, *, has_callback: bool) -> None:
    function = signature.function.__name__
    if has_callback and signature.callback is None:
        found = f'the step "{name}" waits for its callback, and {function} takes none'
        raise Refused(node, found, f"give {function} a parameter `callback: Callback[Result]`")
    if not has_callback and signature.callback is not None:
        found = f"{function} takes a callback, for which `step.do` does not wait"
        raise Refused(node, found, f'write `step.callback("{name}", {function}, …, timeout="2 days")`')


def _was_refused(node: ast.expr, scope: Scope) -> bool:
    """Whether a variable's value was refused where it was assigned."""
    local = scope.locals.get(node.id) if isinstance(node, ast.Name) else None
    return local is not None and is_unknown(local.value.kind)


def _is_time(kind: Kind) -> bool:
    return isinstance(kind, Text) or (isinstance(kind, Opaque) and describe(kind) in ("datetime", "AwareDatetime"))


def _remedy(given: Kind, declared: Kind) -> str:
    if (of_names := names_remedy(given, declared)) is not None:
        return of_names
    if describe(given).endswith("| None") and not describe(declared).endswith("| None"):
        return "test it for None first, or let the parameter take None"
    return "pass a value of that type, or change the parameter"
