"""The four steps of `bench.onboarding`, with their types: they compute and return."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Nothing is converted and nothing changes."""

    model_config = ConfigDict(strict=True, frozen=True)


class SignUp(Model):
    """What a run is started with."""

    email: str
    name: str
    avatarUrl: str


class User(SignUp):
    """A sign-up that was looked at."""

    mailbox: str


class Profile(Model):
    """A user."""

    userId: str
    email: str
    name: str


class Email(Profile):
    """A message to a user."""

    subject: str


class Settings(Profile):
    """How a user likes things."""

    theme: str
    notifications: bool


def validate_user(sign_up: SignUp) -> User:
    return User(**sign_up.__dict__, mailbox=sign_up.email.casefold())


def create_profile(user: User) -> Profile:
    return Profile(userId=f"user_{user.mailbox}", email=user.email, name=user.name)


def send_welcome_email(profile: Profile) -> Email:
    return Email(**profile.__dict__, subject="Welcome!")


def initialize_settings(profile: Profile) -> Settings:
    return Settings(**profile.__dict__, theme="dark", notifications=True)
