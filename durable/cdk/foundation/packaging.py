"""What a Lambda is made of: one zip of the project's own code, and one layer of its dependencies; without Docker."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from durable.cdk.foundation.imports import PYTHON
from durable.cdk.foundation.sources import REQUIREMENTS, PackagingError

_COMMENT: Final = re.compile(r"(^|\s)#.*$")
"""As pip has it: a `#` within a URL begins its fragment, which may be a hash."""
_INCLUDED: Final = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]*(\S+)")
_UNREACHABLE: Final = re.compile("NewConnectionError|ConnectTimeoutError|NameResolutionError|ProxyError")
"""What pip says of each try, before it says that there is no such package."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MB: Final = 1_000_000
_MOST_BYTES: Final = 250 * _MB
_PLAIN: Final = stat.S_IFREG | 0o644
_EXECUTABLE: Final = stat.S_IFREG | 0o755


@dataclass(frozen=True, slots=True)
class Target:
    """Which machine wheels are for; `platforms` empty means the one that this runs on."""

    python: str
    platforms: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"Python {self.python} on {', '.join(self.platforms) or 'this machine'}"

    def options(self) -> list[str]:
        """Return pip's options for it."""
        if not self.platforms:
            return []
        named = [option for each in self.platforms for option in ("--platform", each)]
        return [*named, "--implementation", "cp", "--python-version", self.python, "--only-binary=:all:"]


_PYTHON: Final = ".".join(map(str, PYTHON))
LAMBDA: Final = Target(_PYTHON, ("manylinux2014_aarch64", "manylinux_2_28_aarch64"))
LAMBDA_X86: Final = Target(_PYTHON, ("manylinux2014_x86_64", "manylinux_2_28_x86_64"))
HOST: Final = Target(f"{sys.version_info.major}.{sys.version_info.minor}", extra=("boto3==1.44.5",))
"""This machine, for a rehearsal; boto3 because it is AWS's Python runtime that brings it."""


def code_zip(
    files: Mapping[str, Path],
    *,
    cache: Path,
    written: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> Path:
    """Write the zip of files by name and return where it is: the same bytes for the same contents.

    Args:
        written: more files by name, of these texts.
        extra: the same, such as a rehearsal's `bootstrap`; they are executable.
    """
    contents = {name: (path.read_bytes(), _PLAIN) for name, path in files.items()}
    contents |= {name: (text.encode(), _PLAIN) for name, text in (written or {}).items()}
    contents |= {name: (text.encode(), _EXECUTABLE) for name, text in (extra or {}).items()}
    buffer = io.BytesIO()
    _zip(buffer, ((name, *contents[name]) for name in sorted(contents)))
    data = buffer.getvalue()
    target = cache / f"code-{hashlib.sha256(data).hexdigest()[:16]}.zip"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{_process()}.part")
        part.write_bytes(data)
        # Written beside its place and moved there: two processes may synthesise at once, and one may be interrupted.
        part.replace(target)
    return target


def _zip(target: Path | io.BytesIO, files: Iterable[tuple[str, bytes, int]]) -> None:
    """Write a zip of files, each with its name, contents and mode."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in files:
            # 1980 is the first year that a zip can name. All files have it, so that the same contents are the same
            # bytes, and CDK uploads nothing that has not changed.
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr, entry.compress_type = 3, mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)


@dataclass(frozen=True, slots=True)
class Layer:
    """The folder of a layer, named by a hash of what is in it; the wheels stand in `python` below it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "python"

    @property
    def packages(self) -> frozenset[str]:
        """The names by which what is in it is imported."""
        return frozenset(each.name.partition(".")[0] for each in self.python.iterdir())

    def archive(self) -> Path:
        """Return the zip of the folder, written once.

        An unpacked asset would stand in `cdk.out` as Python sources, which pytest, mypy and pyright take for the
        project's own: some packages hold tests.
        """
        target = self.folder.with_suffix(".zip")
        if not target.exists():
            part = target.with_suffix(f".{_process()}.part")
            paths = {
                each.relative_to(self.folder).as_posix(): each for each in self.folder.rglob("*") if each.is_file()
            }
            _zip(part, ((name, paths[name].read_bytes(), _mode(paths[name])) for name in sorted(paths)))
            part.replace(target)
        return target


def _mode(path: Path) -> int:
    return _EXECUTABLE if path.stat().st_mode & stat.S_IXUSR else _PLAIN


def layer(requirements: Path, *, cache: Path, target: Target = LAMBDA) -> Layer:
    """Return the layer of some requirements, built once for each text of them.

    Where the requirements name hashes, pip takes nothing else.

    Raises:
        PackagingError: there are none, or pip could not bring the wheels.
    """
    try:
        text = "\n".join(_required(requirements))
    except FileNotFoundError:
        raise PackagingError(
            f"{requirements} is missing; it names what the Lambdas' layer holds: what durable-workflows needs, and what"
            " the steps import besides"
        ) from None
    return _layer(
        _key(text, target),
        lambda folder: _install(requirements, target, folder, locked="--hash=" in text),
        cache=cache,
    )


def layer_over(base: Layer, packages: Sequence[str], *, cache: Path, target: Target = LAMBDA) -> Layer:
    """Return the layer of some packages of one Lambda: what they need, and the layer of all Lambdas lacks.

    What both hold has the version that it has in the layer of all.

    Raises:
        PackagingError: pip could not bring the wheels.
    """
    shared = [each.name.removesuffix(".dist-info").split("-") for each in base.python.glob("*.dist-info")]
    constraints = "\n".join(sorted("==".join(each) for each in shared))
    text = "\n".join(sorted(packages))

    def install(folder: Path) -> None:
        with TemporaryDirectory() as temporary:
            requirements, bounds = Path(temporary, "requirements.txt"), Path(temporary, "constraints.txt")
            requirements.write_text(text, encoding="utf-8")
            bounds.write_text(constraints, encoding="utf-8")
            named = ("--requirement", str(requirements), "--constraint", str(bounds))
            done = _pip(*named, "--target", str(folder), *target.options())
        if done.returncode:
            raise PackagingError(
                f"pip could not bring {', '.join(packages)} for {target}, beside what {REQUIREMENTS} names:"
                f" {_why(done.stderr, 'see whether these versions have wheels, and go together with those')}"
            )
        for path in folder.rglob("*"):
            if path.is_file() and (base.python / path.relative_to(folder)).exists():
                path.unlink()

    return _layer(_key(f"{text}\n{base.folder.name}", target), install, cache=cache)


def _layer(key: str, install: Callable[[Path], None], *, cache: Path) -> Layer:
    """Return the layer that was made under a key, or make it: `install` puts the wheels into a folder."""
    built = cache / f"layer-of-{key}"  # names the folder of the layer
    if built.is_file() and (folder := cache / built.read_text(encoding="utf-8")).is_dir():
        return Layer(folder)
    part = built.with_name(f"{built.name}.{_process()}.part")
    shutil.rmtree(part, ignore_errors=True)
    install(part / "python")
    _strip(part / "python")
    folder = cache / f"layer-{_digest(part)}"
    _settle(part, folder)
    pointer = built.with_name(f"{built.name}.{_process()}.name")
    pointer.write_text(folder.name, encoding="utf-8")
    pointer.replace(built)
    return Layer(folder)


def hold_to_limit(files: Iterable[Path], *layers: Layer) -> None:
    """Raise if a Lambda would be larger than AWS takes.

    Raises:
        PackagingError: code and layers are over 250 MB.
    """
    parts = (files, (path for each in layers for path in each.folder.rglob("*") if path.is_file()))
    code, layer = (sum(each.stat().st_size for each in part) for part in parts)
    if code + layer > _MOST_BYTES:
        raise PackagingError(
            f"the code of a Lambda ({code // _MB} MB) and its layer ({layer // _MB} MB) are over the 250 MB that AWS"
            f" takes; take a package out of {REQUIREMENTS}, or a large file away from the code"
        )


def _key(requirements: str, target: Target) -> str:
    """Return what tells one layer's making from another: its requirements, and its machine."""
    named = "\n".join([requirements, target.python, *target.platforms, *target.extra])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _required(requirements: Path) -> Iterator[str]:
    """Yield the lines of a requirements file without comments, those of files that it names in their places, and what
    tells the contents of wheels that it names: all that a layer is made of.
    """
    for line in requirements.read_text(encoding="utf-8").splitlines():
        text = _COMMENT.sub("", line).strip()
        other = _INCLUDED.match(text)
        included = requirements.parent / other[1] if other else None
        if included is not None and included.is_file():
            yield from _required(included)
            continue
        yield text
        # pip takes such a path from where it runs, and so does this.
        if text.endswith((".whl", ".zip", ".tar.gz")) and Path(text).is_file():
            yield hashlib.sha256(Path(text).read_bytes()).hexdigest()


def _digest(folder: Path) -> str:
    """Return a hash of all files of a folder and their names."""
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name, data = path.relative_to(folder).as_posix().encode(), path.read_bytes()
        # With lengths: without them, two folders whose names and contents join to the same bytes would have one hash.
        digest.update(b"%d %b %d " % (len(name), name, len(data)) + data)
    return digest.hexdigest()[:16]


def _install(requirements: Path, target: Target, folder: Path, *, locked: bool) -> None:
    hashes = ["--require-hashes"] if locked else []
    done = _pip(*hashes, "--requirement", str(requirements), "--target", str(folder), *target.options())
    if target.extra and not done.returncode:  # in a call of its own: the requirements may be locked with hashes
        done = _pip(*target.extra, "--target", str(folder))
    if done.returncode and "Hashes are required" in done.stderr:
        raise PackagingError(
            f"{requirements} names a package without a hash, and others with one; write it into requirements.in"
            " beside it, and lock the layer again, as is said there"
        )
    if done.returncode:
        raise PackagingError(
            f"pip could not bring the wheels of {requirements.name} for {target}:"
            f" {_why(done.stderr, 'see whether each pinned version has such a wheel')}"
        )


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    options = ("--quiet", "--no-compile", "--no-color", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _why(said: str, remedy: str) -> str:
    """Return why pip failed and what to do; a remedy of the caller's where pip reached its index."""
    if _UNREACHABLE.search(said):
        return "the package index cannot be reached; call this again with a network"
    line = next((each.strip() for each in reversed(said.splitlines()) if "ERROR" in each), "no reason given")
    return f"{line}; {remedy}"


def _strip(folder: Path) -> None:
    """Take away what differs from build to build or names this machine: commands, byte code, pip's own notes."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for path in _all(folder, ("__pycache__", "*.dist-info/RECORD", "*.dist-info/direct_url.json")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _all(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in folder.rglob(pattern)]


def _settle(part: Path, folder: Path) -> None:
    """Move what was built to its place; one that another process put there first is as good."""
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(part)


def _process() -> str:
    return str(os.getpid())
