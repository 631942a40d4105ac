"""The watchdog: ends the process when what it watches makes no progress, however alive it looks.

A worker's membership in its group is kept alive by another thread than the one that works, so a loop that hangs would keep
its shards for ever, and nobody would be watched; a clinic's service that hangs keeps its port and its data. The watchdog is a
thread of its own and counts its own looks: a process that was stopped and goes on is given as much time as one that was not.
Whoever runs us starts us again; another worker has the shards until then.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
PATIENCE: Final = 10
"""Looks without progress before the end. Ten seconds: a garbage collection or a large checkpoint takes one. Chosen by us."""


class Watchdog:
    """Looks at `progress` each `LOOK_S`; when it stays the same for `patience` looks, kills this process.

    Args:
        progress: a number that changes while all is well. why: what is known of why it does not, for the log.
    """

    def __init__(self, progress: Callable[[], int], why: Callable[[], str], patience: int = PATIENCE) -> None:
        self._progress = progress
        self._why = why
        self._patience = patience
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        seen, looks = -1, 0
        while not self._over.wait(LOOK_S):
            now = self._progress()
            seen, looks = (now, 0) if now != seen else (seen, looks + 1)
            if looks >= self._patience:
                log.critical("no progress for %.0f s (%s): ending this process", looks * LOOK_S, self._why())
                os.kill(os.getpid(), signal.SIGKILL)
