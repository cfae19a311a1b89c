"""The contract of SendEmail."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_string
from email.message import EmailMessage
from email.policy import default

import pytest

from durable import Email
from durable.clients.email import EmailNotSent
from tests.contract.worlds import SENDER, Moto, World

WELCOME = Email("zoe@example.org", "Welcome, Zoë! 🎉", "Hello Zoë\n", "<p>Hello Zoë</p>\n")


def sent(world: World) -> EmailMessage:
    (raw,) = world.sent()
    message = message_from_string(raw, _class=EmailMessage, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_message_has_its_headers_and_both_bodies(world: World) -> None:
    world.mailbox().send(WELCOME, id="onboarding/1/1/send")
    message = sent(world)
    assert message["From"] == SENDER
    assert message["To"] == WELCOME.to
    assert message["Subject"] == WELCOME.subject
    assert message["X-Idempotency-Key"] == "onboarding/1/1/send"
    assert message["Date"].datetime.isoformat() == "2026-01-01T00:00:00+00:00"
    assert body(message, "plain") == WELCOME.text
    assert body(message, "html") == WELCOME.html


@pytest.mark.parametrize("subject", ["Hi", "a" * 200, "ü" * 200, "=?utf-8?q?x?= ", "a=b", "tab\there", ""])
@pytest.mark.parametrize(
    "text", ["", "no end", "\n\n.\n", "=20 \n", "x" * 3_000, "ü" * 500, "a\tb \n", "--=_alternative--\n"]
)
def test_any_subject_and_any_text_arrive_as_they_are(world: World, subject: str, text: str) -> None:
    world.mailbox().send(replace(WELCOME, subject=subject, text=text, html=text), id="1")
    message = sent(world)
    assert message["Subject"].split() == subject.split()
    assert body(message, "plain") == body(message, "html") == text
    assert max(map(len, world.sent()[0].splitlines())) < 998


def test_the_same_id_has_the_same_message_id(world: World) -> None:
    mailbox = world.mailbox()
    for id in ("1", "1", "2"):
        mailbox.send(WELCOME, id=id)
    assert len({message_from_string(raw)["Message-ID"] for raw in world.sent()}) == 2


@pytest.mark.parametrize(
    "email",
    [
        replace(WELCOME, to="a@example.org\nBcc: b@example.org"),
        replace(WELCOME, subject="Hi\r\nBcc: b@example.org"),
        replace(WELCOME, to="a@example.org, b@example.org"),
        replace(WELCOME, to="a@example.org b@example.org"),
        replace(WELCOME, to="nobody"),
        replace(WELCOME, to=""),
    ],
    ids=str,
)
def test_no_header_can_be_slipped_in_and_nobody_else_gets_it(world: World, email: Email) -> None:
    with pytest.raises(EmailNotSent, match="SendEmail mail: an e-mail was not sent") as raised:
        world.mailbox().send(email, id="1")
    assert "example.org" not in str(raised.value)
    assert world.sent() == []


def test_a_domain_beyond_ascii_is_written_as_mail_servers_want_it(world: World) -> None:
    world.mailbox().send(replace(WELCOME, to="zoe@exämple.org"), id="1")
    assert sent(world)["To"] == "zoe@xn--exmple-cua.org"


def test_a_name_beyond_ascii_is_kept_where_it_can_be(world: World) -> None:
    email = replace(WELCOME, to="zoë@example.org")
    if isinstance(world, Moto):
        with pytest.raises(EmailNotSent, match="SES takes ASCII only"):
            world.mailbox().send(email, id="1")
    else:
        world.mailbox().send(email, id="1")
        assert "\r\nTo: zoë@example.org\r\n" in world.sent()[0]


@pytest.mark.parametrize("id", ["../../etc/passwd", "a/b[3]", ".", "x" * 500, "ÄÖ ü\n", "A", ""])
def test_any_id_will_do(world: World, id: str) -> None:
    world.mailbox().send(WELCOME, id=id)
    world.mailbox().send(WELCOME, id=id + "x")
    assert len(world.sent()) == 2


def test_a_message_without_html_is_its_text(world: World) -> None:
    world.mailbox().send(Email(WELCOME.to, WELCOME.subject, WELCOME.text), id="1")
    message = sent(world)
    assert message.get_body(("html",)) is None
    assert body(message, "plain") == WELCOME.text
