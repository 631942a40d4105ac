"""Who a sample belongs to: device → chair → session → patient, and sessions that nobody announced.

What a sample says of itself goes before what is known of its device: its session, then its patient, then the device's
chair. A device serves the chair that it was last assigned to; a chair holds the session that last started there. So two
monitors that change places are two `device.assigned` lines, and no sample is guessed at.
When a device, a patient or a session's name changes hands, what it had said before stays behind: a line that is sent again
or comes late belongs to the one it was about, never to the next in that chair.
Never here: values.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Any, Final, NamedTuple

from models.findings import Subject
from models.instants import DAY, MINUTE, NEVER
from models.session.expectation import expected_effects
from models.session.reports import Report
from models.tables.drugs import UNSCHEDULED, SessionPhase, TreatmentProtocol, protocol_of
from models.tables.rules import Priority
from streams.journal.frame import Origin
from streams.ward.conclusions import Conclusion, Condition, News, note_conclusion
from streams.ward.doses import Given, last_course, total_mg
from streams.ward.early_doses import EarlyDoses
from streams.ward.rules.cuffs import CuffRules


class Cuff(NamedTuple):
    """A good cuff reading in mmHg; NaN where a part of it was not read or not believed."""

    at_us: int
    sbp: float
    dbp: float
    doubted: bool = False
    """Far from a normal one before it: no baseline is made of it."""


CUFFS_KEPT: Final = 40
"""More than a session has at one every five minutes, and a bound for a bed that is watched for weeks. Chosen by us."""


@dataclass(slots=True)
class Session:
    """An open session: what was entered about it. Readings are in its row of the arrays."""

    site: str
    name: str | None
    patient: str
    announced: bool
    chair: str | None = None
    device: str | None = None
    drug: str | None = None
    route: str | None = None
    planned_mg: float | None = None
    planned_minutes: float | None = None
    started_us: int | None = None
    doses: list[Given] = field(default_factory=list)
    cuffs: list[Cuff] = field(default_factory=list)
    cuff_rules: CuffRules = field(default_factory=CuffRules)
    reports: list[Report] = field(default_factory=list)
    symptoms_us: int | None = None
    """When the last check-in of symptoms was, if it named one that alarms; None once a later one names none."""
    standing: dict[str, Condition] = field(default_factory=dict)
    checkin_due_us: int | None = None
    lasting_due_us: int | None = None
    peak_due_us: int | None = None
    """When, by the shard's clock, the next check-in is overdue, dissociation is lasting, the pressure at the peak is overdue."""
    cuff_asked_us: int | None = None
    """By when a cuff beside the protocol's is worth having."""

    @property
    def subject(self) -> Subject:
        return Subject(self.site, self.patient, self.name, self.chair)

    @property
    def where(self) -> str:
        """How a page names it: the chair if there is one, and the alias."""
        return f"Chair {self.chair} ({self.patient})" if self.chair else self.patient

    @property
    def protocol(self) -> TreatmentProtocol:
        return protocol_of(self.drug, self.route) if self.announced else UNSCHEDULED

    def note_cuff(self, cuff: Cuff) -> None:
        """Keep a good cuff: the first, and the last `CUFFS_KEPT`."""
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
        """Update the rules in force by a conclusion; the news in it."""
        return note_conclusion(self.standing, Condition, conclusion)

    def usual_at(self, at_us: int) -> str | None:
        """A sentence on what is usual at an instant after the dose; None before it, or if nothing is known."""
        minute = self.minute_at(at_us)
        return None if minute is None else expected_effects(self.drug, self.route, minute)

    def minute_at(self, at_us: int) -> float | None:
        """The minute of the protocol at an instant: since the dose began; None before there is one."""
        return None if self.dose_us is None else (at_us - self.dose_us) / MINUTE

    def phase(self, now_us: int) -> SessionPhase:
        """Where in its protocol the session is at an instant of the shard's clock."""
        if not self.announced:
            return "unscheduled"
        if self.dose_us is None:
            return "before"
        over = self.stopped_us is not None or now_us >= self.dose_us + self.dosing_us
        return "observation" if over else "dosing"


class Association:
    """The open sessions by row, and the maps that lead there."""

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self.by_name: dict[tuple[str, str], int] = {}
        self.by_patient: dict[tuple[str, str], int] = {}
        self.by_chair: dict[tuple[str, str], int] = {}
        self.by_device: dict[tuple[str, str], int] = {}
        self.chair_of: dict[tuple[str, str], str] = {}
        self.left: dict[tuple[str, str, str], tuple[int, int]] = {}
        """(site, "session" | "patient" | "device", name) → (newest instant said before it changed hands, clock µs then)."""
        self.left_until = NEVER
        self.early = EarlyDoses()
        self._known: dict[Origin, int] = {}

    def rows_of(self, origins: tuple[Origin, ...]) -> list[int]:
        """The rows that are known already, -1 for the others."""
        get = self._known.get
        return [get(origin, -1) for origin in origins]

    def find(self, origin: Origin) -> int | None:
        """The row that a sample belongs to; None if no open session takes it."""
        row = self._known.get(origin)
        if row is None:
            row = self.look(origin)
            if row is not None:
                self._known[origin] = row
        return row

    def look(self, origin: Origin) -> int | None:
        """As `find`, remembering nothing: for readers beside the ward."""
        site = origin.site
        if origin.session is not None:
            return self.by_name.get((site, origin.session))
        if origin.patient is not None:
            return self.by_patient.get((site, origin.patient))
        if origin.device is None:
            return None
        chair = self.chair_of.get((site, origin.device))
        if chair is not None and (site, chair) in self.by_chair:
            return self.by_chair[site, chair]
        return self.by_device.get((site, origin.device))

    def leave(self, site: str, kind: str, name: str | None, newest_us: int, clock_us: int) -> None:
        """What this session, patient or device has said up to `newest_us` stays with whom it was about."""
        if name is None or newest_us == NEVER:
            return
        before_us, _ = self.left.get((site, kind, name), (NEVER, 0))
        self.left[site, kind, name] = (max(before_us, newest_us), clock_us)
        self.left_until = max(self.left_until, newest_us)

    def left_behind(self, origin: Origin) -> tuple[int, int]:
        """The instant up to which an origin's samples are about somebody before, and the clock when that was noted."""
        kind = "session" if origin.session is not None else "patient" if origin.patient is not None else "device"
        return self.left.get((origin.site, kind, getattr(origin, kind) or ""), (NEVER, 0))

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

    def assign(self, site: str, device: str, chair: str) -> None:
        """From now on the device serves this chair."""
        self.chair_of[site, device] = chair
        self.by_device.pop((site, device), None)
        self._known.clear()

    def admit(self, row: int, session: Session) -> None:
        """An open session takes this row. One that nobody announced takes nothing from another."""
        site = session.site
        self.sessions[row] = session
        if not session.announced:
            if session.name is not None:
                self.by_name.setdefault((site, session.name), row)
            self.by_patient.setdefault((site, session.patient), row)
            if session.chair is not None:
                self.by_chair.setdefault((site, session.chair), row)
            elif session.device is not None:
                self.by_device.setdefault((site, session.device), row)
            self._known.clear()
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
        self._known.clear()

    def twin(self, session: Session) -> int | None:
        """The row of an open session that goes by the same names: to the desk they would be one."""
        if (session.site, session.patient) not in self.by_patient:
            return None
        same = (session.site, session.patient, session.name)
        return next(
            (row for row, other in self.sessions.items() if (other.site, other.patient, other.name) == same), None
        )

    def seat(self, row: int, chair: str | None) -> None:
        """An unannounced session is at this chair; if somebody sits there, it takes nothing from them."""
        session = self.sessions[row]
        if chair is not None:
            session.chair = chair
            self.by_chair.setdefault((session.site, chair), row)
        self._known.clear()

    def dismiss(self, row: int) -> Session:
        """The session of this row is over."""
        session = self.sessions.pop(row)
        for index in (self.by_name, self.by_patient, self.by_chair, self.by_device):
            for key in [key for key, held in index.items() if held == row]:
                del index[key]
        # Whoever has another session open is still somebody's: the one that started last.
        others = [
            (other.started_us or NEVER, other.name or "", at)
            for at, other in self.sessions.items()
            if _same_patient(other, session)
        ]
        if others and (session.site, session.patient) not in self.by_patient:
            self.by_patient[session.site, session.patient] = max(others)[2]
        self._known.clear()
        return session

    def packed(self, clock_us: int) -> dict[str, Any]:
        """As msgpack-able values; the indices are rebuilt from them. What was left behind a day ago cannot come back."""
        return {
            "left": [[*key, *left] for key, left in sorted(self.left.items()) if clock_us - left[1] < DAY],
            "sessions": [[row, _packed(session)] for row, session in sorted(self.sessions.items())],
            "indices": [
                [[*key, value] for key, value in sorted(index.items())]
                for index in (self.by_name, self.by_patient, self.by_chair, self.by_device, self.chair_of)
            ],
            "early": self.early.packed(),
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Association:
        known = cls()
        known.sessions = {row: _unpacked(fields) for row, fields in packed["sessions"]}
        indices: tuple[dict[tuple[str, str], Any], ...] = (
            known.by_name, known.by_patient, known.by_chair, known.by_device, known.chair_of,
        )  # fmt: skip
        for index, entries in zip(indices, packed["indices"], strict=True):
            index.update({(site, key): value for site, key, value in entries})
        for site, kind, name, newest_us, clock_us in packed["left"]:
            known.leave(site, kind, name, newest_us, clock_us)
        known.early = EarlyDoses.unpacked(packed.get("early", []))
        return known


def _same_patient(one: Session, other: Session) -> bool:
    return (one.site, one.patient) == (other.site, other.patient)


def _packed(session: Session) -> dict[str, Any]:
    fields = {name: getattr(session, name) for name in Session.__dataclass_fields__}
    fields["doses"] = [astuple(dose) for dose in session.doses]
    fields["cuff_rules"] = session.cuff_rules.packed() if session.cuff_rules.last else None
    fields["reports"] = [astuple(report) for report in session.reports]
    fields["standing"] = {
        rule: [int(standing.priority), standing.onset_us] for rule, standing in session.standing.items()
    }
    return {name: value for name, value in fields.items() if value not in (None, [], {})}


def _unpacked(fields: dict[str, Any]) -> Session:
    fields = {name: value for name, value in fields.items() if name in Session.__dataclass_fields__}
    fields.setdefault("name", None)
    fields["cuff_rules"] = CuffRules.unpacked(fields["cuff_rules"]) if "cuff_rules" in fields else CuffRules()
    fields["doses"] = [Given(*dose) for dose in fields.get("doses", ())]
    fields["reports"] = [Report(*report) for report in fields.get("reports", ())]
    fields["cuffs"] = [Cuff(*cuff) for cuff in fields.get("cuffs", ())]
    fields["standing"] = {
        rule: Condition(Priority(priority), onset_us)
        for rule, (priority, onset_us) in fields.get("standing", {}).items()
    }
    return Session(**fields)
