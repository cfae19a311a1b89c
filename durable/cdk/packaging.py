"""What a Lambda is made of: one zip of the project's own code, and one layer of its dependencies; without Docker."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIBRARY: Final = Path(__file__).resolve().parents[2]
"""Where `durable` is imported from: this repository, or an environment that it is installed in."""
PACKAGES: Final = ("functions", "statemachines")
LEFT_OUT: Final = (
    *("durable/asl", "durable/cdk", "durable/cli", "durable/compiler", "durable/local", "durable/testing"),
    *("durable/build.py", "durable/check.py", "durable/document.py", "durable/modules.py", "durable/project.py"),
    *("durable/__main__.py", "durable/installation.py", "durable/templates"),
)
"""What no Lambda ships: what only synthesis, one machine or a test needs."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN: Final = stat.S_IFREG | 0o644
_EXECUTABLE: Final = stat.S_IFREG | 0o755


@dataclass(frozen=True, slots=True)
class Target:
    """Which machine wheels are for; `platforms` empty means the one that this runs on."""

    python: str
    platforms: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return pip's options for it."""
        if not self.platforms:
            return []
        named = [option for each in self.platforms for option in ("--platform", each)]
        return [*named, "--implementation", "cp", "--python-version", self.python, "--only-binary=:all:"]


LAMBDA: Final = Target("3.13", ("manylinux2014_aarch64", "manylinux_2_28_aarch64"))
HOST: Final = Target(f"{sys.version_info.major}.{sys.version_info.minor}", extra=("boto3==1.44.5",))
"""This machine, for a rehearsal; boto3 because it is AWS's Python runtime that brings it."""


class PackagingError(Exception):
    """What a Lambda needs could not be put together."""


def code_files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the modules that a Lambda may import, of the library and the project, with their names in the zip."""
    left_out = tuple(LIBRARY / each for each in LEFT_OUT)
    for base, package in ((LIBRARY, "durable"), *((root, each) for each in PACKAGES)):
        for path in sorted((base / package).rglob("*.py")):
            if not any(path.is_relative_to(each) for each in left_out):
                yield path.relative_to(base).as_posix(), path


def code_zip(root: Path, *, cache: Path, extra: Mapping[str, str] | None = None) -> Path:
    """Write the zip of the project's own code and return where it is: the same bytes for the same sources.

    Args:
        extra: more files by name, such as a rehearsal's `bootstrap`; they are executable.
    """
    files = {name: (path.read_bytes(), _PLAIN) for name, path in code_files(root)}
    files |= {name: (text.encode(), _EXECUTABLE) for name, text in (extra or {}).items()}
    data = _zipped(files)
    target = cache / f"code-{hashlib.sha256(data).hexdigest()[:16]}.zip"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{_process()}.part")
        part.write_bytes(data)
        part.replace(target)
    return target


def _zipped(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return a zip of files by name, each with its mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            data, mode = files[name]
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr, entry.compress_type = 3, mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def layer(requirements: Path, *, cache: Path, target: Target = LAMBDA) -> Path:
    """Return the folder of a layer with the pinned wheels, `python/…` in it; built once for each set of pins.

    Raises:
        PackagingError: pip could not bring the wheels.
    """
    text = requirements.read_text(encoding="utf-8")
    folder = cache / f"layer-{_layer_hash(text, target)}"
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{folder.name}.{_process()}.part")
    shutil.rmtree(part, ignore_errors=True)
    _install(requirements, target, part / "python")
    _strip(part / "python")
    _settle(part, folder)
    return folder


def _layer_hash(requirements: str, target: Target) -> str:
    pins = sorted(line.split("#")[0].strip() for line in requirements.splitlines())
    named = "\n".join([*pins, target.python, *target.platforms, *target.extra])
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _install(requirements: Path, target: Target, folder: Path) -> None:
    done = _pip("--requirement", str(requirements), "--target", str(folder), *target.options())
    if target.extra and not done.returncode:  # in a call of its own: the requirements may be locked with hashes
        done = _pip(*target.extra, "--target", str(folder))
    if done.returncode:
        raise PackagingError(
            f"pip could not bring the wheels of {requirements.name} for Python {target.python}"
            f" on {', '.join(target.platforms) or 'this machine'}: {_last_line(done.stderr)};"
            " see whether each pinned version has such a wheel"
        )


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    options = ("--quiet", "--no-compile", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if "ERROR" in line), "no reason given")


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
