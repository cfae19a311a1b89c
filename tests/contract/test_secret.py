"""The contract of Secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable.aws.secret import FRESH_MS, ParameterSecret
from durable.clients.secret import SecretMissing
from durable.local.secret import EnvironmentSecret, variables
from tests.contract.worlds import AWS, Moto, World


def test_a_text_that_was_put_in_place_is_read_and_shows_in_no_repr(world: World) -> None:
    secret = world.secret("s3cr#t = x")
    assert secret.get() == "s3cr#t = x"
    assert "s3cr" not in f"{secret!r}{secret}"


def test_one_that_nobody_put_in_place_says_how_to(world: World) -> None:
    with pytest.raises(SecretMissing, match=r"Secret api-key has no value; (set API_KEY|aws ssm put-parameter)"):
        world.secret(None).get()


def test_a_new_text_is_seen_on_aws_after_five_minutes(aws: AWS) -> None:
    moto = Moto(aws)
    aws.ssm.put_parameter(Name="/stack/rotated", Value="old", Type="SecureString")
    secret = ParameterSecret("rotated", "/stack/rotated", moto.clock, ssm=aws.ssm)
    assert secret.get() == "old"
    aws.ssm.put_parameter(Name="/stack/rotated", Value="new", Type="SecureString", Overwrite=True)
    moto.clock.advance_to(moto.clock.now() + FRESH_MS - 1)
    assert secret.get() == "old"
    moto.clock.advance_to(moto.clock.now() + 1)
    assert secret.get() == "new"


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    secret = EnvironmentSecret("api-key", file)
    with pytest.raises(SecretMissing, match=r"write API_KEY=… into "):
        secret.get()
    file.write_text("API_KEY=of the file")
    assert secret.get() == "of the file"
    monkeypatch.setenv("API_KEY", "of the environment")
    assert secret.get() == "of the environment"


def test_lines_of_a_file_of_variables(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        '# a comment\n\nA=1\n B = two words  # said\nexport C="x # y"\n'
        "D='\"q\"' # z\nE=\nF=a=b#c\nno line of ours\n1G=x\n",
        encoding="utf-8",
    )
    assert variables(file) == {"A": "1", "B": "two words", "C": "x # y", "D": '"q"', "E": "", "F": "a=b"}
