"""A rollout goes on wave by wave, and back where devices are unwell."""

from __future__ import annotations

from datetime import timedelta

from durable.testing import Sandbox
from examples.rollout import RolloutWorkflow

DEVICES = ["a", "b", "c", "d"]
BEFORE = {"a": "1", "b": "1", "c": "1"}


def test_a_version_is_rolled_out_in_two_waves() -> None:
    sandbox = Sandbox(RolloutWorkflow, bindings={"versions": BEFORE})
    run = sandbox.run({"version": "2", "devices": DEVICES})

    assert (run.output, run.elapsed) == ("4 devices run 2", timedelta(hours=2))
    assert sandbox.kv("versions").contents == dict.fromkeys(DEVICES, "2")


def test_unwell_devices_bring_back_what_all_had() -> None:
    sandbox = Sandbox(RolloutWorkflow, bindings={"versions": BEFORE, "health": {"d": False}})
    run = sandbox.run({"version": "2", "devices": DEVICES})

    assert run.error is not None
    assert run.error.message == "2 does not suit d"
    assert sandbox.kv("versions").contents == BEFORE


def test_one_unwell_device_may_be_tolerated() -> None:
    sandbox = Sandbox(RolloutWorkflow, bindings={"versions": BEFORE, "health": {"d": False}})

    assert sandbox.run({"version": "2", "devices": DEVICES, "tolerated": 1}).status == "complete"
