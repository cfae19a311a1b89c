"""The thread that renews a lease, and the guard that ends a process which can no longer do so."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from queue import SimpleQueue
from threading import Event
from typing import Final

import pytest

from durable.steps.renewal import Renewal
from durable.store.table import TableBusy

PATIENCE_SECONDS: Final = 20
SOON: Final = 0.001


class Lease:
    """A lease whose renewals are counted as they come, and whose process can be seen to end."""

    def __init__(self, *, mine: bool = True, failures: int = 0) -> None:
        self.mine, self.failures = mine, failures
        self.renewals: SimpleQueue[int] = SimpleQueue()
        self.ended: SimpleQueue[int] = SimpleQueue()
        self.count = 0

    def renew(self) -> bool:
        self.count += 1
        self.renewals.put(self.count)
        if self.failures:
            self.failures -= 1
            raise TableBusy
        return self.mine

    def block(self, *, every_seconds: float = SOON) -> Renewal:
        return Renewal(self.renew, every_seconds=every_seconds, end=self.ended.put)


def test_a_lease_is_renewed_again_and_again_while_the_block_lasts() -> None:
    lease = Lease()
    with lease.block():
        assert [lease.renewals.get(timeout=PATIENCE_SECONDS) for _ in range(3)] == [1, 2, 3]
    assert lease.ended.empty()


def test_a_block_that_is_over_soon_renews_nothing() -> None:
    lease = Lease()
    with lease.block(every_seconds=PATIENCE_SECONDS):
        pass
    assert lease.count == 0


def test_a_lease_that_is_somebody_elses_ends_the_process() -> None:
    lease = Lease(mine=False)
    with lease.block():
        assert lease.ended.get(timeout=PATIENCE_SECONDS) == 1
    assert lease.count == 1


def test_a_renewal_that_fails_is_made_again() -> None:
    lease = Lease(failures=2)
    with lease.block():
        assert [lease.renewals.get(timeout=PATIENCE_SECONDS) for _ in range(3)] == [1, 2, 3]
    assert lease.ended.empty()


def test_a_renewal_that_is_refused_because_the_outcome_was_written_ends_nothing() -> None:
    asked, answered, done = Event(), Event(), Event()
    lease = Lease(mine=False)

    def renew() -> bool:
        asked.set()
        assert answered.wait(PATIENCE_SECONDS)
        done.set()
        return False

    with Renewal(renew, every_seconds=SOON, end=lease.ended.put):
        assert asked.wait(PATIENCE_SECONDS)
    answered.set()
    assert done.wait(PATIENCE_SECONDS)
    assert lease.ended.empty()


STUCK: Final = "re.match(r'(a+)+$', 'a' * 40 + 'b')"  # holds the interpreter's lock for longer than any test
OVER: Final = "pass"


@pytest.mark.parametrize(("work", "code", "said"), [(STUCK, 1, "Timeout"), (OVER, 0, "")])
def test_a_process_that_cannot_renew_its_lease_ends_before_that_does(work: str, code: int, said: str) -> None:
    program = f"""
        import re
        from threading import Event
        from durable.steps.renewal import Renewal

        with Renewal(lambda: True, lease_seconds=5.2):  # the guard is five seconds earlier
            {work}
        Event().wait(0.4)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert (ended.returncode, said in ended.stderr) == (code, True), ended.stderr
