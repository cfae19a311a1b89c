"""stages.toml: what differs from one stage of a project to the next, in one file, so that no deployment forgets it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from durable.errors import ConfigurationError

FILE: Final = "stages.toml"

NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,14}[a-z0-9])?", re.ASCII)
"""What a stage may be called."""
TOPIC: Final = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+", re.ASCII)
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653]
_KEY: Final = re.compile(
    r"arn:[\w-]+:kms:[\w-]+:\d{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII
)


def _as_key(encryption: bool | str) -> bool | str:
    if isinstance(encryption, str) and not _KEY.fullmatch(encryption):
        raise ValueError("write true, or the ARN of a key: arn:aws:kms:eu-central-1:123456789012:key/… (no alias)")
    return encryption


def _as_topic(arn: str) -> str:
    if not TOPIC.fullmatch(arn):
        raise ValueError("write the ARN of an SNS topic: arn:aws:sns:eu-central-1:123456789012:oncall")
    return arn


def _as_name(stage: str) -> str:
    if not NAME.fullmatch(stage):
        raise ValueError("this can be no stage's name; write 1 to 16 lower-case letters, digits and hyphens")
    return stage


class StageSettings(BaseModel):
    """A table of stages.toml, `[prod]` for the stage prod.

    Attributes:
        protected: whether its data outlives the stack and can be restored; prod is, where nothing is said.
        alarm_topic: the ARN of an SNS topic that alarms are sent to.
        encryption: `true` for a key of AWS KMS that the stack makes, or the ARN of one, with which all is encrypted.
        log_days: how long logs are kept.
        telemetry: the standard variables of OpenTelemetry, as OTEL_EXPORTER_OTLP_ENDPOINT, for all of its Lambdas.
        variables: of the environment in which app.py is read, as MAIL_SENDER.
    """

    # A misspelt setting is an error: `protectd = true` would else leave the data of a stage unprotected.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    protected: bool | None = None
    alarm_topic: Annotated[str, AfterValidator(_as_topic)] | None = None
    encryption: Annotated[bool | str, AfterValidator(_as_key)] = False
    log_days: LogDays | None = None
    telemetry: Mapping[Annotated[str, Field(pattern="^OTEL_[A-Z0-9_]+$")], str] = Field(default_factory=dict)
    variables: Mapping[str, str] = Field(default_factory=dict)


# The names too: nothing would be read of `[Prod]`, and its data be unprotected.
_FILE: Final = TypeAdapter(dict[Annotated[str, AfterValidator(_as_name)], StageSettings])


class StagesError(ConfigurationError):
    """stages.toml cannot be used."""


def stage_settings(root: Path, stage: str) -> StageSettings:
    """Return what a project's stages.toml says of a stage; what it says nothing of is as it is without the file.

    Raises:
        StagesError: the file is not TOML, or holds what is not known, with the field.
    """
    path = root / FILE
    if not path.exists():
        return StageSettings()
    try:
        # All stages are validated, not the one that is asked for alone: a mistake in `[prod]` is found in development.
        return _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8"))).get(stage, StageSettings())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StagesError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        # Of a name that is wrong the path ends with a part of pydantic's own.
        field = ".".join(str(part) for part in found["loc"] if part != "[key]")
        said = found["msg"].removeprefix("Value error, ")
        known = ", ".join(StageSettings.model_fields)
        raise StagesError(f"{path}: {field}: {said}; a stage has {known}") from None
