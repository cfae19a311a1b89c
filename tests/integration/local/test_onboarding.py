"""Onboarding as `app.py` declares it, on virtual time: what a sign-up does, and what it does only once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

import app
from durable import Email, SendEmail, StepContext
from durable.errors import InvalidInput
from durable.testing import Sandbox
from functions.expenses.models import Expense
from functions.onboarding.create_profile import EmailTakenError, create_profile
from functions.onboarding.deliver_email import deliver_email
from functions.onboarding.initialize_settings import initialize_settings
from functions.onboarding.models import Profile, Settings, SignUp, WelcomeEmail, mailbox_of
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
    assert "&lt;b&gt;Ann&lt;/b&gt; &amp; Co" in str(letter.html)
    assert "<b>" not in str(letter.html)


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


def test_a_mailbox_is_told_by_its_local_part_in_lower_case_and_its_domain_as_idna() -> None:
    assert mailbox_of("Jane.Doe@EXAMPLE.com") == "jane.doe@example.com"
    assert mailbox_of("zoe@exämple.org") == mailbox_of("ZOE@xn--exmple-cua.org") == "zoe@xn--exmple-cua.org"
    assert mailbox_of("straße@example.com") != mailbox_of("strasse@example.com")


@pytest.mark.parametrize("url", ["HTTPS://EXAMPLE.COM/a.png", "http://example.com:8080", "https://[2001:db8::1]/a"])
def test_an_avatar_is_at_any_web_address(url: str) -> None:
    assert SignUp.model_validate(JOHN | {"avatarUrl": url}).avatar_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("https://", "http://?", "https://#", "https:///a.png", "https://:443/", "ftp://example.com/", "a.com/a.png"),
        *("https://example.com:99999/", "https://[::1/", "https://user@/", "https://a\\b/", "javascript:alert(1)"),
    ],
)
def test_an_avatar_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="write https:// and a host"):
        SignUp.model_validate(JOHN | {"avatarUrl": url})


@pytest.mark.parametrize("cents", [True, "1", 1.5])
def test_what_is_no_number_is_none(cents: object) -> None:
    with pytest.raises(ValidationError):
        Expense.model_validate_json(json.dumps({"employee": "ann@example.com", "purpose": "train", "cents": cents}))


def test_a_run_under_the_id_of_another_that_is_gone_has_another_user_and_a_restart_the_same() -> None:
    def made_by(key: str) -> str:
        sandbox = Sandbox(app.onboarding)
        user = validate_user(SignUp.model_validate(JOHN))
        context = StepContext(
            "onboarding", "k1", "create-profile", 1, key, lambda: timedelta(0), lambda: datetime(2026, 1, 1, tzinfo=UTC)
        )
        return create_profile(user, sandbox.kv(app.profiles), sandbox.kv(app.addresses), context).user_id

    first = made_by("onboarding/k1/1767225600000/1/create-profile")
    assert made_by("onboarding/k1/1767225600000/2/create-profile") == first
    assert made_by("onboarding/k1/1767225700000/1/create-profile") != first
