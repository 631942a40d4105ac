"""What is audited and is no effect of a frame, into the store's chain: what is noted here in, entries and the chain's head out.

A page that is opened waits until that is written down, `READ_WAITS_S` at the most: an audit that cannot be written must keep no
nurse from a patient. What cannot be written stays in order and is tried again. What repeats is one entry and then one that counts
the rest, so that whoever asks a thousand times a second fills no disk. Changes of accounts, tokens and sessions were written
down with the change itself, in its own file (deploy/access/accounts.py), and come from there.
Bad at: what was noted in the last instant before a crash is lost with the process; sign-ins and changes are not.
Never here: what is worth noting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from alerts.store.chain import AuditHead, ChainLink, audited_event
from alerts.store.store import Store
from models.instants import FAR, MINUTE, SECOND, iso
from models.wire.observations import SITE_HERE
from streams.hosts.embedded import UNWRITABLE

log = logging.getLogger(__name__)

READ_WAITS_S: Final = 2.0
"""Chosen by us: the store's slowest commit on a busy disk, and not yet what somebody takes for a failure."""
TURN_S: Final = 1.0
"""How often changes of accounts are looked for, and what could not be written is tried again. Chosen by us."""
SAME_READ: Final = 10 * MINUTE
"""Whoever has a page open asks again by itself: within this time it is the same opening. Chosen by us."""
SAME_TRY: Final = MINUTE
"""Refused requests and sign-ins that are alike within this time are counted together. Chosen by us."""
MOST_ALIKE: Final = 1000
"""Different things that are told apart at once. Beyond it what differs only in details is counted together."""
MOST_NOTED: Final = 10_000
"""Entries that wait for a store that cannot be written; what comes beyond is counted, and the count is written."""
PLACES_NAMED: Final = 5
HEAD_EVERY: Final = MINUTE
"""How often a head that has moved is written to the log: a tail that is cut later is seen by it. Chosen by us."""
AT_A_TIME: Final = 500


AlikeKey = tuple[str, str, str | None, str | None, str]
"""Site, kind, who, patient and what else: what is alike if it is the same."""


class HasChanges(Protocol):
    """The file of accounts, as far as its changes are audited."""

    def events(self, limit: int) -> list[Any]:
        """The oldest changes that are not known to be in the audit."""

    def forget_events(self, last: int) -> None:
        """Changes up to this one are in the audit."""


@dataclass(slots=True)
class _Alike:
    """Things noted that are alike. `more`: how many since the first; `places`: some of the addresses that they came from."""

    until_us: int
    more: int = 0
    places: dict[str, None] = field(default_factory=dict)


class Trail:
    """The audit of one service.

    Args:
        site: whose chain. now_us: the wall clock. accounts: whose changes are audited, where people sign in.
    """

    def __init__(
        self, store: Store, site: str, now_us: Callable[[], int], accounts: HasChanges | None = None
    ) -> None:  # fmt: skip
        self.accounts = accounts
        self._store = store
        self._site = site
        self._now_us = now_us
        self._waiting: list[tuple[ChainLink, asyncio.Future[None] | None]] = []
        self._alike: dict[AlikeKey, _Alike] = {}
        self._lost = 0
        self._stopping = False
        self._news = asyncio.Event()
        self._logged: dict[str, AuditHead] = {}
        self._log_us = 0
        self.unwritten = ""
        """Why entries cannot be written; empty: they can."""

    @property
    def waiting(self) -> int:
        """Entries that are not written yet."""
        return len(self._waiting)

    def note(
        self, kind: str, who: str | None, about: Mapping[str, Any], patient: str | None = None, site: str | None = None
    ) -> None:
        """Have something written down soon: the first of what is alike at once, how many more there were after `SAME_TRY`.

        `site`: whose audit it is; without it, or with the site that is meant where none is named, this service's own.
        """
        site = self._own(site)
        place = str(about.get("address", ""))
        same = {name: value for name, value in about.items() if name != "address"}
        if (alike := self._same((site, kind, who, patient, repr(same)), SAME_TRY)) is not None:
            alike.more += 1
            if len(alike.places) < PLACES_NAMED:
                alike.places[place] = None
            return
        self._put(site, kind, who, about, patient)

    async def read(
        self, what: str, who: str | None, patient: str | None, about: Mapping[str, Any], site: str | None = None
    ) -> None:
        """Write down that somebody opened a page; returns when it is, or after `READ_WAITS_S`. `what`: the route."""
        site = self._own(site)
        if self._same((site, "read", who, patient, f"{what} {about}"), SAME_READ) is not None:
            return
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(site, "read", who, {"page": what, **about}, patient, written)
        await asyncio.wait((written,), timeout=READ_WAITS_S)

    async def run(self) -> None:
        """Write down what is noted, until `stop`; then what waits still, and where the chain ends."""
        while not self._stopping:
            try:
                async with asyncio.timeout(TURN_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self._count_alike(self._now_us())
            if not await self._turn():
                await asyncio.sleep(TURN_S)
            elif self._now_us() - self._log_us >= HEAD_EVERY:
                await self._say_heads()
        self._count_alike(FAR)
        while await self._turn() and self._waiting:
            pass
        await self._say_heads()

    def stop(self) -> None:
        """Have `run` write what waits, and return."""
        self._stopping = True
        self._news.set()

    async def _turn(self) -> bool:
        """Write what waits; whether it could be."""
        batch = self._waiting[:AT_A_TIME]
        try:
            if batch:
                await asyncio.to_thread(self._store.chain_events, [entry for entry, _ in batch])
            # Only now are they out of the queue: what could not be written stays in it, in order.
            del self._waiting[: len(batch)]
            for _, written in batch:
                if written is not None and not written.done():
                    written.set_result(None)
            if self.accounts is not None:
                await asyncio.to_thread(self._write_changes, self.accounts)
        except UNWRITABLE as failed:
            if not self.unwritten:
                log.error("the audit cannot be written, trying again: %s", failed)
            self.unwritten = str(failed)
            return False
        if self.unwritten:
            log.warning("the audit is written again")
            self.unwritten = ""
        if self._waiting:
            self._news.set()
        elif self._lost:
            lost, self._lost = self._lost, 0
            self._put(self._site, "audit.lost", None, {"entries": lost}, None)
        return True

    def _write_changes(self, accounts: HasChanges) -> None:
        while changes := accounts.events(AT_A_TIME):
            self._store.chain_events([
                audited_event(self._own(each.site), iso(each.at_us), each.kind, each.who, each.about.get("patient"), each.about, each.key) for each in changes
            ])  # fmt: skip
            accounts.forget_events(changes[-1].id)

    async def _say_heads(self) -> None:
        self._log_us = self._now_us()
        try:
            found = await asyncio.to_thread(self._store.audit_heads)
        except UNWRITABLE as failed:
            log.error("where the audit ends cannot be read: %s", failed)
            return
        for head in found:
            if self._logged.get(head.site) != head:
                self._logged[head.site] = head
                facts = {"audit_site": head.site, "audit_number": head.number, "audit_hash": head.hash}
                log.info("audit head %s:%d:%s", head.site, head.number, head.hash, extra={"facts": facts})

    def _own(self, site: str | None) -> str:
        return self._site if site is None or site == SITE_HERE else site

    def _same(self, key: AlikeKey, for_us: int) -> _Alike | None:
        """What is counted together with this; None: this is the first."""
        now_us = self._now_us()
        found = self._alike.get(key)
        if found is None and len(self._alike) >= MOST_ALIKE:
            key = (key[0], key[1], None, None, "many more that differ")
            found = self._alike.get(key)
        if found is not None and now_us < found.until_us:
            return found
        if found is not None:
            self._end(key, found)
        self._alike[key] = _Alike(now_us + for_us)
        return None

    def _count_alike(self, now_us: int) -> None:
        for key, alike in [each for each in self._alike.items() if each[1].until_us <= now_us]:
            self._end(key, alike)

    def _end(self, key: AlikeKey, alike: _Alike) -> None:
        del self._alike[key]
        if alike.more:
            site, kind, who, patient, about = key
            places = [place for place in alike.places if place]
            self._put(
                site,
                kind,
                who,
                {"like": about, "times_more": alike.more, **({"addresses": places} if places else {})},
                patient,
            )

    def _put(
        self, site: str, kind: str, who: str | None, about: Mapping[str, Any], patient: str | None,
        written: asyncio.Future[None] | None = None,
    ) -> None:  # fmt: skip
        if len(self._waiting) >= MOST_NOTED:
            self._lost += 1
            return
        entry = audited_event(site, iso(self._now_us() // SECOND * SECOND), kind, who, patient, about)
        self._waiting.append((entry, written))
        self._news.set()
