"""The contract of Secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable.aws.secret import FRESH_MS, ParameterSecret
from durable.clients.secret import SecretMissing
from durable.local.bindings.secret import EnvironmentSecret
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


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("API_KEY=1", "1"),
        (" API_KEY = two words  # said", "two words"),
        ('export API_KEY="x # y"', "x # y"),
        ("API_KEY='\"q\"' # z", '"q"'),
        ("API_KEY=a=b#c", "a=b#c"),
        ("API_KEY=$HOME/${USER}", "$HOME/${USER}"),
        ("API_KEY='one\ntwo'", "one\ntwo"),
        ("no line of ours\nAPI_KEY=é", "é"),
    ],
)
def test_a_line_of_the_file_has_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, value: str
) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    file = tmp_path / ".env"
    file.write_text(f"# a comment\n\nOTHER=x\n{line}\n", encoding="utf-8")
    assert EnvironmentSecret("api-key", file).get() == value


@pytest.mark.parametrize("line", ["API_KEY=", "API_KEY", "# API_KEY=x"])
def test_a_line_without_a_value_is_none(tmp_path: Path, line: str) -> None:
    file = tmp_path / ".env"
    file.write_text(line)
    with pytest.raises(SecretMissing):
        EnvironmentSecret("api-key", file).get()
