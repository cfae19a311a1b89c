"""What a step is given beside its declaration in app.py, and what the project's own stack says over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from durable import Compute, KVNamespace, Network, Workflow
from durable.cdk import DurableStack, FunctionOptions, Options, Settings
from durable.errors import DeclarationError
from durable.project import Project
from tests.integration.cdk.conftest import ROOT
from tests.integration.cdk.sample import BookingWorkflow
from tests.integration.cdk.template import Template

SAMPLE = "tests.integration.cdk.sample"
NETWORK = Network("vpc-1", subnets=["subnet-1"], zones=["us-east-1a"], security_groups=["sg-1"])
BOOK = Compute(memory=2048, ephemeral_storage=4096, concurrency=3, environment={"MODEL": "large"}, network=NETWORK)


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
    assert book["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "SubnetIds": ["subnet-1"]}
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
        ("DURABLE_TABLE is the library's own", {"environment": {"DURABLE_TABLE": "mine"}}),
    ],
)
def test_what_lambda_would_refuse_is_refused_when_it_is_declared(said: str, how: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=said):
        Compute(**how)
