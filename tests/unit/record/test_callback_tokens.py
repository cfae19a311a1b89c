"""Tokens of callbacks come from outside, so one may name anything."""

from __future__ import annotations

import pytest

from durable.errors import CallbackUnknown
from durable.store.callback_tokens import CallbackKey, named_by


def test_a_token_names_its_step_and_holds_its_secret() -> None:
    key = CallbackKey("shop", "one", "000001@x", "all[0]/größe", "größe", 2)
    assert named_by(key.token("secret")) == (key, "secret")


@pytest.mark.parametrize(("instance", "path"), [("\ud800", "charge"), ("one", "\udfff"), ("one", "c" * 1_100)])
def test_a_token_that_names_what_no_table_takes_as_a_key_is_refused(instance: str, path: str) -> None:
    with pytest.raises(CallbackUnknown):
        named_by(CallbackKey("shop", instance, "000001@x", path, "charge").token("secret"))
