"""What a Lambda is shipped: what it imports and the data beside it, and nothing that it has no use for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from durable.cdk.deployment.deployed import functions_of
from durable.cdk.foundation.packaging import LAMBDA, code_zip, layer
from durable.cdk.foundation.sources import NEEDED, Own, PackagingError, project_files
from durable.compiler import compile_workflow
from durable.wire import STEPS_FILE
from statemachines.onboarding import OnboardingWorkflow

ROOT = Path(__file__).resolve().parents[3]
BEGIN = ("functions.orders", "functions.api")

FILES = {
    "app.py": "from functions.orders import confirm\n",
    "functions/__init__.py": "",
    "functions/api.py": "def fetch() -> None:\n    import importlib\n    importlib.import_module('shop.late')\n",
    "functions/orders.py": (
        "from shop.mail import greet\nfrom . import prices\n\ndef confirm() -> str:\n    return greet()\n"
    ),
    "functions/prices.py": "from shop import CURRENCY\n",
    "functions/unused.py": "import aws_cdk\n",
    "functions/requirements.txt": "pydantic\n",
    "functions/tariff.json": "{}",
    "shop/__init__.py": "CURRENCY = 'EUR'\n",
    "shop/late.py": "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n",
    "shop/mail/__init__.py": "from shop.mail.text import greet\n\n__all__ = ['greet']\n",
    "shop/mail/text.py": (
        "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nfrom pathlib import Path\n"
        "if TYPE_CHECKING:\n    from durable.testing import Sandbox\n"
        "def greet() -> str:\n    return (Path(__file__).parent / 'prompts/greeting.txt').read_text()\n"
    ),
    "shop/mail/prompts/greeting.txt": "Dear customer",
    "shop/mail/prompts/.secret": "not this",
    "shop/tools/build.py": "import pytest\n",
    "shop/tools/notes.txt": "nor this",
    "tests/test_shop.py": "import pytest\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose steps import code and data from packages of its own."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def shipped(project: Path) -> dict[str, Path]:
    """Return what is shipped of a project, and not of the library."""
    files = project_files(project, BEGIN, NEEDED)
    return {name: path for name, path in files.items() if not name.startswith("durable/")}


def test_what_steps_import_is_shipped_from_any_package_with_the_data_beside_it(project: Path) -> None:
    assert set(shipped(project)) == {
        *("functions/__init__.py", "functions/api.py", "functions/orders.py", "functions/prices.py"),
        *("functions/tariff.json", "shop/__init__.py", "shop/late.py"),
        *("shop/mail/__init__.py", "shop/mail/text.py", "shop/mail/prompts/greeting.txt"),
    }


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli",
        "import sys\nif sys.version_info < (3, 13):\n    import cgi",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import numpy",
        "import importlib\nimportlib.import_module('.prices', __package__)",
        "import importlib\nimportlib.import_module('.late', package='shop')",
    ],
)
def test_what_lambdas_python_does_not_need_is_not_asked_for(project: Path, source: str) -> None:
    (project / "functions" / "orders.py").write_text(f"{source}\nfrom functions import prices\nfrom shop import late\n")
    assert {"functions/prices.py", "shop/late.py"} < set(shipped(project))


def test_what_was_shipped_runs_where_nothing_else_is(project: Path, tmp_path: Path) -> None:
    code = tmp_path / "code"
    with zipfile.ZipFile(code_zip(shipped(project), cache=tmp_path)) as archive:
        archive.extractall(code)
    script = "from functions.orders import confirm; from functions.api import fetch; fetch(); print(confirm())"
    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=code, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Dear customer\n", "")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import shop.nowhere", "functions/orders.py:1 imports shop.nowhere, but the project has no such module"),
        ("from shop import nothing", "imports shop.nothing, but the project has no such module"),
        ("def step():\n    from shop import nothing", "functions/orders.py:2 imports shop.nothing"),
        ("import numpy", "imports numpy, which is neither in the project nor in functions/requirements.txt"),
        (
            "import hypothesis.strategies",
            "which is not in functions/requirements.txt; write hypothesis into functions/requirements.in",
        ),
        ("from durable.testing import Sandbox", "imports durable.testing.Sandbox, which no Lambda is shipped"),
        ("from app import confirm", "imports app.confirm, which declares the deployment"),
        ("from shop import fast", "imports shop.fast, a library that was compiled on this machine"),
        ("import outside", "imports outside, which stands outside of the project"),
        ("from shop import broken", "shop/broken.py cannot be read"),
        ("import cgi", "imports cgi, which Python 3.13, on which Lambdas run, does not have"),
        ("import sys\nif sys.version_info < (3, 14):\n    import numpy", "functions/orders.py:3 imports numpy"),
        ("import importlib\nimportlib.import_module('..none', __package__)", "orders.py:2 imports none, which"),
    ],
)
def test_what_would_not_be_there_is_refused_with_its_place_and_a_remedy(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    (project / "shop" / "fast.cpython-311-x86_64-linux-gnu.so").touch()
    (project / "shop" / "broken.py").write_text("def\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "outside.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    (project / "functions" / "orders.py").write_text(source)
    with pytest.raises(PackagingError) as raised:
        shipped(project)
    assert said in str(raised.value)
    assert "; " in str(raised.value)


PAINTER = Own("step 'paint' of Workflow('shop')", "functions.painting", ("painting==1.0",))


@pytest.mark.parametrize(
    ("painting", "other", "said"),
    [
        ("def paint():\n    import painting\n", "", None),
        ("def paint():\n    import shop.pictures\n", "", None),
        ("import painting\n", "", None),
        ("import painting\n", "from functions import painting\n", "functions/painting.py:1 imports painting for every"),
        ("", "def price():\n    import painting\n", "functions/prices.py:2 imports painting, which step 'paint' of"),
        ("def paint():\n    import numpy\n", "", "functions/painting.py:2 imports numpy, which is neither"),
    ],
)
def test_what_one_step_has_of_its_own_is_imported_there_alone(
    project: Path, painting: str, other: str, said: str | None
) -> None:
    (project / "functions" / "painting.py").write_text(painting)
    (project / "shop" / "pictures.py").write_text("def show():\n    import painting\n")
    (project / "functions" / "prices.py").write_text(other)
    modules = (*BEGIN, PAINTER.module)
    if said is None:
        assert "functions/painting.py" in project_files(project, modules, NEEDED, {PAINTER: {"painting"}})
        return
    with pytest.raises(PackagingError) as raised:
        project_files(project, modules, NEEDED, {PAINTER: {"painting"}})
    assert said in str(raised.value)
    assert "; " in str(raised.value)


def test_nobody_knows_what_is_in_a_layer_that_is_there_already(project: Path) -> None:
    (project / "functions" / "painting.py").write_text("def paint():\n    import cv2\n")
    own = Own("step 'paint'", "functions.painting", has_layers=True)
    modules = (*BEGIN, own.module, "functions.prices")
    assert "functions/painting.py" in project_files(project, modules, NEEDED, {own: ()})
    (project / "functions" / "prices.py").write_text("def price():\n    import cv2\n")
    with pytest.raises(PackagingError, match=r"functions/prices\.py:2 imports cv2, which is neither in the project"):
        project_files(project, modules, NEEDED, {own: ()})


def test_all_mistakes_are_told_at_once_and_what_the_library_needs_is_among_them(project: Path) -> None:
    (project / "functions" / "orders.py").write_text("import numpy\nfrom shop import nothing\n")
    with pytest.raises(PackagingError) as raised:
        project_files(project, BEGIN, {"pydantic", "typing_extensions"})
    lacks, *others = str(raised.value).splitlines()
    assert lacks == "functions/requirements.txt lacks aws_lambda_powertools, which the library imports; add it"
    assert len(others) == 2


def test_identical_contents_make_identical_bytes_wherever_and_whenever_they_are_zipped(
    project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    for path in copy.rglob("*.*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    here = code_zip(shipped(project), cache=tmp_path / "a").read_bytes()
    assert code_zip(shipped(copy), cache=tmp_path / "b").read_bytes() == here
    (copy / "functions" / "tariff.json").write_text("[]")
    assert code_zip(shipped(copy), cache=tmp_path / "c").read_bytes() != here


def test_the_zip_of_this_project_holds_neither_compiler_nor_engine_nor_tests() -> None:
    names = list(project_files(ROOT, ["functions.api", "statemachines.onboarding"], {*NEEDED, "email_validator"}))
    assert {"durable/wire.py", "functions/onboarding/create_profile.py", "statemachines/onboarding.py"} <= set(names)
    unwanted = ("durable/compiler/", "durable/local/", "durable/testing/", "durable/cli/", "infra/", "tests/", "app.py")
    assert [name for name in names if name.startswith(unwanted)] == []


def test_the_code_says_how_the_function_of_each_step_is_imported(tmp_path: Path) -> None:
    written = functions_of({"onboarding": compile_workflow(OnboardingWorkflow)})
    with zipfile.ZipFile(code_zip({}, cache=tmp_path, written=written)) as archive:
        steps = json.loads(archive.read(STEPS_FILE))
    assert steps["onboarding"]["validate-user"] == "functions.onboarding.validate_user:validate_user"


def test_the_layer_is_for_lambdas_processor_and_names_nothing_of_this_machine() -> None:
    folder = layer(ROOT / "functions" / "requirements.txt", cache=ROOT / ".cache", target=LAMBDA).folder
    libraries = [path.name for path in folder.rglob("*.so")]
    assert libraries
    assert all("cpython-313-aarch64" in name for name in libraries if "cpython" in name)
    assert not (folder / "python" / "bin").exists()
    assert list(folder.rglob("__pycache__")) == []
    texts = [path for path in folder.rglob("*.dist-info/*") if path.is_file()]
    assert [path for path in texts if str(ROOT).encode() in path.read_bytes()] == []


@pytest.fixture
def wheelhouse(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a stand-in for pip installs, file by file: a test changes it as a registry changes."""
    contents = {"one.py": "x = 1\n"}

    def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
        folder = Path(arguments[arguments.index("--target") + 1])
        folder.mkdir(parents=True)
        for name, text in contents.items():
            (folder / name).write_text(text)
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr("durable.cdk.foundation.packaging._pip", pip)
    return contents


def test_a_layer_is_named_by_what_is_in_it(tmp_path: Path, wheelhouse: dict[str, str]) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one\n")
    first = layer(requirements, cache=tmp_path / "a")
    assert first.packages == {"one"}
    assert layer(requirements, cache=tmp_path / "b").folder.name == first.folder.name
    wheelhouse["one.py"] = "x = 2\n"
    assert layer(requirements, cache=tmp_path / "a") == first  # it is not made twice
    assert layer(requirements, cache=tmp_path / "c").folder.name != first.folder.name
    requirements.write_text("one  # the same\n")
    assert layer(requirements, cache=tmp_path / "a") == first


def test_a_layers_zip_has_its_files_with_their_right_to_be_executed(tmp_path: Path, wheelhouse: dict[str, str]) -> None:
    wheelhouse["tool"] = "#!/bin/sh\n"
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one\n")
    made = layer(requirements, cache=tmp_path / "cache")
    (made.python / "tool").chmod(0o755)

    with zipfile.ZipFile(made.archive()) as archive:
        modes = {each.filename: each.external_attr >> 16 & 0o777 for each in archive.infolist()}

    assert modes == {"python/one.py": 0o644, "python/tool": 0o755}
    assert layer(requirements, cache=tmp_path / "cache") == made  # the zip stands beside the folder, not in it


def test_a_layer_is_made_anew_when_what_its_requirements_name_has_changed(
    tmp_path: Path, wheelhouse: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    requirements, others, wheel = (tmp_path / each for each in ("requirements.txt", "others.txt", "own-1.0.whl"))
    made = iter(range(100))

    def is_made_anew() -> bool:
        wheelhouse["one.py"] = f"x = {next(made)}\n"
        before = {each.name for each in (tmp_path / "cache").glob("layer-*")}
        layer(requirements, cache=tmp_path / "cache")
        return {each.name for each in (tmp_path / "cache").glob("layer-*")} != before

    wheel.write_bytes(b"1")
    others.write_text("one==1\n")
    requirements.write_text("-r others.txt\n./own-1.0.whl\nx @ https://a.example/x.zip#sha256=1\n")
    assert (is_made_anew(), is_made_anew()) == (True, False)
    others.write_text("one==2\n")
    assert is_made_anew()
    wheel.write_bytes(b"2")
    assert is_made_anew()
    requirements.write_text("-r others.txt\n./own-1.0.whl\nx @ https://a.example/x.zip#sha256=2\n")
    assert is_made_anew()


def test_without_a_network_nobody_is_told_to_look_at_the_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("one==1\n")
    said = "WARNING: Retrying after connection broken by 'NewConnectionError(…)'\nERROR: No matching distribution found"
    failed = subprocess.CompletedProcess((), 1, "", said)
    monkeypatch.setattr("durable.cdk.foundation.packaging._pip", lambda *arguments: failed)

    with pytest.raises(PackagingError, match=r"cannot be reached; call this again with a network$"):
        layer(tmp_path / "requirements.txt", cache=tmp_path)


@pytest.mark.slow
def test_where_requirements_have_hashes_pip_takes_nothing_without_one(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("pydantic==2.14.3 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(PackagingError, match=r"pip could not bring the wheels of requirements\.txt"):
        layer(requirements, cache=tmp_path)


@pytest.mark.slow
def test_a_package_without_a_hash_among_others_with_one_is_to_be_locked(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    locked = (ROOT / "functions" / "requirements.txt").read_text(encoding="utf-8")
    requirements.write_text(f"{locked}tomlkit==0.15.2\n")
    with pytest.raises(PackagingError, match=r"names a package without a hash, .* lock the layer again"):
        layer(requirements, cache=tmp_path)


@pytest.mark.slow
def test_a_pin_without_a_wheel_is_named(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-distribution-at-all==1.0\n")
    with pytest.raises(PackagingError, match="no-such-distribution-at-all"):
        layer(requirements, cache=tmp_path)


def test_requirements_that_are_missing_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=r"requirements\.txt is missing; it names what the Lambdas' layer holds"):
        layer(tmp_path / "requirements.txt", cache=tmp_path)


def test_importing_the_declarations_never_imports_cdk() -> None:
    script = "import sys, app; sys.exit(any(name.split('.')[0] in ('aws_cdk', 'jsii') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
