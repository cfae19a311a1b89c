"""The commits of a journal, held for a test."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from durable.local.storage.journal import Journal


class HeldCommits:
    """Holds the committing thread at the beginning of a commit, until it is let go; then commits go through or fail."""

    def __init__(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._go = threading.Event(), threading.Event()
        self._commit, self.fails = journal._commit, False
        monkeypatch.setattr(journal, "_commit", self._held)

    def _held(self, batch: object) -> None:
        self.reached.set()
        assert self._go.wait(10)
        if self.fails:
            raise sqlite3.OperationalError("disk I/O error")
        self._commit(batch)  # type: ignore[arg-type]  # the journal's own

    def go(self) -> None:
        self._go.set()
