"""What a Lambda is shipped: the same bytes for the same sources, and nothing that it has no use for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from durable.cdk.packaging import LAMBDA, PackagingError, code_zip, layer

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources in another folder, with other times and modes, and what a working folder gathers."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for package in ("functions", "statemachines", "durable"):
        shutil.copytree(ROOT / package, folder / package)
    for path in folder.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    (folder / "functions" / "notes.txt").write_text("left here")
    (folder / "functions" / "__pycache__").mkdir(exist_ok=True)
    return folder


def test_identical_sources_make_identical_bytes_wherever_and_whenever_they_are_zipped(
    copy: Path, tmp_path: Path
) -> None:
    here = code_zip(ROOT, cache=tmp_path / "a").read_bytes()
    assert code_zip(copy, cache=tmp_path / "b").read_bytes() == here


def test_a_changed_source_makes_other_bytes(copy: Path, tmp_path: Path) -> None:
    before = code_zip(copy, cache=tmp_path / "a").read_bytes()
    (copy / "functions" / "added.py").write_text("x = 1\n")
    assert code_zip(copy, cache=tmp_path / "b").read_bytes() != before


def test_the_zip_holds_the_projects_modules_and_neither_compiler_nor_engine_nor_tests(tmp_path: Path) -> None:
    with zipfile.ZipFile(code_zip(ROOT, cache=tmp_path)) as archive:
        names = archive.namelist()
    assert {"durable/wire.py", "functions/onboarding/create_profile.py", "statemachines/onboarding.py"} <= set(names)
    assert names == sorted(names)
    assert all(name.endswith(".py") for name in names)
    unwanted = ("durable/compiler/", "durable/local/", "durable/testing/", "durable/cli/", "infra/", "tests/", "app.py")
    assert [name for name in names if name.startswith(unwanted)] == []


def test_the_layer_is_for_lambdas_processor_and_names_nothing_of_this_machine() -> None:
    folder = layer(ROOT / "functions" / "requirements.txt", cache=ROOT / ".cache", target=LAMBDA)
    libraries = [path.name for path in folder.rglob("*.so")]
    assert libraries
    assert all("cpython-313-aarch64" in name for name in libraries if "cpython" in name)
    assert not (folder / "python" / "bin").exists()
    assert list(folder.rglob("__pycache__")) == []
    texts = [path for path in folder.rglob("*.dist-info/*") if path.is_file()]
    assert [path for path in texts if str(ROOT).encode() in path.read_bytes()] == []


def test_a_pin_without_a_wheel_is_named(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-distribution-at-all==1.0\n")
    with pytest.raises(PackagingError, match="no-such-distribution-at-all"):
        layer(requirements, cache=tmp_path)


def test_importing_the_declarations_never_imports_cdk() -> None:
    script = "import sys, app; sys.exit(any(name.split('.')[0] in ('aws_cdk', 'jsii') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
