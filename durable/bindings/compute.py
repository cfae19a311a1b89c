"""Compute: what the Lambda of a step has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, get_args

from durable.bindings.base import is_whole, listed
from durable.errors import DeclarationError

T = TypeVar("T")

Architecture = Literal["arm64", "x86_64"]
# AWS's "Lambda quotas"; one machine has what it has.
_MEMORY: Final = range(128, 10_241)
_STORAGE: Final = range(512, 10_241)
_CONCURRENCY: Final = range(100_001)
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]+", re.ASCII)
_OURS: Final = "DURABLE_"
_LAMBDAS: Final = frozenset(
    {
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *(f"AWS_LAMBDA_{each}" for each in ("FUNCTION_NAME", "FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION")),
        *(f"AWS_LAMBDA_{each}" for each in ("INITIALIZATION_TYPE", "LOG_GROUP_NAME", "LOG_STREAM_NAME", "RUNTIME_API")),
    }
)
"""Variables that Lambda gives itself, and lets nobody set."""
_LAYER: Final = re.compile(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:layer:[\w-]{1,140}:\d+", re.ASCII)
_PACKAGE: Final = re.compile(
    r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?(\[[\w., -]+\])?==[\w.!+-]+(?P<hashes>( --hash=sha256:[0-9a-f]{64})*)", re.ASCII
)
_ID: Final = "[0-9a-f]{8}(?:[0-9a-f]{9})?"
"""The end of an id of EC2; those from before 2018 are the shorter ones."""
_MOST_LAYERS: Final = 5
"""Of one Lambda; one holds the packages of all Lambdas, and one those of this step."""


def distribution(package: str) -> str:
    """Return the name of a pinned package as the index has it: `Pillow==12.0.0` is of `pillow`."""
    return re.sub(r"[-_.]+", "-", re.split(r"==|\[", package)[0]).lower()


@dataclass(frozen=True, slots=True)
class Network:
    """A network of AWS (VPC) that is there already.

    What runs in it reaches DynamoDB, Step Functions and all else by the network's NAT or endpoints alone.

    Attributes:
        vpc: its id.
        subnets: the ids of private subnets, one in each of the zones.
        zones: their availability zones, in the same order.
        security_groups: their ids; without one, the Lambda has one of its own, which lets everything out.
    """

    vpc: str
    subnets: Sequence[str]
    zones: Sequence[str]
    security_groups: Sequence[str] = ()

    def __post_init__(self) -> None:
        for option in ("subnets", "zones", "security_groups"):
            object.__setattr__(self, option, listed(self, option, getattr(self, option)))
        if problems := [f"{self!r}: {each}" for each in self._problems()]:
            raise DeclarationError(problems)

    def _problems(self) -> Iterator[str]:
        if not self.subnets or len(self.subnets) != len(self.zones):
            yield "name at least one subnet, and the zone of each"
        kinds = {"vpc": [self.vpc], "subnet": self.subnets, "sg": self.security_groups}
        for kind, ids in kinds.items():
            for each in ids:
                if not isinstance(each, str) or not re.fullmatch(f"{kind}-{_ID}", each, re.ASCII):
                    yield f"{each!r} is no id; write one as {kind}-0123456789abcdef0"


@dataclass(frozen=True, slots=True)
class Compute:
    """What a step is given on AWS; what is not said is as the workflow's default. One machine has what it has.

    Attributes:
        memory: in MiB, 128 to 10,240; the share of processors grows with it, a whole one at 1,769.
        ephemeral_storage: of /tmp, in MiB, 512 to 10,240.
        architecture: of the processor.
        concurrency: how many of it run at once, at the most; reserved from what the account has. 0 stops it: none runs.
        environment: variables of the Lambda.
        network: in which it runs.
        packages: what it imports and the other Lambdas do not, each with its version, as "pillow==12.0.0": a layer of
            its own. Hashes may follow, as in a requirements file; then all have some.
        layers: the ARNs of versions of layers that are there already, in the region of the deployment.
    """

    memory: int | None = None
    ephemeral_storage: int | None = None
    architecture: Architecture | None = None
    concurrency: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Network | None = None
    packages: Sequence[str] = ()
    layers: Sequence[str] = ()

    def __post_init__(self) -> None:
        for option in ("packages", "layers"):
            object.__setattr__(self, option, listed(self, option, getattr(self, option)))
        if problems := [f"{self!r}: {each}" for each in self._problems()]:
            raise DeclarationError(problems)

    def _problems(self) -> Iterator[str]:
        for name, value, allowed in (
            ("memory", self.memory, _MEMORY),
            ("ephemeral_storage", self.ephemeral_storage, _STORAGE),
            ("concurrency", self.concurrency, _CONCURRENCY),
        ):
            if value is not None and not (is_whole(value) and value in allowed):
                yield f"{name} is {value!r}; give {allowed[0]:,} to {allowed[-1]:,}"
        if self.architecture not in (None, *get_args(Architecture)):
            yield f"architecture is {self.architecture!r}; write 'arm64' or 'x86_64'"
        if self.network is not None and not isinstance(self.network, Network):
            yield f"network is {self.network!r}; write Network(vpc, subnets=[…], zones=[…])"
        yield from wrong_variables(self.environment)
        yield from self._wrong_packages()
        for each in self.layers:
            if not isinstance(each, str) or not _LAYER.fullmatch(each):
                yield f"{each!r} is no version of a layer; write its ARN, arn:aws:lambda:…:layer:ffmpeg:3"
        most = _MOST_LAYERS - 1 - bool(self.packages)
        if len(self.layers) > most:
            yield f"a Lambda has {_MOST_LAYERS} layers at the most, so that {most} are left here; leave some out"

    def _wrong_packages(self) -> Iterator[str]:
        read = {each: _PACKAGE.fullmatch(each) if isinstance(each, str) else None for each in self.packages}
        for each, found in read.items():
            if found is None:
                yield f"{each!r} is no package with its version; write 'pillow==12.0.0'"
        hashed = [bool(found["hashes"]) for found in read.values() if found is not None]
        # pip takes hashes for all packages of an installation or for none.
        if any(hashed) and not all(hashed):
            yield "some packages have a hash and some have none; give each one, or none"

    def over(self, others: Compute) -> Compute:
        """Return this, and where it says nothing what the others say; of both the variables, packages and layers,
        where this one's take the place of those of the same name.
        """
        return Compute(
            first(self.memory, others.memory),
            first(self.ephemeral_storage, others.ephemeral_storage),
            first(self.architecture, others.architecture),
            first(self.concurrency, others.concurrency),
            {**others.environment, **self.environment},
            first(self.network, others.network),
            packages_over(self.packages, others.packages),
            list(dict.fromkeys([*others.layers, *self.layers])),
        )


def packages_over(own: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return both, but of a package that stands in both, whatever its version, only the own one."""
    named = {distribution(each) for each in own}
    return [*(each for each in others if distribution(each) not in named), *own]


def first(value: T | None, other: T | None) -> T | None:
    """Return the value, or the other where none was given. A number that was given may be 0."""
    return other if value is None else value


def wrong_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that Lambda would refuse, or that has a name of the library's."""
    if not isinstance(environment, Mapping):
        yield f"environment is {environment!r}; write a dict of texts"
        return
    for name, value in environment.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            yield f"the variable {name!r} has a wrong name; write a letter, and then letters, digits and underscores"
        elif name.startswith(_OURS) or name in _LAMBDAS:
            owner = "Lambda" if name in _LAMBDAS else "the library"
            yield f"the variable {name} has a name that {owner} gives itself; name it otherwise"
        if not isinstance(value, str):
            yield f"the variable {name} is {value!r}; write a text, as {str(value)!r}"
