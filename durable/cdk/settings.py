"""What differs from one deployment of a project to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

_STAGE: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,14}[a-z0-9])?", re.ASCII)


class SettingsError(Exception):
    """A deployment was asked for that cannot be had."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment of a project.

    Attributes:
        name: of the project; with the stage it names the stack, and so every resource.
        stage: `prod` keeps its data; every other stage is thrown away with its stack.
        root: the project's folder.
        alarm_topic: the ARN of an SNS topic that alarms are sent to.
    """

    name: str
    stage: str
    root: Path
    alarm_topic: str | None = None

    def __post_init__(self) -> None:
        if not _STAGE.fullmatch(self.stage):
            raise SettingsError(
                f"STAGE is {self.stage!r}; write 1 to 16 lower-case letters, digits and hyphens, a letter first"
            )

    @property
    def stack(self) -> str:
        return f"{self.name}-{self.stage}"

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    @property
    def production(self) -> bool:
        return self.stage == "prod"

    @property
    def data_removal(self) -> RemovalPolicy:
        """What becomes of data and logs when their stack goes."""
        return RemovalPolicy.RETAIN if self.production else RemovalPolicy.DESTROY

    @property
    def log_retention(self) -> logs.RetentionDays:
        return logs.RetentionDays.THREE_MONTHS if self.production else logs.RetentionDays.ONE_WEEK
