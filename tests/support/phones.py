"""The phones of a story: what becomes of its pages, by the real outbox and pager on a virtual clock.

A phone takes a page at once, or is off and refuses it: that is said once a page. Never here: who is called (the desk's).
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from alerts.effects import FrameEffects, Page
from alerts.notify.destination import Destination, Message, Outcome
from alerts.notify.pager import Pager
from alerts.store.store import Store
from bench.paging.night import empty_store
from bench.paging.virtual import VirtualLoop, done
from models.instants import SECOND
from tests.support.scenes import START_US, seconds

LOOKED_AT_S: Final = 30.0
"""How long after a page what becomes of it is looked at: longer than a person's next method waits."""
NOT_YET_S: Final = 0.5
"""A pager that is cut short so soon before the next page has nothing under way."""
Delivery = tuple[float, str]
"""When, and ``ada by push: taken`` or ``ada by push: failed, the phone is off``."""


class _Machine:
    """A disk that is always well."""

    def call(self, loop: VirtualLoop, name: str, work: Callable[[], Any]) -> asyncio.Future[Any]:
        return done(loop, work)


class _Phone:
    def __init__(self, name: str, is_off: bool, delivered: list[Delivery]) -> None:
        self.name, self.is_off, self.delivered = name, is_off, delivered
        self.failed: set[str] = set()
        """Pages whose later tries are no news."""

    async def send(self, message: Message) -> Outcome:
        what = "failed, the phone is off" if self.is_off else "taken"
        called = (
            f"{message.person} by {self.name.removeprefix(message.person).strip()}" if message.person else self.name
        )
        if message.page.key not in self.failed:
            self.delivered.append((asyncio.get_running_loop().time(), f"{called}: {what}"))
        if self.is_off:
            self.failed.add(message.page.key)
        return Outcome(not self.is_off, "the phone is off" if self.is_off else "")


def deliveries(
    pages: Sequence[Page], people: Mapping[str, Sequence[str]], off: set[str], until_s: float
) -> list[Delivery]:
    """What becomes of pages that are owed at their instants, until then."""
    if not pages:
        return []
    delivered: list[Delivery] = []
    names = [name for methods in people.values() for name in methods]
    began_s = seconds(pages[0].at)
    loop = VirtualLoop(began_s, _Machine())

    def now_us() -> int:
        return START_US + round(loop.time() * SECOND)

    async def live(store: Store) -> None:
        for n, page in enumerate(pages):
            await asyncio.sleep(max(seconds(page.at) - loop.time(), 0))
            store.commit(FrameEffects(0, n, (page,)))
            next_s = seconds(pages[n + 1].at) if n + 1 < len(pages) else until_s
            if next_s <= loop.time():
                continue
            # Between pages that are far apart nobody looks a thousand times whether there is one.
            running = asyncio.ensure_future(Pager(store, phones, now_us, people=people).run())
            await asyncio.sleep(min(next_s - loop.time(), LOOKED_AT_S) - NOT_YET_S)
            running.cancel()
            await asyncio.wait([running])

    with TemporaryDirectory() as folder:
        path = Path(folder) / "story.sqlite"
        shutil.copy(empty_store(), path)
        store = Store(f"sqlite:///{path}")
        phones = [Destination(name, _Phone(name, name in off, delivered)) for name in names]
        loop.live(live(store))
        store.close()
    return sorted(delivered, key=lambda each: (round(each[0], 3), each[1]))
