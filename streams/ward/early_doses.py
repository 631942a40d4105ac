"""Doses that came before the start of their session, and wait for it: a tablet's queue sends what it has in any order.

A dose joins the session that its patient starts within `JOINS_WITHIN` of it, if it names that session or none. One that names a
session which does not start is set aside once it has waited as long by the shard's clock; one that names none was outside
treatment by contract, and has been kept as such already.
Never here: what a dose changes in a session (`entries.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from models.instants import HOUR, to_us
from models.tables.drugs import treatment_of
from models.wire.observations import Dose, DoseStopped

JOINS_WITHIN: Final = HOUR
"""Between a dose and its session's start, and how long it waits. Chosen by us: the longest dose takes 40 min, and a queue that
was without a network for longer is sent in order."""
MOST_EARLY_DOSES: Final = 1000
"""Of a shard: more than clinics dose in an hour; beyond it the oldest has waited long enough. Chosen by us."""


@dataclass(frozen=True, slots=True)
class EarlyDose:
    """A dose, or the end of one, without an open session. `accepted`: it is kept as given outside treatment already."""

    record: Dose | DoseStopped
    since_us: int
    accepted: bool

    def joins(self, site: str, patient: str, session: str | None, started_us: int) -> bool:
        """True if it is of a session that starts now."""
        record = self.record
        if (record.site, record.patient) != (site, patient) or record.session not in (None, session):
            return False
        known = treatment_of(record.drug, None) if isinstance(record, Dose) else None
        elsewhere = record.session is None and known is not None and known.usual is None
        return not elsewhere and abs(to_us(record.at) - started_us) <= JOINS_WITHIN


class EarlyDoses:
    """The doses of a shard that wait, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: list[EarlyDose] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, dose: EarlyDose) -> None:
        self._waiting.append(dose)

    def rename(self, site: str, gone: str, into: str) -> None:
        """Let the doses of an alias that has gone be those of the one that stays."""
        self._waiting = [
            replace(dose, record=dose.record.model_copy(update={"patient": into, "sent_as": dose.record.sent_as or gone}))
            if (dose.record.site, dose.record.patient) == (site, gone) else dose
            for dose in self._waiting
        ]  # fmt: skip

    def joining(self, site: str, patient: str, session: str | None, started_us: int) -> list[EarlyDose]:
        """The doses of a session that starts now, by time; they wait no longer."""
        mine = [dose for dose in self._waiting if dose.joins(site, patient, session, started_us)]
        self._waiting = [dose for dose in self._waiting if dose not in mine]
        return sorted(mine, key=lambda dose: to_us(dose.record.at))

    def over(self, clock_us: int) -> list[EarlyDose]:
        """The doses that have waited long enough; they wait no longer."""
        if len(self._waiting) <= MOST_EARLY_DOSES and not (
            self._waiting and clock_us - self._waiting[0].since_us > JOINS_WITHIN
        ):
            return []
        first = max(len(self._waiting) - MOST_EARLY_DOSES, 0)
        late = [place < first or clock_us - dose.since_us > JOINS_WITHIN for place, dose in enumerate(self._waiting)]
        done = [dose for dose, is_late in zip(self._waiting, late, strict=True) if is_late]
        self._waiting = [dose for dose, is_late in zip(self._waiting, late, strict=True) if not is_late]
        return done

    def packed(self) -> list[Any]:
        """As msgpack-able values."""
        return [
            [dose.record.model_dump_json(exclude_none=True), dose.since_us, dose.accepted] for dose in self._waiting
        ]

    @classmethod
    def unpacked(cls, packed: list[Any]) -> EarlyDoses:
        early = cls()
        for text, since_us, accepted in packed:
            kind = DoseStopped if '"kind":"dose.stopped"' in text else Dose
            early.add(EarlyDose(kind.model_validate_json(text), since_us, accepted))
        return early
