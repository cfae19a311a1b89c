"""What differs from one deployment of a project to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from durable import stages

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}", re.ASCII)
_DAYS: Final = logs.RetentionDays
_RETENTIONS: Final = {
    1: _DAYS.ONE_DAY,
    3: _DAYS.THREE_DAYS,
    5: _DAYS.FIVE_DAYS,
    7: _DAYS.ONE_WEEK,
    14: _DAYS.TWO_WEEKS,
    30: _DAYS.ONE_MONTH,
    60: _DAYS.TWO_MONTHS,
    90: _DAYS.THREE_MONTHS,
    180: _DAYS.SIX_MONTHS,
    365: _DAYS.ONE_YEAR,
    731: _DAYS.TWO_YEARS,
    1827: _DAYS.FIVE_YEARS,
    3653: _DAYS.TEN_YEARS,
}


class SettingsError(Exception):
    """A deployment was asked for that cannot be had."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One deployment of a project.

    Attributes:
        name: of the project; with the stage it names the stack, and so every resource.
        stage: its name.
        root: the project's folder.
        alarm_topic: the ARN of an SNS topic that alarms are sent to.
        protected: whether data outlives the stack and can be restored; without it prod's alone.
        encryption: the ARN of a key, or True for one that the stack makes.
        log_days: how long logs are kept; without it 90 where data is protected, elsewhere 7.
        telemetry: the standard variables of OpenTelemetry, which all Lambdas have.
    """

    name: str
    stage: str
    root: Path
    alarm_topic: str | None = None
    protected: bool | None = None
    encryption: str | bool = False
    log_days: int | None = None
    telemetry: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"the project's name is {self.name!r} in cdk.json; write letters, digits and hyphens, a letter first,"
                " as CloudFormation wants it of a stack"
            )
        if not stages.NAME.fullmatch(self.stage):
            raise SettingsError(
                f"STAGE is {self.stage!r}; write 1 to 16 lower-case letters, digits and hyphens, a letter first"
            )
        if self.alarm_topic is not None and not stages.TOPIC.fullmatch(self.alarm_topic):
            raise SettingsError(
                f"the stage {self.stage} has the alarm topic {self.alarm_topic!r}; write the ARN of an SNS topic, as"
                " arn:aws:sns:eu-central-1:123456789012:oncall"
            )

    @property
    def stack(self) -> str:
        return f"{self.name}-{self.stage}"

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    @property
    def production(self) -> bool:
        # Only `prod` is protected by its name: a stage whose data matters says so in stages.toml.
        return self.stage == "prod" if self.protected is None else self.protected

    @property
    def data_removal(self) -> RemovalPolicy:
        """Whether data and logs stay when their stack is deleted."""
        return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if self.production else RemovalPolicy.DESTROY

    @property
    def log_retention(self) -> logs.RetentionDays:
        days = self.log_days or (90 if self.production else 7)
        return _RETENTIONS[days]
