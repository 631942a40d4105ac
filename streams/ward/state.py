"""What the ward's parts share: the state of one shard, and how something is concluded.

A conclusion has its place: the shard's clock, then observations before time, then its order. Places do not depend on frame
boundaries, so neither does the order of what the desk is told.
Never here: when anything is concluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isnan
from statistics import median
from typing import Final, Literal

from alerts.effects import AuditEntry, DeadLetter, Forecast
from models.findings import Digest, Finding
from models.instants import DAY, MINUTE, NEVER, SECOND
from models.tables.limits import Limit
from models.tables.rules import RULES
from models.wire.observations import Command, SiteConfigured
from streams.journal.frame import key_hash
from streams.ward.association import Association, Session
from streams.ward.conclusions import Conclusion, News, rank_of
from streams.ward.home.rows import AtHome, Home
from streams.ward.limit_book import LimitBook
from streams.ward.pasts import EstimateCache, Pasts
from streams.ward.people import People
from streams.ward.rows import Rows
from streams.ward.sample import SampleUnderWay
from streams.ward.sentences import duration, with_chair

Clock = Literal["received", "observed"]

Here = tuple[int, int, int]
"""An instant of the shard: (clock µs, 0 for an observation or 1 for time itself, ordinal in its frame)."""
REMEMBER: Final = DAY
"""How long a repeat is recognised: longer than any queue of a tablet without a network."""
LATE: Final = MINUTE
"""What is concluded this long after it was so is said to be old: the nurse who comes sees something else. Chosen by us."""
OBSERVED: Final = 0
DUE: Final = 1
Place = tuple[int, int, int, tuple[str, ...], int]
"""`Here`, then the subject, then the worst first."""
Concluded = Finding | Digest | AuditEntry | DeadLetter | Forecast | Command | SiteConfigured

_FIRST: Final = -1_000_000
"""Before every finding of the same observation: an entry comes before what it leads to."""


class WardState:
    """One shard's sessions, and what is concluded of them."""

    def __init__(self, clock: Clock = "received") -> None:
        self.clock: Clock = clock
        #: The shard's clock: it never goes back.
        self.clock_us = NEVER
        self.rows = Rows()
        #: The sample that the loop stands at.
        self.under_way = SampleUnderWay(clock == "observed")
        self.known = Association()
        self.people = People()
        self.pasts = Pasts()
        self.estimate_cache = EstimateCache()
        self.limits = LimitBook()
        self.home = Home()
        #: What became of everything that came in.
        self.counts: Counter[str] = Counter()
        #: The keys of events that were had, with the clock then.
        self.seen: dict[int, int] = {}
        #: This frame's conclusions so far.
        self.said: list[tuple[Place, Concluded]] = []

    def had(self, identity: str, clock_us: int) -> bool:
        """Whether this came before, within `REMEMBER`; it is remembered from now on."""
        key = key_hash(identity)
        seen_us = self.seen.get(key)
        if seen_us is not None and clock_us - seen_us < REMEMBER:
            self.counts["repeated or late"] += 1
            return True
        self.seen[key] = clock_us
        return False

    def count_set_aside(self) -> None:
        """An entry that was counted as had is set aside after all."""
        self.counts["events"] -= 1
        self.counts["set aside"] += 1

    def limits_of(self, row: int) -> tuple[Limit, ...]:
        """The limits in force for a session."""
        return self.limits.tables[int(self.rows.limit_set[row])]

    def held_of(self, row: int) -> tuple[Limit, ...]:
        """Those of them that are held as arrays, in the arrays' order."""
        return self.limits.held[int(self.rows.limit_set[row])]

    def baseline(self, row: int) -> tuple[float | None, float | None]:
        """A session's own (systolic, diastolic) in mmHg: median of the good cuffs before the dose, else the first."""
        cuffs = self.known.sessions[row].baseline_cuffs
        systolic = [cuff.sbp for cuff in cuffs if not isnan(cuff.sbp)]
        diastolic = [cuff.dbp for cuff in cuffs if not isnan(cuff.dbp)]
        return median(systolic) if systolic else None, median(diastolic) if diastolic else None

    @property
    def watched_us(self) -> int:
        """Microseconds with data, over all sessions, ended ones included."""
        return self.counts["watched µs"] + int(self.rows.watched[: self.rows.count].sum())

    def tell(self, conclusion: Concluded, here: Here) -> None:
        """Conclude something that is no session's rule."""
        self.said.append(((*here, (), _FIRST), conclusion))

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
        self.said.append(((*here, whose, rank_of(conclusion.rule, news.priority)), finding))


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
        if clock_us - conclusion.at_us > LATE:
            text = f"{text} It comes late: that was {duration((clock_us - conclusion.at_us) / SECOND)} ago."
    return text, with_chair(evidence, session.chair)
