"""The state of patients at home: one row each, and a heap of what falls due. What it means is `rules.py`'s.

A row has the little that rules need: the last scores and doses, when the next check-in is overdue, the newest forecasts'
probabilities, the rules in force. The whole course is in the store.
Cost: about 150 bytes a patient in a checkpoint. Never here: a decision.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final

import msgpack

from models.calendar import zone_of
from models.findings import Subject
from models.instants import FAR, to_datetime, to_us
from models.relapse.policies import DEFAULT_POLICIES, HomePolicies, home_policies
from models.tables.rules import Priority
from streams.ward.conclusions import Conclusion, Condition, News, note_conclusion

KEPT_SCORES: Final = 6
"""Scores of each instrument in a row: twice what a recent level needs, so that a correction can take one away."""
KEPT_DOSES: Final = 4
"""The last one counts; the others are there in case it is corrected away."""
FIRST_SHOWS_DAYS: Final = 3
"""A response to a first dose shows by 24 to 72 h (Han 2016, Newport 2015: odds at 24 h, later declining; onset up to 72 h)."""
SETTLES_DAYS: Final = 2
"""After any dose: forecasts are scored from then on (docs/forecast.md), since no score before it shows what the dose has done."""
KEPT_FORECASTS: Final = 4
"""The newest of each of the last days: a rise is over three."""


@dataclass(slots=True)
class HomeScore:
    """One score of an instrument, on its own scale. `day` is the patient's; `id` the sender's name for the entry."""

    at_us: int
    day: int
    score: float
    id: str | None


@dataclass(slots=True)
class HomeDose:
    """A dose, wherever it was given. `day` is the patient's; `id` the sender's name for the entry."""

    at_us: int
    day: int
    drug: str
    id: str | None
    route: str | None = None
    amount_mg: float | None = None


@dataclass(slots=True)
class DayForecast:
    """The newest forecast of one day: P(due within 7 and 14 days, and within the clinic's lead), and its window."""

    day: int
    in_7: float
    in_14: float
    in_lead: float
    window: tuple[str, str] | None = None


@dataclass(slots=True)
class HomeCondition(Condition):
    """A rule in force at home."""

    #: Of a worsening, the instrument that showed it; of any other rule, empty.
    instrument: str = ""
    #: The recent level before it, and the score that made it begin, in that instrument's points.
    level: float = 0.0
    score: float = 0.0


@dataclass(slots=True)
class AtHome:
    """One patient at home."""

    site: str
    patient: str
    #: The IANA zone of the last registration that named a valid one.
    zone: str | None = None
    #: The UTC offset of the last entry, in seconds: the zone of a patient whose zone is unknown.
    offset_s: int = 0
    #: How many entries the patient's forecast would be made from; it only grows.
    entries: int = 0
    #: When the last of them came, by the shard's clock.
    changed_us: int = 0
    #: Instrument → its last `KEPT_SCORES` scores, by time.
    scores: dict[str, list[HomeScore]] = field(default_factory=dict)
    #: The last `KEPT_DOSES` doses, by time.
    doses: list[HomeDose] = field(default_factory=list)
    first_dose_day: int | None = None
    #: Doses ever, corrections not counted.
    dose_count: int = 0
    #: The day of the last answer, or of the first dose until there is one; the next answer is expected from it on.
    answered_day: int | None = None
    #: When the last answer was given; None before the first.
    answered_us: int | None = None
    #: When the next answer is overdue, and later when that is paged; each `FAR` once it was, or if no answer is expected.
    due_us: int = FAR
    page_us: int = FAR
    #: The next visit; None if none is booked, or the dose was given since.
    booked_us: int | None = None
    #: The day of the newest forecast, 0 without one; and the number of entries that it was made from, -1 if it does not say.
    forecast_day: int = 0
    forecast_entries: int = -1
    #: The newest forecast of each of the last `KEPT_FORECASTS` days that had one, by day.
    recent_forecasts: list[DayForecast] = field(default_factory=list)
    #: Rule → the condition in force.
    conditions: dict[str, HomeCondition] = field(default_factory=dict)

    @property
    def tz(self) -> tzinfo:
        """The patient's zone; where none is known, the offset of their last entry."""
        return zone_of(self.zone) or timezone(timedelta(seconds=self.offset_s))

    @property
    def judged_from_day(self) -> int | None:
        """The patient's day from which on a forecast decides anything; None before the first dose.

        Until then no response could have shown, or a dose was given just now: nobody who was treated today is due today.
        """
        if self.first_dose_day is None or not self.doses:
            return None
        return max(self.first_dose_day + FIRST_SHOWS_DAYS, self.doses[-1].day + SETTLES_DAYS)

    @property
    def enrolled(self) -> bool:
        """Whether there is anything to forecast from: a dose, or an answer about their mood."""
        return bool(self.doses or self.scores)

    @property
    def key(self) -> tuple[str, str]:
        """Site and alias."""
        return self.site, self.patient

    @property
    def subject(self) -> Subject:
        """Whom a finding about this patient names: no session and no chair."""
        return Subject(self.site, self.patient, None)

    def note(self, conclusion: Conclusion) -> News | None:
        """Update the rules in force by a conclusion; the news in it."""
        return note_conclusion(self.conditions, HomeCondition, conclusion)

    def packed(self) -> list[Any]:
        """As msgpack-able values, by position."""
        return [
            self.site, self.patient, self.zone, self.offset_s, self.entries, self.changed_us,
            [[name, [[s.at_us, s.day, s.score, s.id] for s in kept]] for name, kept in sorted(self.scores.items())],
            [[d.at_us, d.day, d.drug, d.id, d.route, d.amount_mg] for d in self.doses],
            self.first_dose_day, self.dose_count, self.answered_day, self.answered_us, self.due_us, self.page_us, self.booked_us,
            self.forecast_day, self.forecast_entries, [[f.day, f.in_7, f.in_14, f.in_lead, f.window] for f in self.recent_forecasts],
            [[rule, int(s.priority), s.onset_us, s.instrument, s.level, s.score] for rule, s in sorted(self.conditions.items())],
        ]  # fmt: skip

    @classmethod
    def unpacked(cls, fields: list[Any]) -> AtHome:
        row = cls(*fields[:6])
        scores, doses = fields[6:8]
        row.scores = {name: [HomeScore(*one) for one in kept] for name, kept in scores}
        row.doses = [HomeDose(*one) for one in doses]
        row.first_dose_day, row.dose_count = fields[8:10]
        row.answered_day, row.answered_us, row.due_us, row.page_us, row.booked_us = fields[10:15]
        row.forecast_day, row.forecast_entries = fields[15:17]
        row.recent_forecasts = [
            DayForecast(day, in_7, in_14, in_lead, None if window is None else (window[0], window[1]))
            for day, in_7, in_14, in_lead, window in fields[17]
        ]
        row.conditions = {one[0]: HomeCondition(Priority(one[1]), *one[2:]) for one in fields[18]}
        return row


class Home:
    """A shard's patients at home."""

    def __init__(self) -> None:
        #: (site, alias) → row. Change a row only through `row`, so that it is packed anew.
        self.patients: dict[tuple[str, str], AtHome] = {}
        #: Site → when its next digest is due; `FAR` or missing if none is.
        self.digest_us: dict[str, int] = {}
        #: Site → its policies as configured, and as checked.
        self._configured: dict[str, tuple[dict[str, Any], HomePolicies]] = {}
        #: (due, site, alias, or "" for the site's digest). Holds every due time of `patients` and `digest_us`, and old ones.
        self._heap: list[tuple[int, str, str]] = []
        #: Rows as they were last packed: most patients say nothing between two checkpoints.
        self.packed_rows: dict[tuple[str, str], bytes] = {}

    def row(self, site: str, patient: str) -> AtHome:
        """The patient's row, to be changed; a new one if there is none."""
        self.packed_rows.pop((site, patient), None)
        found = self.patients.get((site, patient))
        if found is None:
            found = self.patients[site, patient] = AtHome(site, patient)
        return found

    def take_out(self, site: str, patient: str) -> AtHome | None:
        """Take a patient's row out, for good; None if there is none. What is due of it means nothing any more."""
        self.packed_rows.pop((site, patient), None)
        return self.patients.pop((site, patient), None)

    def policies(self, site: str) -> HomePolicies:
        """The site's policies, else the defaults."""
        found = self._configured.get(site)
        return DEFAULT_POLICIES if found is None else found[1]

    def configure(self, site: str, policies: dict[str, Any]) -> None:
        """Put a site's policies in force.

        Raises:
            PolicyRefused: they make no sense; nothing is changed then.
        """
        read = home_policies(policies)
        mine = {
            name: said
            for name, said in policies.items()
            if name in {"maintenance", "checkins", "timezone", "recalibration"}
        }
        self._configured[site] = (mine, read)

    @property
    def due_us(self) -> int:
        """When something falls due next; FAR if nothing does."""
        heap = self._heap
        while heap:
            due, site, patient = heap[0]
            if due == (self._due_of(site, patient) if patient else self.digest_us.get(site)):
                return due
            heapq.heappop(heap)
        return FAR

    def unscheduled(self) -> list[tuple[str, str, int]]:
        """The due times that the heap lacks, as (site, patient, or "" for the digest, µs): none, unless somebody forgot one."""
        scheduled = {(site, patient, due) for due, site, patient in self._heap}
        due = [(*key, self._due_of(*key)) for key in self.patients]
        due += [(site, "", due_us) for site, due_us in self.digest_us.items()]
        return [each for each in due if each[2] < FAR and each not in scheduled]

    def take_due(self) -> tuple[str, str | None]:
        """Take the next due time off the heap: (site, patient), or (site, None) for a digest. The caller sets the next one."""
        _, site, patient = heapq.heappop(self._heap)
        return site, patient or None

    def schedule(self, row: AtHome) -> None:
        """Put a row's changed due time into the heap."""
        due = self._due_of(*row.key)
        if due < FAR:
            heapq.heappush(self._heap, (due, row.site, row.patient))

    def schedule_digest(self, site: str, due_us: int) -> None:
        """Set when a site's next digest is due."""
        self.digest_us[site] = due_us
        if due_us < FAR:
            heapq.heappush(self._heap, (due_us, site, ""))

    def _due_of(self, site: str, patient: str) -> int:
        row = self.patients.get((site, patient))
        return FAR if row is None else min(row.due_us, row.page_us)

    def packed(self) -> dict[str, Any]:
        """As msgpack-able values."""
        return {
            "patients": [self.packed_rows.get(key) or self._pack(key) for key in sorted(self.patients)],
            "policies": [[site, mine] for site, (mine, _) in sorted(self._configured.items())],
            "digests": sorted(self.digest_us.items()),
        }

    def _pack(self, key: tuple[str, str]) -> bytes:
        packed: bytes = msgpack.packb(self.patients[key].packed())
        self.packed_rows[key] = packed
        return packed

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Home:
        """The home of `packed`."""
        home = cls()
        for site, mine in packed["policies"]:
            home.configure(site, mine)
        for fields in packed["patients"]:
            row = AtHome.unpacked(msgpack.unpackb(fields))
            home.patients[row.key] = row
            home.schedule(row)
        for site, due_us in packed["digests"]:
            home.schedule_digest(site, due_us)
        return home


def starts_us(day: int, tz: tzinfo) -> int:
    """The instant at which a day begins in a zone: also the end of the day before."""
    return hour_us(day, 0, tz)


def hour_us(day: int, hour: int, tz: tzinfo) -> int:
    """The instant of a local hour. One that a change of clocks skips is the instant after the gap."""
    return to_us(datetime.combine(date.fromordinal(day), time(hour), tz))


def next_hour_us(after_us: int, hour: int, tz: tzinfo) -> int:
    """The first instant after `after_us` at which it is this hour in the zone."""
    day = to_datetime(after_us).astimezone(tz).toordinal()
    return next(at for at in (hour_us(day + ahead, hour, tz) for ahead in range(3)) if at > after_us)
