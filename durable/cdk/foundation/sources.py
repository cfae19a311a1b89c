"""What a Lambda is shipped of a project: each module that it imports, directly or not, and the data files beside them.

Imports are read from the source: nothing is run, so one inside of a function is found too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

import durable
from durable.bindings.compute import distribution
from durable.cdk.foundation.imports import PYTHON, Import, imports, is_module
from durable.clients.migrations import FOLDER as MIGRATIONS

LIBRARY: Final = Path(durable.__file__).resolve().parent
"""Where `durable` is imported from: a checkout, or an environment that it is installed in."""
LEFT_OUT: Final = (
    *("asl", "cdk", "cli", "compiler", "local", "templates", "testing"),
    *(
        "__main__.py",
        "build.py",
        "check.py",
        "cost.py",
        "document.py",
        "idle.py",
        "installation.py",
        "modules.py",
        "project.py",
    ),
)
"""What no Lambda ships of the library: what only synthesis, one machine or a test needs."""

DECLARATIONS: Final = "app"
_ABSENT: Final = frozenset(
    {
        # removed by 3.12 and 3.13 (PEP 594 and others)
        *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp"),
        *("lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau"),
        *("telnetlib", "uu", "xdrlib"),
        # new in 3.14
        *("annotationlib", "compression"),
    }
)
"""Modules that the standard library of this Python may have, and that of Lambda's has not."""
_STANDARD: Final = sys.stdlib_module_names - _ABSENT
RUNTIME: Final = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"})
"""What Lambda's Python has besides the standard library."""
NEEDED: Final = frozenset({"aws_lambda_powertools", "pydantic", "typing_extensions"})
"""What the library's own modules import of the layer."""
REQUIREMENTS: Final = "functions/requirements.txt"

_NO_DATA: Final = ("*.py", "*.pyc", "*.pyi", "*.asl.json", "*~", "requirements*.txt", "requirements*.in")


@dataclass(frozen=True, slots=True)
class Own:
    """What one Lambda can import and the others cannot.

    Attributes:
        what: whose Lambda it is, in words.
        module: the one that it begins with.
        pins: the packages of a layer of its own.
        has_layers: whether it has layers of which only AWS knows what is in them.
    """

    what: str
    module: str
    pins: tuple[str, ...] = ()
    has_layers: bool = False


class PackagingError(Exception):
    """What a Lambda needs could not be put together."""


def lacking(root: Path, packages: Iterable[str]) -> list[str]:
    """Return those of some packages that the requirements of the layer do not name, by their names in the index."""
    requirements = (root / REQUIREMENTS).read_text(encoding="utf-8")
    named = {distribution(each) for each in re.findall(r"^[\w.-]+", requirements, re.MULTILINE)}
    return [each for each in packages if each not in named]


def project_files(
    root: Path,
    modules: Iterable[str],
    wheels: Collection[str],
    owns: Mapping[Own, Collection[str]] = MappingProxyType({}),
) -> Mapping[str, Path]:
    """Return the files that Lambdas are shipped, by their names in the zip.

    Args:
        modules: those that Lambdas begin with: of steps, consumers, workers and workflows.
        wheels: the names of the packages in the layer of all Lambdas.
        owns: what single Lambdas have besides, with the names of the packages in their layers.

    Raises:
        PackagingError: a module is imported that would not be there, with a sentence for each.
    """
    each_own = {own: Sources(root, [*wheels, *packages], has_layers=own.has_layers) for own, packages in owns.items()}
    for own, sources in each_own.items():
        sources.add([own.module])
    lent = {own: (sources.modules, owns[own]) for own, sources in each_own.items()}
    shared = Sources(root, wheels, lent=lent)
    shared.add(set(modules) - {own.module for own in owns})
    missing = sorted(NEEDED - set(wheels))
    problems = [f"{REQUIREMENTS} lacks {each}, which the library imports; add it" for each in missing]
    problems += sorted({problem for each in (shared, *each_own.values()) for problem in each.problems})
    if problems:
        raise PackagingError("\n".join(problems))
    return {name: path for each in (*each_own.values(), shared) for name, path in each.files.items()}


class Sources:
    """Collects the files that Lambdas are shipped, from the modules that they begin with.

    Args:
        root: the project's folder.
        wheels: the names of the packages in the layers of these Lambdas.
        has_layers: whether they have layers besides, of which nobody here knows what is in them.
        lent: for what single Lambdas have of their own the modules that they import, and the names of the packages.
    """

    def __init__(
        self,
        root: Path,
        wheels: Collection[str],
        *,
        has_layers: bool = False,
        lent: Mapping[Own, tuple[Collection[str], Collection[str]]] = MappingProxyType({}),
    ) -> None:
        self._root = root
        self._provided = RUNTIME | set(wheels) | _STANDARD
        self._has_layers = has_layers
        self._lent = lent
        self.files: dict[str, Path] = dict(library_files())
        self.problems: list[str] = []
        self._seen: set[str] = set()

    @property
    def modules(self) -> Collection[str]:
        """The modules of the project that are imported, directly or not."""
        return self._seen

    def add(self, modules: Iterable[str]) -> None:
        """Add modules, all that they import, and the data in their folders; note what cannot be shipped."""
        for name in modules:
            self._add(name)
        if (self._root / MIGRATIONS).is_dir():
            self._add_data(self._root / MIGRATIONS)
        for folder in {path.parent for path in self.files.values()}:
            if folder != self._root and folder.is_relative_to(self._root):
                self._add_data(folder)

    def _add(self, name: str) -> None:
        left = [name]
        while left:
            name = left.pop()
            if name in self._seen:
                continue
            self._seen.add(name)
            # To import `a.b.c` runs `a/__init__.py` and `a/b/__init__.py` first: these and what they import are shipped
            # too.
            if "." in name:
                left.append(name.rpartition(".")[0])
            path = self._file(name)
            if path is not None:
                self.files[path.relative_to(self._root).as_posix()] = path
                left += self._imported(name, path)

    def _imported(self, module: str, path: Path) -> Iterator[str]:
        """Yield the project's modules that a module imports; note what it imports and has not."""
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except (SyntaxError, ValueError) as error:
            self.problems.append(f"{self._shown(path)} cannot be read: {error}; mend it")
            return
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for each in imports(tree.body, package):
            top = each.name.partition(".")[0]
            where = f"{self._shown(path)}:{each.line} imports {each.name}"
            if top == LIBRARY.name:
                if not self._shipped(each.name):
                    self.problems.append(f"{where}, which no Lambda is shipped; keep it out of what steps import")
            elif top == DECLARATIONS and (self._root / f"{DECLARATIONS}.py").is_file():
                self.problems.append(f"{where}, which declares the deployment; move what both need to another module")
            elif self._is_ours(top):
                yield from self._ours(each, where)
            elif top not in self._provided and not each.optional and not (self._has_layers and each.late):
                self.problems += self._missing(module, each, where)

    def _missing(self, module: str, each: Import, where: str) -> Iterator[str]:
        """Yield a sentence for a package that not all Lambdas have that import a module."""
        top = each.name.partition(".")[0]
        owners = [own for own, (_, packages) in self._lent.items() if top in packages or own.has_layers]
        if each.late and any(module in self._lent[own][0] for own in owners):
            return
        named = [own.what for own in owners if top in self._lent[own][1]]
        if not named:
            yield f"{where}, {_origin(top)}"
        elif each.late:
            yield f"{where}, which {' and '.join(named)} alone has; name it in the packages of what calls this, too"
        else:
            yield (
                f"{where} for every Lambda that imports this module, and {' and '.join(named)} alone has it; import it"
                " in the function that needs it"
            )

    def _ours(self, each: Import, where: str) -> Iterator[str]:
        if self._file(each.name) or self._folder(each.name):
            yield each.name
            return
        parent, _, name = each.name.rpartition(".")
        if parent and (file := self._file(parent)) and (file.name != "__init__.py" or not is_module(file, name)):
            yield parent
        elif self._built(each.name):
            self.problems.append(
                f"{where}, a library that was compiled on this machine; build a wheel for Lambda's"
                f" processor and name it in {REQUIREMENTS}"
            )
        elif not each.optional:
            self.problems.append(f"{where}, but the project has no such module; write it, or take the import away")

    def _shipped(self, name: str) -> bool:
        """Return whether a name of the library is shipped: a module, or something in one."""
        path = "/".join(name.split("."))
        left = tuple(f"{LIBRARY.name}/{each.removesuffix('.py')}" for each in LEFT_OUT)
        return not any(path == each or path.startswith(f"{each}/") for each in left)

    def _is_ours(self, top: str) -> bool:
        if top in sys.stdlib_module_names:
            return False  # Python's own is found first
        return self._file(top) is not None or self._folder(top) or self._built(top)

    def _file(self, name: str) -> Path | None:
        place = self._root.joinpath(*name.split("."))
        found = (place / "__init__.py", place.with_name(f"{place.name}.py"))
        return next((each for each in found if each.is_file()), None)

    def _folder(self, name: str) -> bool:
        """Return whether a name is a package without `__init__.py`."""
        place = self._root.joinpath(*name.split("."))
        return place.is_dir() and any(place.rglob("*.py"))

    def _built(self, name: str) -> bool:
        place = self._root.joinpath(*name.split("."))
        return any(place.parent.glob(f"{place.name}.*so")) or any(place.parent.glob(f"{place.name}.*pyd"))

    def _add_data(self, folder: Path) -> None:
        """Add the files of a folder that are no code, and those of the folders in it that hold no code."""
        for path in sorted(folder.iterdir()):
            if path.name.startswith((".", "__pycache__")) or path.is_symlink():
                continue
            if path.is_dir():
                if not any(path.rglob("*.py")):
                    self._add_data(path)
            elif not any(fnmatch(path.name, each) for each in _NO_DATA):
                self.files[path.relative_to(self._root).as_posix()] = path

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def library_files() -> Iterator[tuple[str, Path]]:
    """Yield the modules of the library that a Lambda may import, with their names in the zip."""
    left_out = tuple(LIBRARY / each for each in LEFT_OUT)
    for path in sorted(LIBRARY.rglob("*.py")):
        if not any(path.is_relative_to(each) for each in left_out):
            yield path.relative_to(LIBRARY.parent).as_posix(), path


def _origin(top: str) -> str:
    """Say where a package is that no Lambda has, and what to do."""
    if top in _ABSENT:
        version = ".".join(map(str, PYTHON))
        return f"which Python {version}, on which Lambdas run, does not have; import what took its place"
    distributions = packages_distributions().get(top)
    if distributions:
        return f"which is not in {REQUIREMENTS}; {_lock(distributions[0])}"
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin:
        return f"which stands outside of the project, in {spec.origin}; move it into the project"
    return f"which is neither in the project nor in {REQUIREMENTS}; write the module, or {_lock('its package')}"


def _lock(package: str) -> str:
    return f"write {package} into {REQUIREMENTS.removesuffix('.txt')}.in, and lock it again"
