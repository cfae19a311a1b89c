"""A server in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from durable.local.http import Limits, listen, server


@contextlib.contextmanager
def served(app: Any, limits: Limits = Limits()) -> Iterator[int]:
    """Serve an application while the block is entered, and yield the port."""
    with listen(port=0) as listening:
        running = server(app, limits)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join(10)
    assert not thread.is_alive()
