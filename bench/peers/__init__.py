"""The peers: ours first, and our onboarding last."""

from __future__ import annotations

from collections.abc import Mapping

from bench.peer import Peer
from bench.peers.cloudflare.peer import Wrangler
from bench.peers.dbos.peer import sqlite, sqlite_in_wal
from bench.peers.ministack.peer import MiniStack
from bench.peers.moto.peer import Moto
from bench.peers.ours.peer import four_steps, four_steps_over_http, onboarding, onboarding_over_http
from bench.peers.restate.peer import python, typescript

PEERS: Mapping[str, Peer] = {
    "ours": four_steps(),
    "ours-http": four_steps_over_http(),
    "dbos": sqlite(),
    "dbos-wal": sqlite_in_wal(),
    "restate-python": python(),
    "restate-typescript": typescript(),
    "cloudflare": Wrangler(),
    "ministack": MiniStack(),
    "moto": Moto(),
    "onboarding": onboarding(),
    "onboarding-http": onboarding_over_http(),
}
"""By what the command line calls each."""
