"""Ctrl-C while CDK synthesises: it reaches app.py and the Node below it as well as the CLI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
APP = "import durable.cdk, aws_cdk, signal; print('ready', flush=True); signal.pause()"


@pytest.mark.slow
def test_neither_app_nor_node_shows_a_traceback(tmp_path: Path) -> None:
    variables = {name: each for name, each in os.environ.items() if name != "JSII_NODE"}
    with subprocess.Popen(
        [sys.executable, "-c", APP],
        env={**variables, "PYTHONPATH": str(ROOT), "CDK_OUTDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as app:
        assert app.stdout is not None
        assert app.stdout.readline() == "ready\n"
        os.killpg(app.pid, signal.SIGINT)
        _, said = app.communicate()
    assert (app.returncode, said) == (-signal.SIGINT, "")
