"""What AWS, or the AWS configuration of this machine, refuses: as a sentence with the remedy."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from durable.aws.session import code_of

NO_REGION: Final = "no AWS region is set; set AWS_REGION, or run `aws configure`"
NO_CREDENTIALS: Final = "there are no AWS credentials; set AWS_PROFILE, or run `aws configure`"
_EXPIRED: Final = "the AWS credentials have expired; sign in again, as by `aws sso login`, or set AWS_PROFILE"

_EXPIRED_CODES: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CODES: Final = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})
_DENIED_CODES: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})


def sentence(error: BotoCoreError | ClientError, asked: str) -> str:
    """Return an error of boto3 as a sentence with the remedy.

    Args:
        asked: what could not be done, for what is no fault of the configuration.
    """
    match error:
        case ClientError():
            return _answered(error, asked)
        case NoRegionError():
            return NO_REGION
        case NoCredentialsError():
            return NO_CREDENTIALS
        case PartialCredentialsError() | ProfileNotFound():
            return f"{_sentence(error)}; set AWS_PROFILE to one of your profiles, or run `aws configure`"
        case SSOError() | TokenRetrievalError():
            return f"{_sentence(error)}; run `aws sso login`"
        case _:
            return f"{asked}: {_sentence(error)}; see that this machine reaches AWS, and AWS_REGION is right"


def _answered(error: ClientError, asked: str) -> str:
    code = code_of(error)
    if code in _EXPIRED_CODES:
        return _EXPIRED
    if code in _UNKNOWN_CODES:
        return f"AWS does not know these credentials ({code}); set AWS_PROFILE, or run `aws configure`"
    if code in _DENIED_CODES:
        return f"{asked}: {_sentence(error)}; have it granted to you in IAM, or set AWS_PROFILE"
    return f"{asked}: {_sentence(error)}"


def _sentence(error: Exception) -> str:
    return str(error).strip().rstrip(".")
