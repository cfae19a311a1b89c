"""What each Lambda imports and how long it takes to start, in fresh processes: python -m bench.coldstart.

The Lambdas and their environments are those of the template of onboarding, one of each entry. Times are those of this
machine's Python with its modules compiled; nothing is asked of AWS. Each round also starts a process that imports
pydantic alone: what a start takes in times of that differs little from one machine, and one hour, to another.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.environments import ROOT
from durable.bindings import Binding
from durable.project import Project, load

_PASSES: Final = 3
_PROBE: Final = """
import time
began = time.perf_counter()
import durable.aws.entry
made = time.perf_counter()
print("", flush=True)
from durable.aws.session import client
asked = time.perf_counter()
client("dynamodb")
print(made - began, time.perf_counter() - asked)
"""
"""An empty line tells that the handler is made."""
_BARE: Final = "import pydantic; pydantic.BaseModel; pydantic.TypeAdapter; print('', flush=True)"


@dataclass(frozen=True, slots=True)
class Lambda:
    """A Lambda of the template, and the environment that its handler reads."""

    entry: str
    name: str
    environment: Mapping[str, str]


class NotStarted(Exception):
    """A Lambda ends before its first event."""


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start, in seconds: the handler's import, from the process's start to there, the first client of AWS."""

    imported: float
    ready: float
    client: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.coldstart", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    lambdas = [each for each in _lambdas() if _starts(each)]
    starts: dict[str, list[Start]] = {each.name: [] for each in lambdas}
    bare: list[float] = []
    for _ in range(options.rounds):
        bare.append(_ready_bare())
        for each in lambdas:
            starts[each.name].append(_start(each))
    print(f"medians of {options.rounds} fresh processes, in ms; one that imports pydantic: {_median(bare)}\n")
    print(_times(lambdas, starts, bare))
    print("\nmodules imported before the first event, and the ms of their own that the import of them took\n")
    print(_packages(lambdas))


def _lambdas() -> list[Lambda]:
    """Return the Lambdas that the project is synthesised to, steps first."""
    from durable.cdk.application import application

    with tempfile.TemporaryDirectory() as folder:
        application(_onboarding(), {"STAGE": "dev"}, root=ROOT, outdir=folder).synth()
        template = json.loads(next(Path(folder).glob("*.template.json")).read_text(encoding="utf-8"))
    functions = (
        each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"
    )
    found = [_lambda(each["Environment"]["Variables"]) for each in functions if "Environment" in each]
    one_each = {each.entry: each for each in found}
    return sorted(one_each.values(), key=lambda each: (each.entry != "step", each.name))


def _onboarding() -> Project:
    """Return what app.py declares for onboarding: the Lambdas of more workflows ask AWS for what is registered."""
    used: list[Binding] = []
    to_see: list[Binding] = [each for each in load("app").declarations if each.name in ("onboarding", "website")]
    while to_see:
        each = to_see.pop()
        if each not in used:
            used.append(each)
            to_see += each.uses().values()
    return Project("app", tuple(reversed(used)))


def _lambda(variables: Mapping[str, Any]) -> Lambda:
    environment = {name: _made_up(value) for name, value in variables.items()}
    entry = environment["DURABLE_ENTRY"]
    function = environment.get("DURABLE_FUNCTION", "").rpartition(":")[2]
    return Lambda(entry, f"{entry} {function}".strip(), environment)


def _made_up(value: Any) -> str:
    """Return a variable's text, with names that only a deployment knows made up."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_made_up(each) for each in parts)
        case str():
            return value
    return "made-up"


def _starts(of: Lambda) -> bool:
    """Start a Lambda once, which compiles its modules too, and say so if it ends."""
    try:
        _start(of)
    except NotStarted as error:
        print(f"{of.name} does not start: {error}", file=sys.stderr)
        return False
    return True


def _start(of: Lambda) -> Start:
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _PROBE], env=_environment(of), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        ready = time.perf_counter() - began
        said, complaint = process.communicate()
    if process.returncode:
        raise NotStarted(complaint.strip().rpartition("\n")[2])
    imported, client = map(float, said.split())
    return Start(imported, ready, client)


def _ready_bare() -> float:
    """Return the seconds from the start of a process until it has imported pydantic."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, "-c", _BARE], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - began


def _environment(of: Lambda) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "AWS_REGION": "us-east-1", **of.environment} | {
        "AWS_DEFAULT_REGION": "us-east-1"
    }


def _times(lambdas: Sequence[Lambda], starts: Mapping[str, Sequence[Start]], bare: Sequence[float]) -> str:
    head = [
        "",
        "process start to handler made",
        "in times of pydantic's",
        "import of the handler",
        "first boto3 client",
    ]
    rows = []
    for each in lambdas:
        own = starts[each.name]
        ratio = statistics.median(start.ready / alone for start, alone in zip(own, bare, strict=True))
        ready, imported, client = (
            _median([getattr(start, name) for start in own]) for name in ("ready", "imported", "client")
        )
        rows.append([each.name, ready, f"{ratio:.2f}", imported, client])
    return _markdown(head, rows)


def _median(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.0f}"


def _packages(lambdas: Sequence[Lambda]) -> str:
    """Return, for one Lambda of each entry, how many modules of which package it imports."""
    shown = {each.entry: _own_times(each) for each in lambdas}
    tops = {_package(module) for times in shown.values() for module in times}
    totals = {top: max(_sum(times, top)[1] for times in shown.values()) for top in tops}
    head = ["", *shown]
    rows = [
        [top, *(_cell(*_sum(times, top)) for times in shown.values())] for top in sorted(tops, key=totals.__getitem__)
    ]
    every = [_cell(len(times), sum(times.values())) for times in shown.values()]
    return _markdown(head, [*reversed(rows), ["all", *every]])


def _own_times(of: Lambda) -> dict[str, float]:
    """Return the modules that are imported for the handler, each with the least seconds that it took by itself."""
    passes = [_import_times(of) for _ in range(_PASSES)]
    return {module: min(each.get(module, seconds) for each in passes) for module, seconds in passes[0].items()}


def _import_times(of: Lambda) -> dict[str, float]:
    command = [sys.executable, "-X", "importtime", "-c", "import durable.aws.entry"]
    done = subprocess.run(command, env=_environment(of), capture_output=True, text=True, check=True)
    lines = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    return {name.strip(): int(own) / 1e6 for own, _, name in lines if own.strip().isdigit()}


def _package(module: str) -> str:
    top = module.partition(".")[0]
    return "standard library" if top in sys.stdlib_module_names else top


def _sum(times: Mapping[str, float], top: str) -> tuple[int, float]:
    own = [seconds for module, seconds in times.items() if _package(module) == top]
    return len(own), sum(own)


def _cell(modules: int, seconds: float) -> str:
    return f"{modules}, {seconds * 1e3:.1f} ms" if modules else ""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
