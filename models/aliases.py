"""Aliases that are one person: which one stays, and which have gone into it.

What comes in under an alias that has gone counts for the one that stays; who goes into somebody who has gone goes where they
went, so no look-up takes two steps. Nothing is ever taken apart again.
Never here: what is joined when two aliases are merged (`streams/ward/merging.py`), and whether they may be.
"""

from __future__ import annotations

from typing import Any, Final

from models.wire.observations import Event, Internal, PatientMerged

ALL_OF: Final = ("conditions", "medications")
"""Of a registration, what somebody has several of: when two aliases are merged, all of both."""


class Aliases:
    """The merged aliases of a shard or a store, by site."""

    def __init__(self) -> None:
        #: (site, alias that has gone) → the alias that stays; that one has not gone.
        self._into: dict[tuple[str, str], str] = {}
        #: (site, alias that stays) → those that have gone into it, in order.
        self._gone: dict[tuple[str, str], list[str]] = {}

    def survivor(self, site: str, alias: str) -> str:
        """The alias that stays of the person who goes by this one."""
        return self._into.get((site, alias), alias)

    def all_of(self, site: str, alias: str) -> list[str]:
        """All aliases of the person who goes by this one; the one that stays first."""
        survivor = self.survivor(site, alias)
        return [survivor, *self._gone.get((site, survivor), ())]

    def merge(self, site: str, survivor: str, gone: str) -> None:
        """Let `gone`, and what has gone into it, be `survivor`. Neither has gone, and they are two."""
        moved = [gone, *self._gone.pop((site, gone), ())]
        for alias in moved:
            self._into[site, alias] = survivor
        self._gone[site, survivor] = sorted([*self._gone.get((site, survivor), ()), *moved])

    def placed(self, record: Event | Internal) -> Event | Internal:
        """A record, under the alias that stays of whom it names; a merge as it is."""
        if not self._into or record.patient is None or isinstance(record, PatientMerged):
            return record
        survivor = self.survivor(record.site, record.patient)
        if survivor == record.patient:
            return record
        return record.model_copy(update={"patient": survivor, "sent_as": record.patient})

    def packed(self) -> list[Any]:
        """As msgpack-able values."""
        return [[*key, survivor] for key, survivor in sorted(self._into.items())]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> Aliases:
        aliases = cls()
        for site, alias, survivor in packed:
            aliases._into[site, alias] = survivor
            aliases._gone.setdefault((site, survivor), []).append(alias)
        return aliases
