"""What a look-up in a network's database said last: fresh for a second, and believed while the database is away.

An edge is asked by every post and every page; the database need not be, more than once a second for each secret. So whoever is
disabled or signed out is so at every edge within a second. While the database does not answer, what it said within the last hour
holds: monitors go on sending and boards go on showing, and what nobody has shown here before waits.
Bad at: who is disabled while the database is away goes on until it is back. Never here: a secret; keys are hashes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from streams.hosts.embedded import UNWRITABLE

FRESH_LOOK_S: Final = 1.0
"""As long as a session's end may take to count (docs/access.md). Chosen by us."""
AWAY_HOLDS_S: Final = 3600.0
"""How long what was known holds without the database. Chosen by us: a fail-over, or somebody who comes and repairs it."""
LOOK_WAITS_S: Final = 2.0
"""How long a request waits for a database that hangs, before it goes by what is known. Chosen by us."""
MOST_REMEMBERED: Final = 20_000
"""Secrets; the ones that were asked about longest ago are forgotten first."""

_T = TypeVar("_T")


class AccountsAway(RuntimeError):
    """The database with the accounts does not answer, and nothing is known of whoever asks."""


@dataclass(frozen=True, slots=True)
class _Known(Generic[_T]):
    value: _T | None
    at_s: float


class Remembered(Generic[_T]):
    """The last answers, by the hash of the secret that each is about."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known[_T]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_T | None]] = {}

    async def look(self, key: str, ask: Callable[[], _T | None], *, anew: bool = False) -> _T | None:
        """What `ask` says, or said a moment ago. `anew`: it has to be asked, because it also writes something down.

        Raises:
            AccountsAway: it cannot say, and has not within the last hour.
        """
        now_s = asyncio.get_running_loop().time()
        known = self._known.get(key)
        if known is not None and not anew and now_s - known.at_s < FRESH_LOOK_S:
            return known.value
        asking = self._asking.get(key)
        if asking is None:
            # One at a time for each secret: a database that hangs must not hold all threads.
            asking = self._asking[key] = asyncio.create_task(asyncio.to_thread(ask))
            asking.add_done_callback(lambda done: self._asked(key, done, now_s))
        done, _ = await asyncio.wait({asking}, timeout=LOOK_WAITS_S)
        if done:
            failed = asking.exception()
            if failed is None:
                return asking.result()
            if not isinstance(failed, UNWRITABLE):
                raise failed
        if known is not None and known.value is not None and now_s - known.at_s < AWAY_HOLDS_S:
            return known.value
        raise AccountsAway("the database does not answer: try again")

    def forget(self, key: str) -> None:
        """It is no longer as it was said."""
        self._known.pop(key, None)

    def _asked(self, key: str, done: asyncio.Task[_T | None], asked_s: float) -> None:
        self._asking.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._known[key] = _Known(done.result(), asked_s)
        self._known.move_to_end(key)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
