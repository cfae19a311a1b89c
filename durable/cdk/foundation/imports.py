"""What a module imports, read from its source as Lambda's Python would run it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

PYTHON: Final = (3, 13)
"""The version of Python that Lambdas run on, whichever this is."""
_COMPARED: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = MappingProxyType(
    {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
)
_MISSING: Final = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


@dataclass(frozen=True, slots=True)
class Import:
    """A module that is imported: where, whether the author goes on without it, and whether only when a function is
    called.
    """

    name: str
    line: int
    optional: bool
    late: bool


def is_module(init: Path, name: str) -> bool:
    """Return whether a name that a package's `__init__.py` does not define must be a module of it."""
    tree = ast.parse(init.read_bytes())
    # A module that makes names when they are asked for (PEP 562) may have any.
    if any(isinstance(node, ast.FunctionDef) and node.name == "__getattr__" for node in tree.body):
        return False
    defined = _defined(tree.body)
    return "*" not in defined and name not in defined


def _defined(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements of a module define, those of its blocks included."""
    names: set[str] = set()
    for statement in body:
        for node in ast.walk(statement):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    names.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.alias(name=name, asname=other):
                    names.add(other or name.partition(".")[0])
    return names


def imports(body: Iterable[ast.AST], package: str, *, optional: bool = False, late: bool = False) -> Iterator[Import]:
    """Yield what code imports, whenever it does so; not what only type checkers or `python -m` see."""
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from (Import(each.name, node.lineno, optional, late) for each in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _absolute(module or "", level, package)
                yield from (
                    Import(base if each.name == "*" else f"{base}.{each.name}", node.lineno, optional, late)
                    for each in names
                )
            case ast.If(test=test, orelse=orelse) if _never(test):
                yield from imports(orelse, package, optional=optional, late=late)
            case ast.If(test=test, body=then, orelse=orelse) if (holds := _holds(test)) is not None:
                # What another version imports is shipped too, where it is there: a rehearsal runs on this Python.
                yield from imports(then, package, optional=optional or not holds, late=late)
                yield from imports(orelse, package, optional=optional or holds, late=late)
            case ast.With(items=[ast.withitem(context_expr=ast.Call() as manager), *_]) if _suppresses(manager):
                yield from imports(node.body, package, optional=True, late=late)
            case ast.Try(body=tried, handlers=handlers):
                missing = any(_catches(each) for each in handlers)
                yield from imports(tried, package, optional=optional or missing, late=late)
                rest = [*handlers, *node.orelse, *node.finalbody]
                yield from imports(rest, package, optional=optional, late=late)
            case ast.Call(args=[ast.Constant(value=str(name)), *rest]) if _dynamic(node.func):
                # `import_module(".late", __package__)`: one dot is the package itself, each further one a level above.
                level = len(name) - len(name.lstrip("."))
                given = [*rest, *(each.value for each in node.keywords)]
                if level and given and isinstance(given[0], ast.Constant):
                    name = _absolute(name[level:], level, str(given[0].value))
                else:
                    name = _absolute(name[level:], level, package)
                yield Import(name, node.lineno, optional, late)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from imports(ast.iter_child_nodes(node), package, optional=optional, late=True)
            case _:
                yield from imports(ast.iter_child_nodes(node), package, optional=optional, late=late)


def _absolute(module: str, level: int, package: str) -> str:
    if not level:
        return module
    base = package.split(".")
    return ".".join([*base[: len(base) - level + 1], *([module] if module else [])])


def _never(test: ast.expr) -> bool:
    """Return whether a test holds only for type checkers, or in the module that is run by name."""
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case ast.Compare(left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")]):
            return True
    return False


def _holds(test: ast.expr) -> bool | None:
    """Return whether a test of `sys.version_info` holds on Lambda's Python; None of any other test."""
    match test:
        case ast.Compare(
            left=ast.Attribute(value=ast.Name(id="sys"), attr="version_info"),
            ops=[compared],
            comparators=[ast.Tuple(elts=[ast.Constant(value=int(major)), ast.Constant(value=int(minor))])],
        ) if type(compared) in _COMPARED:
            # With a third number, as `sys.version_info` has one: 3.13.1 is after (3, 13).
            return _COMPARED[type(compared)]((*PYTHON, 1), (major, minor))
    return None


def _suppresses(manager: ast.Call) -> bool:
    """Return whether a context manager is `contextlib.suppress(ImportError)`."""
    match manager.func:
        case ast.Name(id="suppress") | ast.Attribute(attr="suppress"):
            return any(map(_is_missing, manager.args))
    return False


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or _is_missing(each) for each in caught)


def _is_missing(error: ast.expr) -> bool:
    """Return whether an exception's class is that of a module that is missing, or covers it."""
    return isinstance(error, ast.Name) and error.id in _MISSING


def _dynamic(function: ast.expr) -> bool:
    match function:
        case ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"):
            return True
    return False
