"""The state of one shard's ward, and the one place where conclusions become findings.

Everything that leaves the ward has a place: the shard's clock, then observations before time, then its order. Places do not
depend on frame boundaries, so neither does the order of what reaches the desk.
Never here: when anything is concluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isnan
from statistics import median
from typing import Final, Literal

from alerts.effects import AuditEntry, DeadLetter, Forecast, VitalsMinute
from models.faults import Due
from models.findings import Digest, Finding
from models.instants import DAY, MINUTE, NEVER
from models.tables.limits import Limit
from models.tables.rules import RULES
from models.wire.observations import Command, PatientMerged, RotaOverride, SiteConfigured
from streams.journal.frame import key_hash
from streams.ward.association import Association, Session
from streams.ward.conclusions import Conclusion, News, rank_of
from streams.ward.home.rows import AtHome, Home
from streams.ward.limit_book import LimitBook
from streams.ward.pasts import EstimateCache, Pasts
from streams.ward.people import People
from streams.ward.rows import Rows
from streams.ward.rules.cuffs import CuffLimits
from streams.ward.sample import SampleUnderWay
from streams.ward.sentences import ago, number, with_chair, with_unit
from streams.ward.signal.clock_records import Clocks

Clock = Literal["received", "observed"]

Here = tuple[int, int, int]
"""An instant of the shard: (clock µs, 0 for an observation or 1 for time itself, ordinal in its frame)."""
REPEAT_WINDOW: Final = DAY
"""How long a repeat is recognised: longer than any queue of a tablet without a network."""
LATE_AFTER: Final = MINUTE
"""A conclusion this long after its instant says that it is late: the nurse who comes sees something else. Chosen by us."""
OBSERVED: Final = 0
DUE: Final = 1
Place = tuple[int, int, int, tuple[str, ...], int]
"""`Here`, then the subject, then the worst first."""
Concluded = (
    Finding | Digest | AuditEntry | DeadLetter | Forecast | Command | RotaOverride | SiteConfigured | PatientMerged
)

_FIRST: Final = -1_000_000
"""Before every finding of the same observation: an entry comes before what it leads to."""


class WardState:
    """One shard's sessions and patients at home, and what a frame has led to so far. `invariants.py` says what must agree."""

    def __init__(self, clock: Clock = "received") -> None:
        self.clock: Clock = clock
        #: The shard's clock, µs: it never goes back.
        self.clock_us = NEVER
        #: The open sessions' readings, limits and due times, a row each.
        self.rows = Rows()
        #: The sample that the loop is at.
        self.under_way = SampleUnderWay(clock == "observed")
        #: What is known of the senders' clocks; outlives sessions.
        self.clocks = Clocks()
        #: The open sessions' entries by row, and what leads to them.
        self.association = Association()
        #: Registered people; outlives sessions, as do pasts, limits and home.
        self.people = People()
        self.pasts = Pasts()
        self.limits = LimitBook()
        self.home = Home()
        #: What boards were last shown; no part of the state.
        self.estimate_cache = EstimateCache()
        #: How many observations of each fate there were since the journal began; none is ever counted twice or not at all.
        self.counts: Counter[str] = Counter()
        #: The hash of each entry's identity → the shard's clock when it came; those older than `REPEAT_WINDOW` count no more.
        self.seen_keys: dict[int, int] = {}
        #: What the frame under way has led to, each with its place; empty between frames.
        self.emitted: list[tuple[Place, Concluded]] = []
        #: The minutes of sessions that the frame has ended (minutes.py); empty between frames.
        self.minutes: list[VitalsMinute] = []
        #: What falls due in this frame and is left out, with what it raised; the shard fills it when it takes a frame again.
        self.left_out: dict[Due, str] = {}

    def is_repeat(self, identity: str, clock_us: int, *others: str) -> bool:
        """True, and counted, if an entry of this identity, or one that is as good, came within `REPEAT_WINDOW`; else it is noted
        as seen.
        """
        for key in map(key_hash, (identity, *others)):
            seen_us = self.seen_keys.get(key)
            if seen_us is not None and clock_us - seen_us < REPEAT_WINDOW:
                self.counts["repeated or late"] += 1
                return True
        self.seen_keys[key_hash(identity)] = clock_us
        return False

    def forget(self, identity: str) -> None:
        """Let an entry of this identity be none that came: whoever sends it again is heard."""
        self.seen_keys.pop(key_hash(identity), None)

    def count_set_aside(self) -> None:
        """An entry that was counted as had is set aside after all."""
        self.counts["events"] -= 1
        self.counts["set aside"] += 1

    def limits_of(self, row: int) -> tuple[Limit, ...]:
        """The limits in force for a session."""
        return self.limits.tables[int(self.rows.limit_set[row])]

    def cuff_limits_of(self, row: int) -> CuffLimits:
        """Those of them that are on cuffs."""
        return self.limits.by_cuff[int(self.rows.limit_set[row])]

    def score_limits_of(self, row: int) -> tuple[Limit, ...]:
        """Those of them that are on scores."""
        return self.limits.on_scores[int(self.rows.limit_set[row])]

    def sample_limits_of(self, row: int) -> tuple[Limit, ...]:
        """Those of them that are held as arrays, in the arrays' order."""
        return self.limits.held[int(self.rows.limit_set[row])]

    def baseline(self, row: int) -> tuple[float | None, float | None]:
        """A session's own (systolic, diastolic) in mmHg: median of the good cuffs before the dose, else the first."""
        cuffs = self.association.sessions[row].baseline_cuffs
        systolic = [cuff.sbp for cuff in cuffs if not isnan(cuff.sbp)]
        diastolic = [cuff.dbp for cuff in cuffs if not isnan(cuff.dbp)]
        return median(systolic) if systolic else None, median(diastolic) if diastolic else None

    @property
    def watched_us(self) -> int:
        """Microseconds with data, over all sessions, ended ones included."""
        return self.counts["watched µs"] + int(self.rows.watched[: self.rows.count].sum())

    def emit(self, conclusion: Concluded, here: Here) -> None:
        """Add an effect or a finding that is no condition of a session or a patient, before all others of the same place."""
        self.emitted.append(((*here, (), _FIRST), conclusion))

    def file(self, about: Session | AtHome, conclusion: Conclusion, here: Here) -> None:
        """Add the finding of a conclusion about a session or a patient at home to the frame's; nothing if it is no news."""
        news = about.note(conclusion)
        if news is None:
            return
        subject, clock_us = about.subject, here[0]
        text, evidence = conclusion.text, conclusion.evidence
        if isinstance(about, Session):
            text, evidence = _in_session(about, conclusion, news, clock_us)
        finding = Finding(
            news.change, subject, conclusion.rule, news.priority, min(conclusion.at_us, clock_us), min(news.onset_us, clock_us),
            clock_us, text, evidence, conclusion.source,
        )  # fmt: skip
        whose = (subject.site, subject.patient, subject.session or "")
        self.emitted.append(((*here, whose, rank_of(conclusion.rule, news.priority)), finding))


_NO_CLOCK: Final = "Its device's clock cannot be right: take it for now."


def _in_session(
    session: Session, conclusion: Conclusion, news: News, clock_us: int
) -> tuple[str, Mapping[str, object]]:
    """A conclusion's text and evidence with what a nurse needs beside them: what is usual now, how old it is, which chair."""
    text, evidence = conclusion.text, conclusion.evidence
    if news.change != "ended":
        technical = RULES[conclusion.rule].category == "technical"
        usual = None if technical else session.usual_at(conclusion.at_us)
        if usual is not None:
            evidence = {**evidence, "expected": usual}
        if news.was is not None:
            was = number(news.was.value, news.was.channel)
            evidence = {**evidence, "was": was}
            text = f"{text.removesuffix('.')}; it was {with_unit(news.was.value, news.was.channel)}."
        if clock_us - conclusion.at_us > LATE_AFTER:
            late = f"It comes late: that was {ago(conclusion.at_us, clock_us)}."
            text = f"{text} {late if clock_us - conclusion.at_us < 365 * DAY else _NO_CLOCK}"
    return text, with_chair(evidence, session.chair)
