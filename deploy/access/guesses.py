"""How long whoever guesses passwords must wait: attempts in, seconds to wait out. Slower and slower, never locked for good.

After `FREE` attempts without success each costs twice the wait of the one before, up to `LONGEST_S`. A browser from which an
account has signed in before is counted by itself, strangers together for each account (OWASP: "Slow Down Online Guessing Attacks
with Device Cookies"). So guessing from a thousand addresses is as slow as from one, and somebody who guesses keeps nobody away
who comes with a browser of the clinic's; a new browser waits `LONGEST_S` at the most.
Bad at: a restart forgets who guessed. Never here: passwords, clocks.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from models.instants import SECOND

FREE: Final = 5
"""Attempts before anybody waits. Chosen by us: a person mistypes twice, and tries an old password twice."""
LONGEST_S: Final = 300.0
"""Chosen by us: 288 guesses a day and account for all strangers together, while passwords are of 15 characters."""
FORGOTTEN_S: Final = 24 * 3600.0
"""After a day without an attempt it begins anew. Chosen by us."""
REMEMBERED_GUESSERS: Final = 10_000
"""Of how many it is known: more are of accounts that there are not, the oldest of which are forgotten."""


@dataclass(frozen=True, slots=True)
class _Tries:
    count: int
    at_us: int

    def wait_s(self, now_us: int) -> float:
        owed = 0.0 if self.count < FREE else min(LONGEST_S, 2.0 ** (self.count - FREE))
        return max(0.0, owed - (now_us - self.at_us) / SECOND)


class Guesses:
    """Attempts without success, by whom they are counted."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    @property
    def remembered(self) -> int:
        """Of how many it is known."""
        return len(self._tries)

    def wait_s(self, who: str, now_us: int) -> float:
        """Seconds until the next attempt; 0: now."""
        tries = self._tries.get(who)
        return 0.0 if tries is None else tries.wait_s(now_us)

    def attempt(self, who: str, now_us: int) -> None:
        """Count an attempt, before it is known whether it is right: many at once must not be free."""
        tries = self._tries.pop(who, None)
        begins = tries is None or now_us - tries.at_us > FORGOTTEN_S * SECOND
        self._tries[who] = _Tries(1 if tries is None or begins else tries.count + 1, now_us)
        while len(self._tries) > REMEMBERED_GUESSERS:
            self._tries.popitem(last=False)

    def succeeded(self, who: str) -> None:
        """Begin anew."""
        self._tries.pop(who, None)
