"""Compute: what the Lambda of a step has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from durable.errors import DeclarationError

Architecture = Literal["arm64", "x86_64"]
_MEMORY: Final = range(128, 10_241)
_STORAGE: Final = range(512, 10_241)
_OURS: Final = "DURABLE_"


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
        if not self.subnets or len(self.subnets) != len(self.zones):
            raise DeclarationError([f"{self!r}: name at least one subnet, and the zone of each"])


@dataclass(frozen=True, slots=True)
class Compute:
    """What a step is given on AWS; what is not said is as the workflow's default. One machine has what it has.

    Attributes:
        memory: in MiB, 128 to 10,240; the share of processors grows with it, a whole one at 1,769.
        ephemeral_storage: of /tmp, in MiB, 512 to 10,240.
        architecture: of the processor.
        concurrency: how many of it run at once, at the most; reserved from what the account has.
        environment: variables of the Lambda.
        network: in which it runs.
    """

    memory: int | None = None
    ephemeral_storage: int | None = None
    architecture: Architecture | None = None
    concurrency: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    network: Network | None = None

    def __post_init__(self) -> None:
        problems = [
            f"{self!r}: {name} is {value}; give {allowed[0]:,} to {allowed[-1]:,}"
            for name, value, allowed in (
                ("memory", self.memory, _MEMORY),
                ("ephemeral_storage", self.ephemeral_storage, _STORAGE),
                ("concurrency", self.concurrency, range(1, 100_001)),
            )
            if value is not None and value not in allowed
        ]
        if self.architecture not in (None, *get_args(Architecture)):
            problems.append(f"{self!r}: architecture is {self.architecture!r}; write 'arm64' or 'x86_64'")
        problems += [f"{self!r}: {each} is the library's own" for each in self.environment if each.startswith(_OURS)]
        if problems:
            raise DeclarationError(problems)

    def over(self, others: Compute) -> Compute:
        """Return this, and where it says nothing what the others say; both environments, this one's first."""
        # `or`: none of the numbers may be 0, so only what was not given counts as false.
        return Compute(
            self.memory or others.memory,
            self.ephemeral_storage or others.ephemeral_storage,
            self.architecture or others.architecture,
            self.concurrency or others.concurrency,
            {**others.environment, **self.environment},
            self.network or others.network,
        )
