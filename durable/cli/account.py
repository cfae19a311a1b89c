"""The AWS account that a stage is deployed to: whether it lets this machine in, and is prepared for deployments."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from durable.aws.session import code_of
from durable.cli.outcome import UNAVAILABLE, CommandError
from durable.cli.refusals import sentence
from durable.cli.stage import credentials, session

_PATIENCE: Final = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
_QUALIFIER: Final = "@aws-cdk/core:bootstrapQualifier"
_DEFAULT_QUALIFIER: Final = "hnb659fds"
"""CDK's own, in the names of all that `cdk bootstrap` makes."""


def check_account(*, is_deployed: bool) -> None:
    """See that the account lets this machine in. CDK would find out after a minute of synthesis, and not say why.

    Args:
        is_deployed: whether the account has to be prepared for deployments.

    Raises:
        CommandError: it does not, or is not, with what to do.
    """
    aws = session()
    credentials(aws)
    try:
        account = aws.client("sts", config=_PATIENCE).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(sentence(error, "AWS does not say whose credentials these are"), UNAVAILABLE) from None
    if is_deployed and not _is_prepared(aws.client("ssm", config=_PATIENCE)):
        raise CommandError(
            f"the account {account} is not prepared for deployments in {aws.region_name}; run `durable bootstrap`"
            " once, or set AWS_PROFILE and AWS_REGION to where it is",
            UNAVAILABLE,
        )


def _is_prepared(ssm: Any) -> bool:
    """Return whether `cdk bootstrap` was run; True where that may not be asked: CDK takes on a role that may."""
    try:
        ssm.get_parameter(Name=f"/cdk-bootstrap/{_qualifier()}/version")
    except ClientError as error:
        return code_of(error) != "ParameterNotFound"
    except BotoCoreError:
        return True
    return True


def _qualifier() -> str:
    # Whatever is wrong with cdk.json is said by what needs it: here it only decides which parameter is asked for.
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"][_QUALIFIER])
    return _DEFAULT_QUALIFIER
