"""Which waits of runs certainly have no outcome, so that a new process need not look at each of many."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from durable.local.storage.folder import JournalError
from durable.local.storage.store import Store

_log: Final = logging.getLogger(__name__)

# An execution's name is the run's id, a dot and eight characters. `#` comes before `$`, so a range finds a prefix.
# What could end a wait without its row: a stop (the flag), an event that no wait has taken, and a race that a branch
# has won (only then it has a row). A call of a workflow is left out, as its child may have ended.
_STILL_WAITING: Final = """
    WITH run(place) AS (
        SELECT json_extract(data, '$[0]') || '#' || substr(name, 1, length(name) - 9) FROM execution WHERE name IN (%s))
    SELECT json_extract(wait.data, '$.token'), json_extract(wait.data, '$.deadline')
    FROM run JOIN record wait ON wait.partition = run.place AND wait.sort > 'step#' AND wait.sort < 'step$'
    WHERE json_extract(wait.data, '$.kind') = 'event' AND json_extract(wait.data, '$.status') = 'waiting'
        AND json_extract(wait.data, '$.outcome') IS NULL
        AND json_extract(wait.data, '$.token') IS NOT NULL AND json_extract(wait.data, '$.deadline') IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM record other WHERE other.partition = run.place AND (
                other.sort GLOB 'flag*'
                OR other.sort GLOB 'event#*' AND json_extract(other.data, '$.taken') IS NULL
                OR other.sort GLOB 'step#*' AND json_extract(other.data, '$.kind') = 'race'))
"""


def still_waiting(journal: Store, executions: Sequence[str]) -> Mapping[str, int]:
    """Return the tokens under which executions wait for an event that has not come, each with its deadline in
    milliseconds. One that is left out may have an outcome: its function is to be called again.
    """
    try:
        return dict(journal.read(_STILL_WAITING % ",".join("?" * len(executions)), executions))
    except JournalError as error:  # a damaged row among them: all are looked at one by one
        _log.warning("the waits of %d runs are looked at one by one: %s", len(executions), error)
        return {}
