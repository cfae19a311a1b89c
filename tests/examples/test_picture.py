"""A picture is published when it is approved, and removed when it is refused or nobody looks at it for a week."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from durable.testing import Sandbox
from examples.picture import picture

UPLOAD = {"key": "cat.jpg", "owner": "ann"}
MODEL = SimpleNamespace(detect_labels=lambda **_: {"Labels": [{"Name": "Cat"}, {"Name": "Sofa"}]})


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(picture, bindings={"uploads": {"cat.jpg": b"..."}, "rekognition": MODEL})


def test_an_approved_picture_is_published_with_its_tags(sandbox: Sandbox) -> None:
    run = sandbox.start(UPLOAD)
    run.send_event("judged", {"approved": True, "by": "bob"})
    sandbox.settle()

    assert run.output == "/gallery/cat.jpg"
    assert sandbox.kv("gallery").contents == {"cat.jpg": ["cat", "sofa"]}


def test_a_refused_picture_is_removed(sandbox: Sandbox) -> None:
    sandbox.stub_event("verdict").returns({"approved": False, "by": "bob"})

    assert sandbox.run(UPLOAD).output == "refused by bob"
    assert sandbox.bucket("uploads").objects == {}


def test_a_picture_that_nobody_looks_at_is_removed_after_a_week(sandbox: Sandbox) -> None:
    run = sandbox.run(UPLOAD)

    assert (run.output, run.elapsed) == ("nobody looked", timedelta(days=7))
    assert sandbox.bucket("uploads").objects == {}
