"""DBOS in a process: python -m bench.peers.dbos.library <data folder>; DBOS_JOURNAL=wal for SQLite's WAL."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from dbos import DBOS

from bench.lines import fail, serve
from bench.onboarding import STEPS, Body, complete
from bench.peer import State, sign_up, state_of

_STEPS: Final = {name: DBOS.step(name=name)(step) for name, step in STEPS.items()}


@DBOS.workflow()
def onboarding(sign_up: Body) -> Body:
    profile = _STEPS["create-profile"](_STEPS["validate-user"](sign_up))
    _STEPS["send-welcome-email"](profile)
    _STEPS["initialize-settings"](profile)
    return complete(profile)


class Onboarding:
    """Implements `bench.lines.Library`."""

    def __init__(self) -> None:
        self._waiters = ThreadPoolExecutor(64)

    def begin(self, number: int, acknowledged: Callable[[], None], ended: Callable[[], None]) -> str:
        handle = DBOS.start_workflow(onboarding, sign_up(number))
        id: str = handle.workflow_id
        acknowledged()

        def wait() -> None:
            try:
                handle.get_result()
            except Exception as error:
                fail(f"{id}: {error}")
            ended()

        self._waiters.submit(wait)
        return id

    def state(self, id: str) -> str:
        status = DBOS.get_workflow_status(id)
        return State.FORGOTTEN if status is None else state_of(status.status)


def main(data: Path) -> None:
    data.mkdir(exist_ok=True)
    database = data / "onboarding.sqlite"
    if os.environ.get("DBOS_JOURNAL") == "wal":
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    DBOS(
        config={
            "name": "onboarding",
            "system_database_url": f"sqlite:///{database}",
            "application_version": "1",
            "log_level": "ERROR",
        }
    )
    DBOS.launch()
    serve(Onboarding())
    DBOS.destroy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
