"""What travels through onboarding."""

from __future__ import annotations

import functools
from typing import Annotated
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, ValidatedEmail, validate_email
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from functions.model import Model


@functools.lru_cache(maxsize=256)
def _parsed(address: str) -> ValidatedEmail:
    """Return the parts of an address. It is asked for whenever a sign-up is read, several times in a run."""
    return validate_email(address, check_deliverability=False)


def _address(text: str) -> str:
    """Return a mail address in its normal form; whether mail reaches it is not asked."""
    try:
        return _parsed(text).normalized
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None


def mailbox_of(address: str) -> str:
    """Return what two addresses of one mailbox have in common: the local part in lower case, the domain as IDNA.

    Case folding would make one mailbox of two: `straße@` and `strasse@` are different.
    """
    parts = _parsed(address)
    return f"{parts.local_part.lower()}@{parts.ascii_domain.lower()}"


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half an IPv6 address
        good = False
    if not good or "\\" in text:
        raise ValueError("not a web address: write https:// and a host")
    return text


Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=320),
    AfterValidator(_address),
    Field(json_schema_extra={"format": "email"}),
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
WebAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=2048, pattern=r"^\S+$"),
    AfterValidator(_web_address),
    Field(json_schema_extra={"format": "uri"}),
]


class _Model(Model):
    """Fields are camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class SignUp(_Model):
    """What somebody who signs up sends."""

    email: Address = Field(examples=["user@example.com"])
    name: Name = Field(examples=["John Doe"])
    avatar_url: WebAddress | None = Field(default=None, examples=["https://example.com/avatar.jpg"])


class NewUser(_Model):
    """A sign-up that was found good: what comes after need not look again.

    `mailbox` is the address as it can be claimed once: in lower case, with the domain as it stands in DNS.
    """

    email: str
    mailbox: str
    name: str
    avatar_url: str | None


class Profile(_Model):
    """A user."""

    user_id: str
    email: str
    name: str
    avatar_url: str | None


class Settings(_Model):
    """How a user likes things."""

    theme: str = "dark"
    notifications: bool = True


class WelcomeEmail(_Model):
    """The message that asks for a welcome e-mail; one id, one e-mail."""

    id: str
    to: str
    name: str
