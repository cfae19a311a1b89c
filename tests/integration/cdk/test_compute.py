"""What a step is given beside its declaration in app.py, and what the project's own stack says over it."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack

from durable import Compute, KVNamespace, Network, Workflow
from durable.cdk import DurableStack, FunctionOptions, Options, Settings
from durable.cdk.foundation import packaging
from durable.cdk.foundation.compute import Existing, step_options
from durable.compiler import compile_workflow
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import ROOT
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template

SAMPLE = "tests.integration.cdk.sample"
SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-01234567"
NETWORK = Network("vpc-0123456789abcdef0", subnets=[SUBNET], zones=["us-east-1a"], security_groups=[GROUP])
BOOK = Compute(memory=2048, ephemeral_storage=4096, concurrency=3, environment={"MODEL": "large"}, network=NETWORK)
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:ffmpeg:3"
HASHED = f"six==1.17.0 --hash=sha256:{'0' * 64}"


class Own(DurableStack):
    def options(self) -> Options:
        return Options(steps={("booking", "book"): FunctionOptions(memory_mib=3008)})


def deployed(folder: Path, steps: dict[str, Compute], stack: type[DurableStack] = DurableStack) -> dict[str, Any]:
    """Return the properties of the Lambdas by what they run."""
    notes = KVNamespace[str]("notes")
    booking = Workflow("booking", BookingWorkflow, bindings={"notes": notes}, steps=steps)
    app = App(outdir=str(folder))
    settings = Settings(name="shop", stage="dev", root=ROOT)
    stack(app, "shop-dev", project=Project("app", (notes, booking)), settings=settings)
    app.synth()
    functions = Template.read(folder / "shop-dev.template.json").functions()
    return {name: each["Properties"] for name, each in functions.items()}


@pytest.mark.slow
def test_a_step_has_what_its_declaration_says_and_the_others_what_the_project_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workflow, "default_compute", Compute(memory=1024, architecture="x86_64"))
    made = deployed(tmp_path, {"book": BOOK}, Own)
    book, cancel, turn = made[f"{SAMPLE}:book"], made[f"{SAMPLE}:cancel"], made["turn"]
    assert (book["MemorySize"], book["EphemeralStorage"]) == (3008, {"Size": 4096})
    assert (book["Architectures"], book["ReservedConcurrentExecutions"]) == (["x86_64"], 3)
    assert book["VpcConfig"] == {"SecurityGroupIds": [GROUP], "SubnetIds": [SUBNET]}
    assert book["Environment"]["Variables"]["MODEL"] == "large"
    assert (cancel["MemorySize"], cancel["Architectures"]) == (1024, ["x86_64"])
    assert (turn["MemorySize"], turn["Architectures"]) == (512, ["arm64"])


@pytest.mark.slow
def test_a_step_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"Workflow\('booking'\) has no step 'boook'; it has 'book'"):
        deployed(tmp_path, {"boook": BOOK})


@pytest.mark.parametrize(
    ("said", "how"),
    [
        ("memory is 64; give 128 to 10,240", {"memory": 64}),
        ("ephemeral_storage is 100; give 512", {"ephemeral_storage": 100}),
        ("architecture is 'mips'; write 'arm64' or 'x86_64'", {"architecture": "mips"}),
        ("memory is True; give 128", {"memory": True}),
        ("memory is '2048'; give 128", {"memory": "2048"}),
        ("concurrency is -1; give 0 to 100,000", {"concurrency": -1}),
        ("DURABLE_TABLE has a name that the library gives itself", {"environment": {"DURABLE_TABLE": "mine"}}),
        ("AWS_REGION has a name that Lambda gives itself", {"environment": {"AWS_REGION": "mine"}}),
        ("the variable '1ST' has a wrong name; write a letter", {"environment": {"1ST": "x"}}),
        ("the variable LIMIT is 5; write a text, as '5'", {"environment": {"LIMIT": 5}}),
        ("environment is 5; write a dict of texts", {"environment": 5}),
        ("network is 'vpc-1'; write Network", {"network": "vpc-1"}),
        ("'pillow' is no package with its version; write 'pillow==12.0.0'", {"packages": ["pillow"]}),
        ("some packages have a hash and some have none", {"packages": [HASHED, "pillow==12.0.0"]}),
        (r"has packages='pillow==12.0.0'; write a list", {"packages": "pillow==12.0.0"}),
        ("'ffmpeg' is no version of a layer; write its ARN", {"layers": ["ffmpeg"]}),
        ("5 layers at the most, so that 3 are left here", {"layers": [LAYER] * 4, "packages": ["one==1"]}),
    ],
)
def test_what_lambda_would_refuse_is_refused_when_it_is_declared(said: str, how: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=said):
        Compute(**how)


def test_what_a_step_says_comes_before_the_default_a_zero_too() -> None:
    default = Compute(memory=1024, concurrency=5, packages=["one==1", "Two_x==2"], layers=[LAYER])
    merged = Compute(concurrency=0, packages=["two-X==3"]).over(default)
    assert (merged.memory, merged.concurrency) == (1024, 0)
    assert merged.packages == ("one==1", "two-X==3")
    assert merged.layers == (LAYER,)


@pytest.mark.parametrize(
    ("compute", "own", "reserved"), [(Compute(concurrency=0), None, 0), (Compute(concurrency=3), 0, 0)]
)
def test_a_concurrency_of_0_stops_a_step(compute: Compute, own: int | None, reserved: int) -> None:
    notes = KVNamespace[str]("notes")
    booking = Workflow("booking", BookingWorkflow, bindings={"notes": notes}, steps={"book": compute})
    program = compile_workflow(BookingWorkflow)
    options = Options(steps={("booking", "book"): FunctionOptions(reserved_concurrency=own)})
    found = step_options(booking, program, options, Existing(Stack()))
    assert (
        found[next(each.placeholder for each in program.steps if each.name == "book")].reserved_concurrency == reserved
    )


@pytest.fixture
def wheelhouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have pip bring made-up packages, without a network, and nothing of them stay in the project's cache."""
    of_all = ("aws_lambda_powertools", "pydantic", "typing_extensions")

    def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
        folder = Path(arguments[arguments.index("--target") + 1])
        # What a package needs besides, pip brings too, in the version that it is held to.
        names = ("pydantic", "painting") if "--constraint" in arguments else of_all
        for name in names:
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").touch()
            (folder / f"{name}-1.0.dist-info").mkdir()
            (folder / f"{name}-1.0.dist-info" / "METADATA").touch()
        if "--constraint" in arguments:
            bounds = Path(arguments[arguments.index("--constraint") + 1]).read_text()
            assert bounds.splitlines() == [f"{each}==1.0" for each in of_all]
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(packaging, "_pip", pip)
    monkeypatch.setattr(Settings, "cache", tmp_path / "cache")


@pytest.mark.slow
@pytest.mark.usefixtures("wheelhouse")
def test_a_step_has_packages_and_layers_of_its_own(tmp_path: Path) -> None:
    compute = Compute(packages=["painting==1.0"], layers=[LAYER])
    made = deployed(tmp_path / "out", {"book": compute})
    shared, own, named = made[f"{SAMPLE}:book"]["Layers"]
    assert (made["turn"]["Layers"], named) == ([shared], LAYER)
    template = Template.read(tmp_path / "out" / "shop-dev.template.json")
    layer = template.resources[own["Ref"]]["Properties"]
    assert (layer["Description"], layer["CompatibleArchitectures"]) == ("painting==1.0", ["arm64"])
    with zipfile.ZipFile(tmp_path / "out" / f"asset.{layer['Content']['S3Key']}") as archive:
        assert set(archive.namelist()) == {"python/painting/__init__.py", "python/painting-1.0.dist-info/METADATA"}
    # A linter, a type checker and pytest would take unpacked packages for the project's own code.
    assert list((tmp_path / "out").rglob("*.py")) == []


@pytest.mark.slow
@pytest.mark.usefixtures("wheelhouse")
def test_the_example_of_the_documentation_synthesises(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    before = Workflow.default_compute
    try:
        exec(next(each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "Compute" in each), names)
        project = Project("app", (names["files"], names["report"]))
        app = App(outdir=str(tmp_path / "out"))
        DurableStack(app, "shop-dev", project=project, settings=Settings(name="shop", stage="dev", root=ROOT))
        app.synth()
    finally:
        Workflow.default_compute = before
    functions = Template.read(tmp_path / "out" / "shop-dev.template.json").functions().values()
    (tally,) = (each["Properties"] for each in functions if each["Properties"]["MemorySize"] == 3008)
    assert (tally["EphemeralStorage"], tally["ReservedConcurrentExecutions"]) == ({"Size": 4096}, 10)
    assert tally["Environment"]["Variables"]["OMP_NUM_THREADS"] == "2"
    assert len(tally["Layers"]) == 3
