"""Onboarding as `app.py` declares it, on virtual time: what a sign-up does, and what it does only once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import app
from durable import Email, SendEmail
from durable.errors import InvalidInput
from durable.testing import Sandbox
from functions.onboarding.create_profile import EmailTakenError, create_profile
from functions.onboarding.deliver_email import deliver_email
from functions.onboarding.initialize_settings import initialize_settings
from functions.onboarding.models import Profile, Settings, WelcomeEmail
from functions.onboarding.send_welcome_email import send_welcome_email
from functions.onboarding.validate_user import validate_user

JOHN = {"email": "John@Example.com", "name": "John Doe", "avatarUrl": "https://example.com/avatar.jpg"}


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(app.onboarding)


def test_a_sign_up_becomes_a_profile_settings_and_one_letter(sandbox: Sandbox) -> None:
    run = sandbox.run(JOHN)
    user_id = run.output["userId"]

    assert run.output == {"userId": user_id, "message": "Welcome, John Doe!"}
    assert sandbox.kv(app.profiles).contents == {
        user_id: Profile(
            user_id=user_id, email="John@example.com", name="John Doe", avatar_url="https://example.com/avatar.jpg"
        )
    }
    assert sandbox.kv(app.settings).contents == {user_id: Settings(theme="dark", notifications=True)}
    assert sandbox.kv(app.addresses).contents == {"john@example.com": user_id}
    (letter,) = sandbox.email(app.mail).sent
    assert (letter.to, letter.subject) == ("John@example.com", "Welcome!")


def test_what_is_typed_with_blanks_is_trimmed(sandbox: Sandbox) -> None:
    run = sandbox.run({"email": "  ann@example.com ", "name": "  Ann  ", "avatarUrl": None})

    (profile,) = sandbox.kv(app.profiles).contents.values()
    assert (profile.email, profile.name, profile.avatar_url) == ("ann@example.com", "Ann", None)
    assert run.output["message"] == "Welcome, Ann!"


@pytest.mark.parametrize(
    "bad",
    [
        {"email": "nobody", "name": "Ann"},
        {"email": "a@b@example.com", "name": "Ann"},
        {"email": "", "name": "Ann"},
        {"email": "ann@example.com", "name": "   "},
        {"email": "ann@example.com", "name": "n" * 201},
        {"email": "ann@example.com", "name": "Ann", "avatarUrl": "javascript:alert(1)"},
        {"email": "ann@example.com", "name": "Ann", "admin": True},
    ],
)
def test_who_cannot_be_signed_up_is_not_started(sandbox: Sandbox, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        sandbox.start(bad)

    assert sandbox.runs() == []


def test_two_hundred_characters_are_a_name(sandbox: Sandbox) -> None:
    assert sandbox.run({"email": "ann@example.com", "name": "n" * 200}).status == "complete"


@pytest.mark.parametrize("again", ["john@example.com", "JOHN@EXAMPLE.COM"])
def test_an_address_in_any_case_signs_up_once(sandbox: Sandbox, again: str) -> None:
    first = sandbox.run(JOHN)
    second = sandbox.run({"email": again, "name": "Somebody Else"})

    assert second.status == "errored"
    assert second.error is not None
    assert (second.error.name, second.error.step) == ("EmailTakenError", "create-profile")
    assert second.step("create-profile").attempts == 1
    assert isinstance(second.step("create-profile").exception, EmailTakenError)
    assert list(sandbox.kv(app.profiles).contents) == [first.output["userId"]]
    assert len(sandbox.email(app.mail).sent) == 1


STEPS: dict[str, Callable[..., Any]] = {
    "validate-user": validate_user,
    "create-profile": create_profile,
    "send-welcome-email": send_welcome_email,
    "initialize-settings": initialize_settings,
}


def crash_after(sandbox: Sandbox, step: str) -> None:
    """Have the first attempt of a step fail when its work is done: as if its end had not been recorded."""

    def work_then_fail(**arguments: Any) -> Any:
        STEPS[step](**arguments)
        raise ConnectionError

    sandbox.stub(step).does(work_then_fail, attempt=1)


@pytest.mark.parametrize("step", STEPS)
def test_a_second_attempt_of_any_step_makes_nothing_twice(sandbox: Sandbox, step: str) -> None:
    crash_after(sandbox, step)
    run = sandbox.run(JOHN)

    assert run.status == "complete"
    assert run.step(step).attempts == 2
    assert list(sandbox.kv(app.profiles).contents) == [run.output["userId"]]
    assert list(sandbox.kv(app.addresses).contents.values()) == [run.output["userId"]]
    assert len(sandbox.email(app.mail).sent) == 1


def test_settings_that_are_there_are_left(sandbox: Sandbox) -> None:
    run = sandbox.start(JOHN)
    profile = run.wait_for_step("create-profile")
    liked = Settings(theme="light", notifications=False)
    sandbox.kv(app.settings).put(profile.user_id, liked)
    sandbox.settle()

    assert run.status == "complete"
    assert sandbox.kv(app.settings).contents == {profile.user_id: liked}


def test_a_name_is_escaped_where_it_is_html(sandbox: Sandbox) -> None:
    sandbox.run({"email": "ann@example.com", "name": "<b>Ann</b> & Co"})

    (letter,) = sandbox.email(app.mail).sent
    assert "<b>Ann</b> & Co" in letter.text
    assert "&lt;b&gt;Ann&lt;/b&gt; &amp; Co" in letter.html
    assert "<b>" not in letter.html


def test_a_message_that_comes_twice_is_sent_once(sandbox: Sandbox) -> None:
    letters: list[Email] = []

    class Post(SendEmail):
        def send(self, email: Email, *, id: str) -> None:
            letters.append(email)

    message = WelcomeEmail(id="message-1", to="ann@example.com", name="Ann")
    for _ in range(2):
        deliver_email(message, Post("post", sender="hello@example.com"), sandbox.kv(app.sent))

    assert [letter.to for letter in letters] == ["ann@example.com"]


def test_two_sign_ups_at_once_with_one_address_make_one_user(sandbox: Sandbox) -> None:
    runs = [sandbox.start(JOHN, id=f"run-{each}") for each in "ab"]
    sandbox.settle()

    assert sorted(run.status for run in runs) == ["complete", "errored"]
    assert len(sandbox.kv(app.profiles).contents) == 1
