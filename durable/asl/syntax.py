"""The syntax of jsonata 2.0.6: source to tree."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from jsonata.jexception import JException
from jsonata.parser import Parser
from jsonata.tokenizer import Tokenizer

from durable.asl.messages import message_of
from durable.asl.regex import compile_regex


class SyntaxProblem(Exception):
    """An expression cannot be parsed, or uses what AWS has not."""


class _Tokenizer(Tokenizer):  # type: ignore[misc]  # jsonata-python has no types
    """Knows no `??` and no `?:`, which came later: they are two tokens each."""

    def next(self, prefix: bool) -> Any:
        token = super().next(prefix)
        if token is not None and token.type == "operator" and token.value in ("??", "?:"):
            # The second character is read again, as a token of its own.
            self.position -= 1
            token.value = "?"
        return token


class _Parser(Parser):  # type: ignore[misc]  # jsonata-python has no types
    def parse(self, jsonata: str, regex_engine: Callable[..., Any] = compile_regex) -> Any:
        """Do what the library's own does, on our tokens."""
        self.source, self.lexer = jsonata, _Tokenizer(jsonata, regex_engine)
        self.advance()
        tree = self.expression(0)
        if self.node.id != "(end)":
            raise JException("S0201", self.node.position, self.node.value)
        tree = self.process_ast(tree)
        if tree.type == "parent" or tree.seeking_parent is not None:
            raise JException("S0217", tree.position, tree.type)
        return tree


_PARSER: Final = _Parser()
_PARSER_LOCK: Final = threading.Lock()


def parse_tree(source: str) -> Any:
    """Return the syntax tree of an expression; raises SyntaxProblem."""
    try:
        # A parser holds the state of one parse: threads take turns.
        with _PARSER_LOCK:
            tree = _PARSER.parse(source)
    except JException as error:
        raise SyntaxProblem(message_of(error)) from error
    except Exception as error:
        raise SyntaxProblem(f"the expression cannot be parsed ({type(error).__name__})") from error
    for node in nodes(tree):
        # An escape may name half of a character (`\ud800`), which no JSON text can hold.
        if node.type == "string" and node.value is not None:
            node.value = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return tree


def nodes(root: Any) -> Iterator[Any]:
    """Yield every node of a syntax tree."""
    stack, seen = [root], set()
    while stack:
        node = stack.pop()
        if isinstance(node, list | tuple):
            stack.extend(node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(value for value in vars(node).values() if isinstance(value, _CHILDREN))


_CHILDREN: Final = (list, tuple, Parser.Symbol)


def depth(root: Any) -> int:
    """Return how deeply the nodes of a syntax tree are nested."""
    deepest, stack, seen = 0, [(root, 1)], set()
    while stack:
        node, level = stack.pop()
        if isinstance(node, list | tuple):
            stack.extend((each, level) for each in node)
        elif isinstance(node, Parser.Symbol) and id(node) not in seen:
            seen.add(id(node))
            deepest = max(deepest, level)
            stack.extend((part, level + 1) for part in vars(node).values() if isinstance(part, _CHILDREN))
    return deepest


def context_references(root: Any) -> list[str]:
    """Return what an expression reads of a context item where there is none: `phone`, `$`, `*`, and `$$` anywhere.

    An expression of Step Functions sees variables and $states alone. Inside a path, a predicate, a sort or a transform
    there is a context item. Source: CreateStateMachine answers "Reference to 'phone' at the top level is not
    supported".
    """
    found = {"$$" for node in nodes(root) if node.type == "variable" and node.value == "$"}
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, list | tuple):
            stack.extend(node)
        elif isinstance(node, Parser.Symbol):
            if node.type == "name" or (node.type == "variable" and node.value == ""):
                found.add(str(node.value or "$"))
            elif node.type in _CONTEXT_SIGNS:
                found.add(_CONTEXT_SIGNS[node.type])
            elif node.type == "path":
                stack.append(node.steps[0])
            else:
                stack.extend(getattr(node, part, None) for part in _WITHOUT_CONTEXT.get(node.type, ()))
    return sorted(found)


_CONTEXT_SIGNS: Final = {"wildcard": "*", "descendant": "**", "parent": "%"}
_WITHOUT_CONTEXT: Final = {
    "binary": ("lhs", "rhs"),
    "unary": ("lhs_object", "expression", "expressions"),
    "condition": ("condition", "then", "_else"),
    "block": ("expressions",),
    "bind": ("rhs",),
    "function": ("procedure", "arguments"),
    "partial": ("procedure", "arguments"),
    "lambda": ("body",),
    "apply": ("lhs", "rhs"),
}
"""The parts of a node that have the context of the node itself."""


def names_any(source: str, ast: Any, names: Collection[str]) -> bool:
    """Whether an expression names one of these variables; the text tells most that do not, without a walk."""
    if not any(name in source for name in names):
        return False
    return any(getattr(node, "type", None) == "variable" and node.value in names for node in nodes(ast))


_PLAIN: Final = frozenset({"id", "value", "bp", "type", "lbp", "position", "level", "steps"})


def is_plain(node: Any, *parts: str) -> bool:
    """Tell whether a node has nothing but its value, and these parts."""
    known = _PLAIN.union(parts)
    return all(not value or name in known or name.startswith("_outer") for name, value in vars(node).items())


def plain_path(tree: Any) -> list[str] | None:
    """Return the names of a path that consists of a variable and object keys alone, or None."""
    path = tree.steps if tree.type == "path" else [tree]
    if not all(map(is_plain, [tree, *path])) or path[0].type != "variable" or not path[0].value:
        return None
    if any(node.type != "name" for node in path[1:]):
        return None
    return [str(node.value) for node in path]
