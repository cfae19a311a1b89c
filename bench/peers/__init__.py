"""The peers, ours first."""

from __future__ import annotations

from collections.abc import Mapping

from bench.peer import Peer
from bench.peers.cloudflare.peer import Wrangler
from bench.peers.dbos.peer import sqlite, sqlite_in_wal
from bench.peers.ministack.peer import MiniStack
from bench.peers.moto.peer import Moto
from bench.peers.ours.peer import OverHttp, in_process
from bench.peers.restate.peer import python, typescript

PEERS: Mapping[str, Peer] = {
    "ours": in_process(),
    "ours-http": OverHttp(),
    "dbos": sqlite(),
    "dbos-wal": sqlite_in_wal(),
    "restate-python": python(),
    "restate-typescript": typescript(),
    "cloudflare": Wrangler(),
    "ministack": MiniStack(),
    "moto": Moto(),
}
"""By what the command line calls each."""
