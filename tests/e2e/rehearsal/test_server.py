"""The rehearsal's server goes when its command goes, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import signal, sys, threading
from pathlib import Path
from durable.cdk.rehearsal.server import ministack
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with ministack(Path(".cache")) as server:
    print(server.port, server.process, flush=True)
    threading.Event().wait(60)
"""

pytestmark = pytest.mark.ministack


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_no_process_is_left(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    ) as command:
        assert command.stdout
        _, process = command.stdout.readline().split()
        command.send_signal(how)
        command.wait(20)
    with pytest.raises(ProcessLookupError):
        os.killpg(int(process), 0)
