"""Association: which session a sample belongs to, by device → chair → session → patient; and sessions that nobody announced.

What a sample names itself goes before what its device is assigned to: its session (if that is not another's than the patient
whom it names beside it), then its patient, then the device's chair. A device serves the chair that it was last assigned to; a
chair holds the session that last started there. So two monitors that change places are two `device.assigned` lines, and no
sample is guessed at.
When a device, a patient or a session's name changes hands, a cutoff is noted: a line that is sent again or comes late belongs
to the one it was about, never to the next in that chair.
Never here: readings of continuous channels (`rows.py`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field
from itertools import repeat
from math import nan
from typing import Any, Final, NamedTuple

import numpy as np

from models.aliases import Aliases
from models.arrays import Ints
from models.findings import Subject
from models.instants import DAY, MINUTE, NEVER
from models.session.expectation import expected_effects
from models.session.reports import Report
from models.tables.drugs import UNSCHEDULED, SessionPhase, TreatmentProtocol, protocol_of
from models.tables.rules import INHIBITS, Priority
from streams.journal.frame import Origin
from streams.ward.conclusions import Conclusion, Condition, Depth, News, note_conclusion
from streams.ward.doses import SessionDose, last_course, total_mg
from streams.ward.early_doses import EarlyDoses
from streams.ward.rules.cuffs import CuffRules

CUTOFFS_KEPT_FOR: Final = DAY
"""As long as a repeat is recognised (`REPEAT_WINDOW`): no sample from before it can still come."""
_NO_ROWS: Final = np.zeros(0, np.int64)
_NO_CUTOFFS: Final = np.zeros((0, 2), np.int64)


class Cuff(NamedTuple):
    """A good cuff reading in mmHg; NaN where a part of it was not read or not believed."""

    at_us: int
    sbp: float
    dbp: float
    doubted: bool = False
    """Far from a normal one before it: no baseline is made of it."""
    #: What it was judged with, so that a correction of an earlier one can be judged anew: its mean, the heart rate and whether a
    #: symptom was known then; when it came, by the shard's clock, and when it was shown last; the sender's name for it.
    mean: float = nan
    rate: float = nan
    symptoms: bool = False
    clock_us: int = NEVER
    shown_us: int = NEVER
    id: str | None = None


CUFFS_KEPT: Final = 40
"""More than a session has at one every five minutes, and a bound for a bed that is watched for weeks. Chosen by us."""


@dataclass(slots=True)
class Session:
    """An open session: what was entered about it. Readings are in its row of the arrays."""

    site: str
    #: The sender's name for it; None for a session that samples without a session's name opened.
    name: str | None
    patient: str
    #: True once `session.started` came; a session that samples opened is watched without a protocol until then.
    announced: bool
    chair: str | None = None
    device: str | None = None
    #: Who sent the samples that opened an unannounced one, as far as they say.
    source: str | None = None
    #: As of `session.started`, then of the last dose.
    drug: str | None = None
    route: str | None = None
    planned_mg: float | None = None
    planned_minutes: float | None = None
    #: When it started, by the sender's clock; None if not announced.
    started_us: int | None = None
    #: By start.
    doses: list[SessionDose] = field(default_factory=list)
    #: Good cuffs as they came: the first, and the last `CUFFS_KEPT`.
    cuffs: list[Cuff] = field(default_factory=list)
    #: What the rules on cuffs remember of them.
    cuff_rules: CuffRules = field(default_factory=CuffRules)
    #: Check-ins by time, the last `models.session.reports.MAX_REPORTS`.
    reports: list[Report] = field(default_factory=list)
    #: Oxygen was given, and nobody entered that it is off; and the entries that say so: instant, the sender's name, on or off.
    oxygen: bool = False
    oxygen_entries: list[tuple[int, str | None, bool]] = field(default_factory=list)
    #: When the last check-in of symptoms was, if it named one that alarms; None once a later one names none.
    symptoms_us: int | None = None
    #: Rule → the condition in force; the desk has an alert open, or closed by hand, for each.
    conditions: dict[str, Condition] = field(default_factory=dict)
    #: When, by the shard's clock, the next check-in is overdue, dissociation is lasting, the pressure at the peak is overdue;
    #: None where nothing is waited for. The earliest of them is the row's `timer_due`.
    checkin_due_us: int | None = None
    lasting_due_us: int | None = None
    peak_due_us: int | None = None
    #: When something was entered last, by the shard's clock, and when it is seen whether anything was measured or entered since;
    #: None if not announced.
    entered_us: int | None = None
    quiet_due_us: int | None = None
    #: By when a cuff beside the protocol's is worth taking; None if none is.
    cuff_asked_us: int | None = None

    @property
    def subject(self) -> Subject:
        return Subject(self.site, self.patient, self.name, self.chair)

    @property
    def where(self) -> str:
        """The place as sentences name it."""
        return self.subject.where

    @property
    def protocol(self) -> TreatmentProtocol:
        return protocol_of(self.drug, self.route) if self.announced else UNSCHEDULED

    def note_cuff(self, cuff: Cuff) -> None:
        """Append a good cuff; the first and the last `CUFFS_KEPT` remain."""
        self.cuffs = [*self.cuffs[:1], *self.cuffs[1:][1 - CUFFS_KEPT :], cuff]

    @property
    def baseline_cuffs(self) -> list[Cuff]:
        """The good cuffs before the first dose; where there is none, or nobody announced what is done here, the first."""
        if self.doses:
            before = [cuff for cuff in self.cuffs if cuff.at_us <= self.doses[0].at_us and not cuff.doubted]
        else:
            before = [cuff for cuff in self.cuffs if not cuff.doubted] if self.announced else []
        return before or self.cuffs[:1]

    @property
    def dose_us(self) -> int | None:
        """When the dose that counts began: the first of the last course."""
        return last_course(self.doses)[0].at_us if self.doses else None

    @property
    def dosing_us(self) -> int:
        """How long that dose takes, until the last of its course is over."""
        course = last_course(self.doses)
        return (
            max((dose.ends_us(self.planned_minutes) for dose in course), default=0) - course[0].at_us if course else 0
        )

    @property
    def stopped_us(self) -> int | None:
        return self.doses[-1].stopped_us if self.doses else None

    @property
    def given_mg(self) -> float | None:
        return total_mg(self.doses)

    def note(self, conclusion: Conclusion) -> News | None:
        """Update the rules in force by a conclusion; the news in it. What a worse rule says already has not deepened."""
        news = note_conclusion(self.conditions, Condition, conclusion)
        if news is not None and news.change == "deepened":
            said = any(conclusion.rule in INHIBITS.get(rule, ()) for rule in self.conditions)
            return None if said else news
        return news

    def usual_at(self, at_us: int) -> str | None:
        """A sentence on what is usual at an instant after the dose; None before it, or if nothing is known."""
        minute = self.minute_at(at_us)
        return None if minute is None else expected_effects(self.drug, self.route, minute)

    def minute_at(self, at_us: int) -> float | None:
        """The minute of the protocol at an instant: since the dose began; None before there is one."""
        return None if self.dose_us is None else (at_us - self.dose_us) / MINUTE

    def phase(self, now_us: int) -> SessionPhase:
        """The phase of the protocol at an instant of the shard's clock."""
        if not self.announced:
            return "unscheduled"
        if self.dose_us is None:
            return "before"
        over = self.stopped_us is not None or now_us >= self.dose_us + self.dosing_us
        return "observation" if over else "dosing"


UNKNOWN: Final = -1
NAMELESS: Final = -2
_UNKNOWN: Final = repeat(UNKNOWN)
"""Rows of an origin that no session is known to take, and of one that names nobody."""


class Association:
    """The open sessions by row, and the maps that lead there."""

    def __init__(self) -> None:
        #: Row → session; exactly the rows that `Rows` has open.
        self.sessions: dict[int, Session] = {}
        #: (site, name) → row of an open session. A name may lead to one session while another goes by it too.
        self.by_name: dict[tuple[str, str], int] = {}
        self.by_patient: dict[tuple[str, str], int] = {}
        self.by_chair: dict[tuple[str, str], int] = {}
        #: Devices without a chair.
        self.by_device: dict[tuple[str, str], int] = {}
        #: (site, device) → the make of its capnograph, as far as somebody said it; outlives sessions.
        self.profile_of: dict[tuple[str, str], str] = {}
        #: (site, device) → the chair that it was last assigned to; outlives sessions.
        self.chair_of: dict[tuple[str, str], str] = {}
        #: (site, "session" | "patient" | "device", name) → (newest instant sent before it changed hands, clock µs then).
        #: A sample up to that instant is of whoever had it before.
        self.cutoffs: dict[tuple[str, str, str], tuple[int, int]] = {}
        #: (site, source) → how many sessions are open that only its samples opened.
        self.unannounced: Counter[tuple[str, str | None]] = Counter()
        #: The latest of those instants, so that newer samples need no look-up.
        self.latest_cutoff_us = NEVER
        #: Which aliases are one person; outlives sessions.
        self.aliases = Aliases()
        #: Doses that came before the session that they name.
        self.early = EarlyDoses()
        #: The origins that samples have named, by number, and the number of each. No part of the state, as is all below.
        self.origins: list[Origin] = []
        self._number: dict[Origin, int] = {}
        #: By an origin's number: its session's row, UNKNOWN where it was not looked up since the last change; the loop's.
        self.rows: Ints = np.full(64, UNKNOWN)
        #: The origins of the frame under way, and their numbers.
        self._of_frame: tuple[Origin, ...] | None = None
        self._numbers: Ints = _NO_ROWS
        #: The origins whose rows were looked up since the last change.
        self._found_of: tuple[Origin, ...] | None = None
        #: The cutoffs of some origins, and of which.
        self._cutoffs: Ints = _NO_CUTOFFS
        self._cutoffs_are_of: tuple[Origin, ...] | None = None

    def numbers_of(self, origins: tuple[Origin, ...]) -> Ints:
        """(origins,) the number of each; `rows` has its session's row, UNKNOWN where it was not looked up yet."""
        if origins and self._of_frame is not origins:
            numbers = list(map(self._number.get, origins, _UNKNOWN))
            if UNKNOWN in numbers:
                numbers = list(map(self._add, origins))
            self._of_frame, self._numbers = origins, np.array(numbers, np.int64)
        return self._numbers

    def find_row(self, origins: tuple[Origin, ...], which: int) -> int | None:
        """The row of one of a frame's origins, which is UNKNOWN; None if no open session takes it. With the first that is asked
        for since a change, all of the frame's are looked up.
        """
        if len(origins) == 1:
            return self.lookup(origins[0])
        numbers = self.numbers_of(origins)
        if self._found_of is not origins:
            self._found_of = origins
            for number in numbers[self.rows[numbers] == UNKNOWN].tolist():
                row = self.lookup(self.origins[number])
                if row is not None:
                    self.rows[number] = row
        row = int(self.rows[numbers[which]])
        return None if row == UNKNOWN else row

    def _add(self, origin: Origin) -> int:
        """The number of an origin, a new one where it was never named."""
        number = self._number.setdefault(origin, len(self._number))
        if number == len(self.origins):
            self.origins.append(origin)
            if number == len(self.rows):
                self.rows = np.concatenate([self.rows, np.full(number, UNKNOWN)])
        return number

    def note_row(self, number: int, row: int) -> None:
        """Note the row of an origin, by its number, until something changes; NAMELESS: no session takes it."""
        self.rows[number] = row

    def cutoffs_of(self, origins: tuple[Origin, ...]) -> Ints:
        """(origins, 2), the cutoff of each; (0, 2) if they were not asked for since `numbers_of` these, or one has changed."""
        return self._cutoffs if self._cutoffs_are_of is origins else _NO_CUTOFFS

    def find_cutoffs(self, origins: tuple[Origin, ...]) -> None:
        """Look up the cutoffs of origins."""
        self._cutoffs = np.array([self.cutoff_of(origin) for origin in origins], np.int64)
        self._cutoffs_are_of = origins

    def _forget(self) -> None:
        """Who leads where has changed: rows of origins are to be looked up anew."""
        self.rows[:] = UNKNOWN
        self._found_of = self._cutoffs_are_of = None

    def lookup(self, origin: Origin) -> int | None:
        """The row that an origin's samples belong to; None if no open session takes them. Safe in another thread."""
        site = origin.site
        patient = None if origin.patient is None else self.aliases.survivor(site, origin.patient)
        if origin.session is not None:
            row = self.by_name.get((site, origin.session))
            if row is None or not self._is_of_another(row, patient):
                return row
        if patient is not None:
            return self.by_patient.get((site, patient))
        if origin.device is None:
            return None
        chair = self.chair_of.get((site, origin.device))
        if chair is not None and (site, chair) in self.by_chair:
            return self.by_chair[site, chair]
        return self.by_device.get((site, origin.device))

    def _is_of_another(self, row: int, patient: str | None) -> bool:
        """Whether a session is another's than the person whom a sample names beside it: then the sample is that person's.

        A session that nobody announced is its device's until somebody is named.
        """
        session = self.sessions[row]
        named = session.announced or session.patient != session.device
        return patient is not None and named and session.patient != patient

    def set_cutoff(self, site: str, kind: str, name: str | None, newest_us: int, clock_us: int) -> None:
        """Note that a session's name, patient or device changes hands: its samples up to `newest_us` stay with who had it."""
        if name is None or newest_us == NEVER:
            return
        before_us, noted_us = self.cutoffs.get((site, kind, name), (NEVER, 0))
        if clock_us - noted_us >= CUTOFFS_KEPT_FOR:
            before_us = NEVER
        self.cutoffs[site, kind, name] = (max(before_us, newest_us), clock_us)
        self.latest_cutoff_us = max(self.latest_cutoff_us, newest_us)
        self._cutoffs_are_of = None

    def cutoff_of(self, origin: Origin) -> tuple[int, int]:
        """The instant up to which an origin's samples are of whoever had it before, and the shard's clock when it changed
        hands.
        """
        kind = "session" if origin.session is not None else "patient" if origin.patient is not None else "device"
        name = getattr(origin, kind) or ""
        if kind == "patient":
            name = self.aliases.survivor(origin.site, name)
        return self.cutoffs.get((origin.site, kind, name), (NEVER, 0))

    def devices_of(self, row: int) -> list[str]:
        """The devices whose samples lead to this row when they name nobody."""
        session = self.sessions[row]
        site = session.site
        devices = {device for (where, device), held in self.by_device.items() if held == row and where == site}
        if session.chair is not None and self.by_chair.get((site, session.chair)) == row:
            devices |= {
                device for (where, device), chair in self.chair_of.items() if (where, chair) == (site, session.chair)
            }
        return sorted(devices)

    def merge(self, site: str, into: str, gone: str) -> None:
        """Let an alias that goes lead where the one that stays does. The sessions of both go by that one already."""
        self.aliases.merge(site, into, gone)
        row = self.by_patient.pop((site, gone), None)
        if row is not None and self.sessions[row].patient == into:
            self.by_patient.setdefault((site, into), row)
        newest_us, noted_us = self.cutoffs.pop((site, "patient", gone), (NEVER, 0))
        self.set_cutoff(site, "patient", into, newest_us, noted_us)
        self.early.rename(site, gone, into)
        self._forget()

    def assign(self, site: str, device: str, chair: str) -> None:
        """Assign a device to a chair."""
        self.chair_of[site, device] = chair
        self.by_device.pop((site, device), None)
        self._forget()

    def add(self, row: int, session: Session) -> None:
        """Add an open session in this row. One that nobody announced takes no name from another."""
        site = session.site
        self.sessions[row] = session
        if not session.announced:
            self.unannounced[site, session.source] += 1
            if session.name is not None:
                self.by_name.setdefault((site, session.name), row)
            self.by_patient.setdefault((site, session.patient), row)
            if session.chair is not None:
                self.by_chair.setdefault((site, session.chair), row)
            elif session.device is not None:
                self.by_device.setdefault((site, session.device), row)
            self._forget()
            return
        if session.name is not None:
            self.by_name[site, session.name] = row
        self.by_patient[site, session.patient] = row
        if session.chair is not None:
            self.by_chair[site, session.chair] = row
        if session.device is not None:
            if session.chair is not None:
                self.chair_of[site, session.device] = session.chair
                self.by_device.pop((site, session.device), None)
            else:
                self.chair_of.pop((site, session.device), None)
                self.by_device[site, session.device] = row
        self._forget()

    def same_named(self, session: Session) -> int | None:
        """The row of an open session with the same site, patient and name, which the desk could not distinguish; None if none."""
        if (session.site, session.patient) not in self.by_patient:
            return None
        same = (session.site, session.patient, session.name)
        return next(
            (row for row, other in self.sessions.items() if (other.site, other.patient, other.name) == same), None
        )

    def assign_chair(self, row: int, chair: str | None) -> None:
        """Put an unannounced session at this chair; a session that is there already stays the chair's."""
        session = self.sessions[row]
        if chair is not None:
            session.chair = chair
            self.by_chair.setdefault((session.site, chair), row)
        self._forget()

    def remove(self, row: int) -> Session:
        """Take a session out, and everything that leads to it; the session."""
        session = self.sessions.pop(row)
        if not session.announced:
            self.unannounced[session.site, session.source] -= 1
        for index in (self.by_name, self.by_patient, self.by_chair, self.by_device):
            for key in [key for key, held in index.items() if held == row]:
                del index[key]
        # A patient with another session open belongs to that one, of several to the one that started last.
        others = [
            (other.started_us or NEVER, other.name or "", at)
            for at, other in self.sessions.items()
            if _same_patient(other, session)
        ]
        if others and (session.site, session.patient) not in self.by_patient:
            self.by_patient[session.site, session.patient] = max(others)[2]
        self._forget()
        return session

    def packed(self, clock_us: int) -> dict[str, Any]:
        """As msgpack-able values. A cutoff of `CUTOFFS_KEPT_FOR` ago is dropped; it also counts no more."""
        return {
            "left": [
                [*key, *left] for key, left in sorted(self.cutoffs.items()) if clock_us - left[1] < CUTOFFS_KEPT_FOR
            ],
            "sessions": [[row, _packed(session)] for row, session in sorted(self.sessions.items())],
            "indices": [
                [[*key, value] for key, value in sorted(index.items())]
                for index in (self.by_name, self.by_patient, self.by_chair, self.by_device, self.chair_of)
            ],
            "early": self.early.packed(),
            "merged": self.aliases.packed(),
            "profiles": [[*key, profile] for key, profile in sorted(self.profile_of.items())],
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Association:
        association = cls()
        association.aliases = Aliases.unpacked(packed.get("merged", []))
        association.sessions = {row: _unpacked(fields) for row, fields in packed["sessions"]}
        association.unannounced.update(
            (session.site, session.source) for session in association.sessions.values() if not session.announced
        )
        indices: tuple[dict[tuple[str, str], Any], ...] = (
            association.by_name, association.by_patient, association.by_chair, association.by_device, association.chair_of,
        )  # fmt: skip
        for index, entries in zip(indices, packed["indices"], strict=True):
            index.update({(site, key): value for site, key, value in entries})
        for site, kind, name, newest_us, clock_us in packed["left"]:
            association.set_cutoff(site, kind, name, newest_us, clock_us)
        association.early = EarlyDoses.unpacked(packed.get("early", []))
        association.profile_of = {(site, device): profile for site, device, profile in packed.get("profiles", [])}
        return association


def _same_patient(one: Session, other: Session) -> bool:
    return (one.site, one.patient) == (other.site, other.patient)


def _packed(session: Session) -> dict[str, Any]:
    fields = {name: getattr(session, name) for name in Session.__dataclass_fields__ if name != "conditions"}
    fields["doses"] = [astuple(dose) for dose in session.doses]
    fields["cuff_rules"] = session.cuff_rules.packed() if session.cuff_rules.last else None
    fields["reports"] = [astuple(report) for report in session.reports]
    fields["standing"] = {rule: [int(each.priority), each.onset_us] for rule, each in session.conditions.items()}
    fields["told"] = {rule: list(each.told) for rule, each in session.conditions.items() if each.told is not None}
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _unpacked(fields: dict[str, Any]) -> Session:
    in_force, told = fields.get("standing", {}), fields.get("told", {})
    fields = {name: value for name, value in fields.items() if name in Session.__dataclass_fields__}
    fields.setdefault("name", None)
    fields["cuff_rules"] = CuffRules.unpacked(fields["cuff_rules"]) if "cuff_rules" in fields else CuffRules()
    fields["doses"] = [SessionDose(*dose) for dose in fields.get("doses", ())]
    fields["reports"] = [Report(*report) for report in fields.get("reports", ())]
    fields["cuffs"] = [Cuff(*cuff) for cuff in fields.get("cuffs", ())]
    fields["oxygen_entries"] = [(at_us, sent_id, on) for at_us, sent_id, on in fields.get("oxygen_entries", ())]
    fields["conditions"] = {
        rule: Condition(Priority(priority), onset_us, told=Depth(*told[rule]) if rule in told else None)
        for rule, (priority, onset_us) in in_force.items()
    }
    return Session(**fields)
