"""DBOS: a library, here in a process of its own, on SQLite as it comes and in WAL."""

from __future__ import annotations

from bench.environments import Environment
from bench.inprocess import InProcessPeer

_ENVIRONMENT = Environment("dbos")


def sqlite() -> InProcessPeer:
    return _peer("DBOS, SQLite, in process", "delete", "two fsyncs a commit; 1 process")


def sqlite_in_wal() -> InProcessPeer:
    return _peer("DBOS, SQLite in WAL, in process", "wal", "an fsync a commit; 1 process")


def _peer(name: str, journal: str, beside: str) -> InProcessPeer:
    module = "bench.peers.dbos.library"
    return InProcessPeer(name, module, _ENVIRONMENT.python, beside, _ENVIRONMENT, {"DBOS_JOURNAL": journal})
