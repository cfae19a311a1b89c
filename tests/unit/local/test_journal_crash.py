"""A process that is killed at any moment has lost nothing that it acknowledged."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from durable.local.storage.journal import Journal

WRITE = """
import sys, threading
from pathlib import Path
from durable.local.storage.journal import Journal
from durable.local.storage.schema import EXECUTION, KV

journal = Journal(Path(sys.argv[1]))

def write(thread):
    for number in range(1_000_000):
        name = f"{thread}-{number:07}"
        last = (KV, ("last", str(thread)), (str(number), None, ""))
        ticket = journal.write([(EXECUTION, (name,), ("x" * 300,)), last])
        if number % 3 == 0:
            journal.after(ticket, lambda error, name=name: error or sys.stdout.write(name + "\\n"))
        if number % 10 == 0:
            journal.wait(ticket)

journal.listen(lambda durable, error: sys.stdout.flush())
for thread in range(4):
    threading.Thread(target=write, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("seed", range(3))
def test_every_acknowledged_number_is_there_after_a_kill(tmp_path: Path, seed: int) -> None:
    acknowledged = killed_writer(tmp_path, after_lines=random.Random(seed).randint(1, 3_000))
    journal = Journal(tmp_path)
    names = {name for (name,) in journal.read("SELECT name FROM execution")}
    last = dict(journal.read("SELECT key, value FROM kv"))
    journal.close()
    assert acknowledged
    assert names.issuperset(acknowledged)
    for thread, number in last.items():
        assert {name for name in names if name.startswith(f"{thread}-")} == {
            f"{thread}-{each:07}" for each in range(int(number) + 1)
        }


def killed_writer(folder: Path, *, after_lines: int) -> list[str]:
    """Start a writer, kill it once it has acknowledged so many numbers, and return all that it acknowledged."""
    with subprocess.Popen([sys.executable, "-c", WRITE, str(folder)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after_lines)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    return [line.strip() for line in lines if line.endswith("\n")]
