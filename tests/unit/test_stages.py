"""stages.toml: what it says of a stage, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable.stages import StagesError, StageSettings, stage_settings

KEY = "arn:aws:kms:us-east-1:123456789012:key/0123abcd-0123-0123-0123-0123456789ab"
FILE = f"""
[prod]
alarm_topic = "arn:aws:sns:us-east-1:123456789012:oncall"
encryption = "{KEY}"
variables = {{ MAIL_SENDER = "hello@shop.example" }}

[staging]
protected = true
encryption = true
log_days = 30
"""


def test_a_stage_is_as_its_table_says_and_one_without_a_table_is_plain(tmp_path: Path) -> None:
    (tmp_path / "stages.toml").write_text(FILE)
    prod = stage_settings(tmp_path, "prod")
    assert (prod.alarm_topic, prod.encryption) == ("arn:aws:sns:us-east-1:123456789012:oncall", KEY)
    assert prod.variables == {"MAIL_SENDER": "hello@shop.example"}
    staging = stage_settings(tmp_path, "staging")
    assert (staging.protected, staging.encryption, staging.log_days) == (True, True, 30)
    assert stage_settings(tmp_path, "dev") == StageSettings()


def test_a_project_needs_no_such_file(tmp_path: Path) -> None:
    assert stage_settings(tmp_path, "prod") == StageSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[prod", "is not TOML"),
        ("[prod]\nalarm = 1", "prod.alarm: Extra inputs are not permitted; a stage has protected, alarm_topic"),
        ("[prod]\nlog_days = 8", "prod.log_days: Input should be 1, 3, 5, 7"),
        ('[prod]\nprotected = "yes"', "prod.protected: Input should be a valid boolean"),
        ('[prod]\nencryption = "mine"', "prod.encryption: write true, or the ARN of a key"),
        ('[prod]\nencryption = "arn:aws:kms:us-east-1:123456789012:alias/mine"', "the ARN of a key"),
        ('[prod.telemetry]\nENDPOINT = "x"', "prod.telemetry.ENDPOINT"),
        ("[Prod]\nprotected = true", "Prod: this can be no stage's name; write 1 to 16 lower-case letters"),
        ('["prod "]\nprotected = true', "prod : this can be no stage's name"),
        ('[staging]\nalarm_topic = "oncall"', "staging.alarm_topic: write the ARN of an SNS topic: arn:aws:sns"),
        ("prod = 1", "prod: Input should be a valid dictionary"),
    ],
)
def test_what_is_not_known_is_refused_with_the_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "stages.toml").write_text(text)
    with pytest.raises(StagesError) as refused:
        stage_settings(tmp_path, "prod")
    assert said in str(refused.value)
