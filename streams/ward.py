"""The ward: the pure state of one shard. Frames in, findings out.

`step` folds a frame into the arrays of `rows.py`: it finds each sample's session (`association.py`), judges it
(`quality.py`), holds it against the limits (`holding.py`) and lets time pass (absence), and gives back what it concluded,
in an order that no split of the same observations into frames can change. Several samples of one session in a frame are
taken in rounds, each with at most one sample a session.

Two clocks. The sender's `at` decides persistence and onset. The shard's clock decides absence: on the "received" clock it
is the journal's stamp, on the "observed" clock (replay) the running maximum of `at`.
Good at: many sessions with a sample each. Bad at: one session with thousands of samples (a round each, about 0.1 ms).
Never here: I/O, a clock, an order that depends on frame boundaries.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from alerts.effects import AuditEntry, DeadLetter
from models.channels import CHANNELS, NAMES, STALE_AFTER
from models.channels import COLUMN as CHANNEL
from models.findings import Finding, Subject
from models.instants import DAY, HOUR, MINUTE, NEVER, SECOND, iso, to_us
from models.instruments import CADSS_6_TO_CADSS, ScoreRefused, score_of
from models.limits import COLUMN, COLUMNS, LIMITS, Limit, LimitRefused, arrays, changed
from models.records import (
    CheckIn,
    Command,
    Conflicted,
    DeviceAssigned,
    Dose,
    DoseStopped,
    Event,
    LimitChanges,
    PatientRegistered,
    SessionEnded,
    SessionStarted,
    SetAside,
    SiteConfigured,
)
from models.rules import RULE_INDEX, RULE_NAMES, RULES, Priority
from streams.association import Association, Session, Standing
from streams.frame import Frame, Origin, key_hash
from streams.holding import LimitSets, hold
from streams.quality import FROZEN, IMPLAUSIBLE, QUALITIES, STEP, Judged, judge
from streams.rows import CONTINUOUS, FAR, Rows
from streams.sentences import absence_sentence, duration, limit_evidence, limit_sentence, number, plain, with_chair

Clock = Literal["received", "observed"]
STATE: Final = 1

START_WITHIN: Final = 3 * MINUTE
"""A monitor that has sent nothing this long after `session.started` never started. Chosen by us: time to apply probes."""
PAGE_SILENCE_AFTER: Final = 2 * MINUTE
"""A chair that is silent is on the board after `STALE_AFTER` and pages after this long. Chosen by us: a gateway that sends
its minute late must not teach people to ignore the page; the bedside monitor stays primary meanwhile."""
GIVE_UP_AFTER: Final = HOUR
"""An unannounced session with no sample this long is over. Chosen by us: longer than any change of bed."""
AHEAD: Final = MINUTE
BEHIND: Final = 10 * MINUTE
"""A device's clock this far from the shard's is wrong: ahead, nothing explains it; behind, a late batch might."""
REMEMBER_KEYS: Final = DAY
"""How long a repeat of an event is recognised: longer than any queue of a tablet without a network."""

_SBP, _DBP = CHANNEL["sbp"], CHANNEL["dbp"]
_HR, _PULSE = CHANNEL["hr"], CHANNEL["pulse"]
_WIDTH = len(NAMES)
_SCORES: Final = {"moaas": ("moaas", 1.0), "cadss": ("cadss", 1.0), "cadss-6": ("cadss", CADSS_6_TO_CADSS)}
_LOST_BY: Final = {IMPLAUSIBLE: "implausible", STEP: "artefact", FROZEN: "artefact", QUALITIES.index("artefact"): "artefact"}
"""What a channel's last sample says of why it is lost; anything else is a probe that is off."""

Concluded = Finding | AuditEntry | DeadLetter | Command | SiteConfigured
Place = tuple[int, int, int, tuple[str, ...], int]
"""Where something stands among a shard's conclusions: (clock µs, 0 observation or 1 time, ordinal in its frame, subject, rule)."""

Ints = NDArray[np.int64]


class Ward:
    """One shard's sessions. `clock_us` is the shard's clock; `counts` what became of everything that came in."""

    def __init__(self, clock: Clock = "received") -> None:
        self.clock: Clock = clock
        self.clock_us = NEVER
        self.rows = Rows()
        self.known = Association()
        self.counts: Counter[str] = Counter()
        self._seen: dict[int, int] = {}
        self._site_limits: dict[str, tuple[Limit, ...]] = {}
        self._patient_limits: dict[tuple[str, str], LimitChanges] = {}
        self._tables: list[tuple[Limit, ...]] = [LIMITS]
        self._sets = LimitSets([arrays(LIMITS)])
        self._said: list[tuple[Place, Concluded]] = []

    # ---- one frame ---------------------------------------------------------------------------------------------

    def step(self, frame: Frame, received_us: int) -> list[tuple[Place, Concluded]]:
        """Fold in a frame; what was concluded, each with its place, in order."""
        if self.clock == "received":
            self.clock_us = max(self.clock_us, received_us)
        whole = not frame.events
        done = 0
        for number_, (position, record) in enumerate(frame.events):
            if position > done:
                self._samples(frame, done, position, done + number_, whole)
            done = position
            self._event(record, position + number_)
        if done < len(frame.at_us):
            self._samples(frame, done, len(frame.at_us), done + len(frame.events), whole)
        self._pass_time()
        said, self._said = self._said, []
        said.sort(key=lambda item: item[0])
        return said

    def _pass_time(self) -> None:
        """Let everything fall due that is due before now, for the sessions that had no sample to do it."""
        used = self.rows.due[: self.rows.count]
        late = np.flatnonzero(used < self.clock_us)
        if late.size:
            self._lapse(late, np.full(late.size, self.clock_us))

    # ---- samples -----------------------------------------------------------------------------------------------

    def _samples(self, frame: Frame, start: int, stop: int, ordinal: int, whole: bool) -> None:
        sent_us, origin = frame.at_us[start:stop], frame.origin[start:stop]
        at_us = sent_us
        if self.clock == "observed":
            clock_us = np.maximum(np.maximum.accumulate(at_us), self.clock_us)
            self.clock_us = int(clock_us[-1])
        else:
            clock_us = np.full(stop - start, self.clock_us)
            # A device whose clock runs ahead would make its own later samples late: use the time of arrival instead.
            at_us = np.where(at_us > clock_us + AHEAD, clock_us, at_us)
        self.counts["samples"] += stop - start
        row = self._find(frame.origins, origin, clock_us, ordinal, whole)
        index = np.arange(stop - start)
        usable = row >= 0
        if not usable.all():
            index = index[usable]
        if frame.authors:
            self._audit_samples(frame, start, stop, row, clock_us, ordinal)
        for turn in _rounds(row[index]):
            these = index[turn]
            self._round(frame, start, these, row[these], at_us[these], sent_us[these], clock_us[these], ordinal)

    def _find(
        self, origins: tuple[Origin, ...], origin: Ints, clock_us: Ints, ordinal: int, whole: bool
    ) -> Ints:
        """(n,) the row of each sample; an unannounced session is opened where none takes it, -1 where nobody is named."""
        rows = np.full(len(origins), -1)
        first = range(len(origins)) if whole else dict.fromkeys(origin.tolist())
        find = self.known.find
        for which in first:
            row = find(origins[which])
            if row is None:
                sample = int(np.argmax(origin == which))
                row = self._open_implicit(origins[which], int(clock_us[sample]), ordinal + sample)
            rows[which] = row
        return rows[origin]

    def _round(
        self, frame: Frame, start: int, index: Ints, row: Ints, at_us: Ints, sent_us: Ints, clock_us: Ints, ordinal: int
    ) -> None:
        """Samples of distinct sessions: judge, hold against the limits, and note what changed."""
        rows = self.rows
        late = rows.due[row] < clock_us
        if late.any():
            self._lapse(row[late], clock_us[late])
            for gone in np.flatnonzero(~rows.open[row]).tolist():
                # Given up while its frame waited: an unannounced session starts anew in the same row.
                origin = frame.origins[frame.origin[start + index[gone]]]
                self._open_implicit(origin, int(clock_us[gone]), ordinal + int(index[gone]), int(row[gone]))
        values, status = frame.values[start + index], frame.status[start + index]
        repeated = None if frame.keys is None else self._repeats(row, frame.keys[start + index])
        judged = judge(rows, row, at_us, clock_us, values, status, repeated)
        place = ordinal + index
        self._follow(row, at_us, sent_us, clock_us, judged, place)

        trusted, which = judged.trusted, rows.limit_set[row]
        low, high = self._sets.calm_low[which], self._sets.calm_high[which]
        hot = (trusted & ((values <= low) | (values >= high))).any(axis=1) | rows.warm[row] | trusted[:, _SBP] | trusted[:, _DBP]
        if hot.any():
            some = np.flatnonzero(hot)
            self._limits(row[some], at_us[some], clock_us[some], values[some], trusted[some], judged.held_us[some], place[some])

    def _follow(self, row: Ints, at_us: Ints, sent_us: Ints, clock_us: Ints, judged: Judged, place: Ints) -> None:
        """Note that these sessions were heard: what was absent is back, what froze is frozen."""
        rows = self.rows
        fresh = judged.any_fresh
        self.counts["repeated or late"] += len(row) - int(np.count_nonzero(fresh))
        rows.due[row] = np.minimum(rows.due[row], clock_us + STALE_AFTER)
        idle = rows.idle_due[row]
        rows.idle_due[row] = np.where(idle < FAR, clock_us + GIVE_UP_AFTER, FAR)
        before = rows.row_at[row]
        rows.watched[row] += np.where(before > NEVER, np.clip(at_us - before, 0, STALE_AFTER), 0)
        rows.row_at[row] = np.maximum(before, at_us)

        back = judged.trusted & rows.stale[row]
        returned = back.any(axis=1)
        if returned.any():
            rows.stale[row] &= ~back
        skewed = fresh & ((sent_us > clock_us + AHEAD) | (sent_us < clock_us - BEHIND))
        turned = fresh & (skewed != rows.skewed[row])
        begun = fresh & (rows.start_due[row] < FAR) | fresh & (before == NEVER)
        changed_ = returned | judged.froze | judged.thawed | turned | begun
        if not changed_.any():
            return
        rows.skewed[row] = np.where(turned, skewed, rows.skewed[row])
        for i in np.flatnonzero(changed_).tolist():
            one, at, clock = int(row[i]), int(at_us[i]), int(clock_us[i])
            here = (clock, 0, int(place[i]))
            if begun[i]:
                rows.start_due[one] = FAR
                self._say(one, "never-started", None, at, at, here, "The monitor has started.", {}, "")
            if returned[i] or judged.froze[i] or judged.thawed[i]:
                self._technical(one, at, here)
            if turned[i]:
                self._clock_skew(one, int(sent_us[i]), here, bool(skewed[i]))

    def _limits(
        self, row: Ints, at_us: Ints, clock_us: Ints, values: NDArray[np.float64], trusted: NDArray[np.bool_],
        held_us: Ints, place: Ints,
    ) -> None:  # fmt: skip
        """Hold samples against the limits. values, trusted, held_us: (n, C)."""
        n = len(row)
        readings = np.full((n, len(COLUMNS)), np.nan)
        good = np.zeros((n, len(COLUMNS)), bool)
        held = np.zeros((n, len(COLUMNS)), np.int64)
        readings[:, :_WIDTH], good[:, :_WIDTH], held[:, :_WIDTH] = values, trusted, held_us
        beats = np.where(trusted[:, _HR], _HR, _PULSE)
        every = np.arange(n)
        rate = COLUMN["rate"]
        readings[:, rate], good[:, rate], held[:, rate] = values[every, beats], trusted[every, beats], held_us[every, beats]
        cuffs = np.flatnonzero(trusted[:, _SBP] | trusted[:, _DBP]).tolist()
        for i in cuffs:
            self._rise(int(row[i]), readings[i], good[i], held[i])
        flips, since = hold(self.rows, self._sets, row, at_us, readings, good, held)
        for i in np.flatnonzero(flips.any(axis=1)).tolist():
            self._conclude(int(row[i]), int(at_us[i]), (int(clock_us[i]), 0, int(place[i])), flips[i], since[i], readings[i])
        for i in cuffs:
            self._cuff(int(row[i]), int(at_us[i]), (int(clock_us[i]), 0, int(place[i])), values[i])

    def limits_of(self, row: int) -> tuple[Limit, ...]:
        """The limits in force for a session."""
        return self._tables[int(self.rows.limit_set[row])]

    @property
    def watched_us(self) -> int:
        """Microseconds with data, over all sessions, ended ones included."""
        return self.counts["watched µs"] + int(self.rows.watched[: self.rows.count].sum())

    def _rise(self, row: int, readings: NDArray[np.float64], good: NDArray[np.bool_], held: Ints) -> None:
        baseline = self.baseline(row)
        for derived, measured, base in zip(("sbp-rise", "dbp-rise"), (_SBP, _DBP), baseline, strict=True):
            if base is not None and good[measured]:
                column = COLUMN[derived]
                readings[column], good[column], held[column] = readings[measured] - base, True, held[measured]

    def baseline(self, row: int) -> tuple[float | None, float | None]:
        """The session's own (systolic, diastolic): median of the good cuffs before the dose, else the first."""
        cuffs = self.known.sessions[row].baseline_cuffs
        pairs = np.array(cuffs, dtype=np.float64).reshape(-1, 2)
        sides = (pairs[~np.isnan(pairs[:, side]), side] for side in (0, 1))
        sbp, dbp = (float(np.median(side)) if side.size else None for side in sides)
        return sbp, dbp

    def _cuff(self, row: int, at_us: int, here: tuple[int, int, int], values: NDArray[np.float64]) -> None:
        """A cuff was read: it may set the baseline, and it starts the wait for the next."""
        session = self.known.sessions[row]
        if (session.dose_us is None and session.announced) or not session.baseline_cuffs:
            session.baseline_cuffs.append((float(values[_SBP]), float(values[_DBP])))
        self._expect_cuff(row, here[0])
        self._say(row, "vitals-overdue", None, at_us, at_us, here, "A cuff was read.", {}, "")

    def _expect_cuff(self, row: int, from_us: int) -> None:
        session = self.known.sessions[row]
        wait = session.protocol.cuff_overdue_us(session.phase(from_us))
        self.rows.cuff_due[row] = FAR if wait is None else from_us + wait
        self.rows.due[row] = min(self.rows.due[row], self.rows.cuff_due[row])

    def _repeats(self, row: Ints, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(n,) whether a sample's idempotency key is among its session's last eight; new ones are remembered."""
        ring = self.rows.keys[row]
        repeated: NDArray[np.bool_] = (ring == keys[:, None]).any(axis=1) & (keys != 0)
        new = (keys != 0) & ~repeated
        self.rows.keys[row[new]] = np.concatenate([keys[new, None], ring[new, :-1]], axis=1)
        return repeated

    # ---- conclusions -------------------------------------------------------------------------------------------

    def _conclude(
        self, row: int, at_us: int, here: tuple[int, int, int], flips: NDArray[np.bool_], since: Ints,
        readings: NDArray[np.float64],
    ) -> None:  # fmt: skip
        """Limits came into force or went out of it: say what that makes of their rules."""
        session = self.known.sessions[row]
        limits = self.limits_of(row)
        on = self.rows.on[row]
        for rule in sorted({limits[i].rule for i in np.flatnonzero(flips)}, key=RULE_INDEX.__getitem__):
            mine = [i for i, limit in enumerate(limits) if limit.rule == rule]
            title = RULES[rule].title
            forced = [i for i in mine if on[i]]
            minute = None if session.dose_us is None else (at_us - session.dose_us) / MINUTE
            if not forced:
                worst = next(i for i in mine if flips[i])
                text = f"{session.where}: {title} is over."
                evidence = limit_evidence(limits[worst], float(readings[COLUMN[limits[worst].channel]]), None, minute)
                self._say(row, rule, None, at_us, at_us, here, text, evidence, limits[worst].source)
                continue
            # Of the worst limits in force, the one that this reading is about; the first in the table otherwise.
            worst = max(forced, key=lambda i: (limits[i].priority, bool(flips[i]), -i))
            value = float(readings[COLUMN[limits[worst].channel]])
            if np.isnan(value):
                value = float(self.rows.value[row, COLUMN[limits[worst].channel]])
            baseline = self.baseline(row)[limits[worst].channel == "dbp-rise"] if limits[worst].channel.endswith("rise") else None
            evidence = limit_evidence(limits[worst], value, baseline, minute)
            onset_us = int(since[worst]) if flips[worst] else at_us
            text = limit_sentence(session.where, limits[worst], value, title)
            self._say(row, rule, limits[worst].priority, at_us, onset_us, here, text, evidence, limits[worst].source)

    def _say(
        self, row: int, rule: str, priority: Priority | None, at_us: int, onset_us: int, here: tuple[int, int, int],
        text: str, evidence: dict[str, object], source: str,
    ) -> None:  # fmt: skip
        """The rule now has this priority for the session (None: it is over). Silent where that is no news."""
        session = self.known.sessions[row]
        before = session.standing.get(rule)
        change: Literal["began", "changed", "ended"]
        if before is None:
            if priority is None:
                return
            change = "began"
            session.standing[rule] = Standing(priority, onset_us, text)
        elif priority is None:
            change, priority, onset_us = "ended", before.priority, before.onset_us
            del session.standing[rule]
        elif priority == before.priority:
            return
        else:
            change, onset_us = "changed", before.onset_us
            session.standing[rule] = Standing(priority, onset_us, text)
        subject = session.subject
        # The worst first, so that what it says already need not be paged again.
        rank = RULE_INDEX[rule] - len(RULE_INDEX) * int(priority)
        place = (*here, (subject.site, subject.patient, subject.session or ""), rank)
        finding = Finding(
            change, subject, rule, priority, min(at_us, here[0]), min(onset_us, here[0]), here[0],
            text, with_chair(evidence, subject.chair), source,
        )  # fmt: skip
        self._said.append((place, finding))

    def _technical(self, row: int, at_us: int, here: tuple[int, int, int]) -> None:
        """Channels went stale or came back: which technical rules hold now."""
        rows, session = self.rows, self.known.sessions[row]
        expected = CONTINUOUS & (rows.trusted_at[row, :_WIDTH] > NEVER)
        stale = rows.stale[row] & expected
        lost: dict[str, list[int]] = {}
        rules: tuple[str, ...] = ("no-data", "probe-off", "artefact", "implausible")
        rows.lost_due[row] = FAR
        if stale.any() and stale.sum() == expected.sum():
            lost["no-data"] = np.flatnonzero(stale).tolist()
            # What was lost before stays as it was said: silence neither begins nor ends it.
            rules = ("no-data",)
            if here[0] < (page_us := int(rows.heard[row, stale].max()) + PAGE_SILENCE_AFTER):
                rows.lost_due[row] = page_us
                rows.due[row] = min(rows.due[row], page_us)
        else:
            for column in np.flatnonzero(stale).tolist():
                lost.setdefault(_LOST_BY.get(int(rows.quality[row, column]), "probe-off"), []).append(column)
        if rows.frozen[row]:
            lost.setdefault("artefact", [])
        for rule in rules:
            title = RULES[rule].title
            if rule not in lost:
                self._say(row, rule, None, at_us, at_us, here, f"{session.where}: {title} is over.", {}, "")
                continue
            columns = lost[rule]
            names = [NAMES[column] for column in columns]
            onset_us = int(rows.heard[row, columns].max()) if columns else int(rows.changed_at[row])
            since_s = (here[0] - onset_us) / SECOND
            text = absence_sentence(session.where, title, names, since_s)
            if not columns:
                text = plain(session.where, title, f"All signals unchanged for {duration(since_s)}.")
            evidence: dict[str, object] = {"channels": names, "data_age_s": number(since_s)}
            evidence["quality"] = {NAMES[column]: QUALITIES[rows.quality[row, column]] for column in columns}
            priority = Priority.MEDIUM if rule == "no-data" and rows.lost_due[row] == FAR else Priority.LOW
            self._say(row, rule, priority, at_us, onset_us, here, text, evidence, "stale 30 s after the last good reading")

    def _clock_skew(self, row: int, at_us: int, here: tuple[int, int, int], skewed: bool) -> None:
        session = self.known.sessions[row]
        off_s = (at_us - here[0]) / SECOND
        text = plain(session.where, RULES["clock-skew"].title, f"The device's clock is {duration(abs(off_s))} off.")
        self._say(
            row, "clock-skew", Priority.LOW if skewed else None, at_us, at_us, here, text, {"off_s": number(off_s)},
            "more than 1 min ahead or 10 min behind",
        )  # fmt: skip

    # ---- absence -----------------------------------------------------------------------------------------------

    def _lapse(self, row: Ints, clock_us: Ints) -> None:
        """Find what is really due, and let it happen at its own instant."""
        rows = self.rows
        exact = self._next_due(row)
        rows.due[row] = exact
        for i in np.flatnonzero(exact < clock_us).tolist():
            one, until = int(row[i]), int(clock_us[i])
            due = int(exact[i])
            while due < until:
                self._fall_due(one, due)
                due = int(self._next_due(row[i : i + 1])[0])
            rows.due[one] = due

    def _next_due(self, row: Ints) -> Ints:
        """(n,) the exact instant of the next absence."""
        rows = self.rows
        heard = rows.heard[row]
        waiting = CONTINUOUS & (heard > NEVER) & ~rows.stale[row]
        quiet = np.where(waiting, heard + STALE_AFTER, FAR).min(axis=1)
        others = np.minimum(
            np.minimum(rows.start_due[row], rows.cuff_due[row]), np.minimum(rows.idle_due[row], rows.lost_due[row])
        )
        return np.minimum(quiet, others)

    def _fall_due(self, row: int, due_us: int) -> None:
        rows, session = self.rows, self.known.sessions.get(row)
        if session is None:
            return
        here = (due_us, 1, 0)
        if rows.idle_due[row] == due_us:
            self._close(row, due_us, here)
            return
        if rows.start_due[row] == due_us:
            rows.start_due[row] = FAR
            detail = f"Nothing from the monitor {duration(START_WITHIN / SECOND)} after the start."
            text = plain(session.where, RULES["never-started"].title, detail)
            self._say(row, "never-started", Priority.MEDIUM, due_us, due_us - START_WITHIN, here, text, {}, "3 min after session.started")
        if rows.cuff_due[row] == due_us:
            rows.cuff_due[row] = FAR
            heard = int(rows.heard[row, _SBP])
            last = f"Last cuff {duration((due_us - heard) / SECOND)} ago." if heard > NEVER else "No cuff yet."
            text = plain(session.where, RULES["vitals-overdue"].title, last)
            self._say(row, "vitals-overdue", Priority.LOW, due_us, due_us, here, text, {"phase": session.phase(due_us)}, session.protocol.source)
        gone = CONTINUOUS & (rows.heard[row] + STALE_AFTER == due_us) & (rows.heard[row] > NEVER) & ~rows.stale[row]
        if gone.any() or rows.lost_due[row] == due_us:
            rows.stale[row] |= gone
            self._technical(row, due_us, here)

    # ---- sessions ----------------------------------------------------------------------------------------------

    def _open(self, session: Session, clock_us: int, again: int | None = None) -> int:
        row = self.rows.take(again)
        self.known.admit(row, session)
        self.rows.limit_set[row] = self._limit_set(session.site, session.patient)
        if session.announced:
            self.rows.start_due[row] = self.rows.due[row] = clock_us + START_WITHIN
            self._expect_cuff(row, clock_us)
        else:
            self.rows.idle_due[row] = self.rows.due[row] = clock_us + GIVE_UP_AFTER
        return row

    def _open_implicit(self, origin: Origin, clock_us: int, ordinal: int, again: int | None = None) -> int:
        patient = origin.patient or origin.device or origin.session
        if patient is None:
            self.counts["samples of nobody"] += 1
            return -1
        session = Session(origin.site, origin.session, patient, announced=False, device=origin.device)
        session.chair = self.known.chair_of.get((origin.site, origin.device)) if origin.device else None
        row = self._open(session, clock_us, again)
        if self.clock == "received":
            text = plain(session.where, RULES["unscheduled"].title, "Watched all the same: start a session.")
            here = (clock_us, 0, ordinal)
            self._say(row, "unscheduled", Priority.LOW, clock_us, clock_us, here, text, {"device": origin.device}, "vitals without an open session")
        return row

    def _close(self, row: int, at_us: int, here: tuple[int, int, int]) -> None:
        session = self.known.sessions[row]
        for rule in sorted(session.standing, key=RULE_INDEX.__getitem__):
            text = f"{session.where}: {RULES[rule].title}; the session is over."
            self._say(row, rule, None, at_us, at_us, here, text, {"session_over": True}, "")
        self.counts["watched µs"] += int(self.rows.watched[row])
        self.known.dismiss(row)
        self.rows.give_back(row)

    # ---- everything but vitals ---------------------------------------------------------------------------------

    def _event(self, record: Event | SetAside | Conflicted, ordinal: int) -> None:
        at_us = to_us(record.at)
        ours = isinstance(record, SetAside | Conflicted)
        if self.clock == "observed" and not ours:
            self.clock_us = max(self.clock_us, at_us)
        self._pass_time()
        here = (self.clock_us, 0, ordinal)
        if isinstance(record, SetAside):
            self._set_aside(record, here, record.field, record.reason, record.line)
            return
        if isinstance(record, Conflicted):
            self._conflict(record, here)
            return
        self.counts["events"] += 1
        key = key_hash(_identity(record, at_us))
        seen = self._seen.get(key)
        if seen is not None and self.clock_us - seen < REMEMBER_KEYS:
            self.counts["repeated or late"] += 1
            return
        self._seen[key] = self.clock_us
        match record:
            case PatientRegistered():
                self._register(record, here)
            case DeviceAssigned():
                self.known.assign(record.site, record.device, record.chair)
                self._audit(record, here)
            case SessionStarted():
                self._start(record, at_us, here)
            case Dose() | DoseStopped():
                self._dose(record, at_us, here)
            case CheckIn():
                self._check_in(record, at_us, here)
            case SessionEnded():
                self._end(record, at_us, here)
            case SiteConfigured():
                self._configure(record, here)
            case Command():
                self._tell(record, here)
            case _:
                self._audit(record, here)

    def _tell(self, conclusion: Concluded, here: tuple[int, int, int], rank: int = -10_000) -> None:
        self._said.append(((*here, (), rank), conclusion))

    def _audit(self, record: Event, here: tuple[int, int, int], outcome: str = "accepted") -> None:
        doc = record.model_dump(mode="json", exclude_none=True)
        by = getattr(record, "by", None)
        entry = AuditEntry(iso(to_us(record.at)), record.site, record.patient, record.session, record.kind, by, outcome, doc)
        self._tell(entry, here)

    def _audit_samples(
        self, frame: Frame, start: int, stop: int, row: Ints, clock_us: Ints, ordinal: int
    ) -> None:
        """What a person entered by hand, a cuff as a rule, is an entry as well as a sample."""
        for sample, by in frame.authors.items():
            if not start <= sample < stop:
                continue
            site, session, patient, device, source = frame.origins[frame.origin[sample]]
            held = self.known.sessions.get(int(row[sample - start]))
            doc: dict[str, Any] = {
                name: number(float(value))
                for name, value in zip(NAMES, frame.values[sample], strict=True)
                if value == value
            }
            if held is not None:
                session, patient = held.name, held.patient
            at = iso(int(frame.at_us[sample]))
            doc = {"kind": "vitals", "at": at, **doc, "device": device, "source": source}
            entry = AuditEntry(at, site, patient, session, "vitals", by, "accepted", {k: v for k, v in doc.items() if v is not None})
            self._tell(entry, (int(clock_us[sample - start]), 0, ordinal + sample - start))

    def _set_aside(self, record: Event | SetAside, here: tuple[int, int, int], field: str, reason: str, line: str | None = None) -> None:
        text = record.model_dump_json(exclude_none=True) if line is None else line
        self.counts["set aside"] += 1
        self._tell(DeadLetter(iso(max(here[0], 0)), record.site, field, reason, text[:2000]), here)

    def _conflict(self, record: Conflicted, here: tuple[int, int, int]) -> None:
        text = f"Records disagree: effect {record.effect} of frame {record.offset}. Tell whoever runs Chairside."
        evidence = {"offset": record.offset, "effect": record.effect, "stored": record.stored, "offered": record.offered}
        subject = Subject(record.site, "-", None)
        self._tell(
            Finding("began", subject, "integrity", Priority.MEDIUM, here[0], here[0], here[0], text, evidence, "an effect's key names one content"),
            here,
        )  # fmt: skip

    def _register(self, record: PatientRegistered, here: tuple[int, int, int]) -> None:
        if record.limits is not None:
            try:
                changed(self._site_limits.get(record.site, LIMITS), record.limits)
            except LimitRefused as refused:
                self._set_aside(record, here, refused.field, refused.reason)
                return
            self._patient_limits[record.site, record.patient] = record.limits
            self._apply_limits(record.site)
        self._audit(record, here)

    def _configure(self, record: SiteConfigured, here: tuple[int, int, int]) -> None:
        try:
            self._site_limits[record.site] = changed(LIMITS, record.limits)
        except LimitRefused as refused:
            self._set_aside(record, here, refused.field, refused.reason)
            return
        self._apply_limits(record.site)
        self._audit(record, here)
        self._tell(record, here, 0)

    def _apply_limits(self, site: str) -> None:
        for row, session in self.known.sessions.items():
            if session.site == site:
                self.rows.limit_set[row] = self._limit_set(site, session.patient)

    def _limit_set(self, site: str, patient: str) -> int:
        table = self._site_limits.get(site, LIMITS)
        mine = self._patient_limits.get((site, patient))
        if mine is not None:
            try:
                table = changed(table, mine)
            except LimitRefused:
                # The site's table changed since, and the two no longer go together: the patient's own was signed off alone.
                table = changed(LIMITS, mine)
        if table not in self._tables:
            self._tables.append(table)
            self._sets = LimitSets([arrays(each) for each in self._tables])
        return self._tables.index(table)

    def _start(self, record: SessionStarted, at_us: int, here: tuple[int, int, int]) -> None:
        row = self.known.by_name.get((record.site, record.session))
        if row is not None and self.known.sessions[row].announced:
            self._set_aside(record, here, "session", f"session {record.session} is open already")
            return
        session = Session(
            record.site, record.session, record.patient, announced=True, chair=record.chair, device=record.device,
            drug=record.drug, route=record.route, planned_mg=record.planned_mg, planned_minutes=record.planned_minutes,
            started_us=at_us,
        )  # fmt: skip
        if session.chair is None and session.device is not None:
            session.chair = self.known.chair_of.get((session.site, session.device))
        for earlier in [row for row, other in self.known.sessions.items() if not other.announced and _same_place(other, session)]:
            self._close(earlier, at_us, here)
        self._open(session, here[0])
        self._audit(record, here)

    def _of(self, record: Event) -> int | None:
        """The open session that an entry is about: the one it names, else its patient's."""
        if record.session is not None:
            return self.known.by_name.get((record.site, record.session))
        return None if record.patient is None else self.known.by_patient.get((record.site, record.patient))

    def _dose(self, record: Dose | DoseStopped, at_us: int, here: tuple[int, int, int]) -> None:
        row = self._of(record)
        if row is None and record.session is not None:
            self._set_aside(record, here, "session", f"no open session {record.session}")
            return
        if row is not None and record.session is not None:
            session = self.known.sessions[row]
            if isinstance(record, DoseStopped):
                session.stopped_us, session.given_mg = at_us, record.given_mg
            else:
                session.dose_us = at_us if session.dose_us is None else session.dose_us
                session.dose_minutes, session.given_mg = record.minutes, record.amount_mg
                session.drug, session.route = record.drug or session.drug, record.route or session.route
            if self.rows.cuff_due[row] < FAR:
                self._expect_cuff(row, here[0])
        self._audit(record, here)

    def _check_in(self, record: CheckIn, at_us: int, here: tuple[int, int, int]) -> None:
        try:
            score = score_of(record.instrument, record.items, record.score)
        except ScoreRefused as refused:
            self._set_aside(record, here, refused.field, str(refused))
            return
        self._audit(record, here)
        row = self._of(record)
        if row is None or score is None:
            return
        scores = self.known.sessions[row].scores
        if record.instrument not in scores or scores[record.instrument][1] < at_us:
            scores[record.instrument] = (score, at_us)
        if record.instrument in _SCORES:
            self._score(row, at_us, here, *_SCORES[record.instrument], score)

    def _score(self, row: int, at_us: int, here: tuple[int, int, int], column_name: str, scale: float, score: float) -> None:
        """Hold a score against its limits, as one reading of one session."""
        column = COLUMN[column_name]
        if at_us <= self.rows.at[row, column]:
            return
        readings = np.full((1, len(COLUMNS)), np.nan)
        readings[0, column] = score * scale
        good = ~np.isnan(readings)
        held = np.full((1, len(COLUMNS)), at_us - int(self.rows.trusted_at[row, column]))
        self.rows.value[row, column] = score * scale
        self.rows.at[row, column] = self.rows.trusted_at[row, column] = at_us
        flips, since = hold(self.rows, self._sets, np.array([row]), np.array([at_us]), readings, good, held)
        if flips.any():
            self._conclude(row, at_us, here, flips[0], since[0], readings[0])

    def _end(self, record: SessionEnded, at_us: int, here: tuple[int, int, int]) -> None:
        row = self.known.by_name.get((record.site, record.session or ""))
        if row is None:
            self._set_aside(record, here, "session", f"no open session {record.session}")
            return
        self._close(row, at_us, here)
        self._audit(record, here)

    # ---- state -------------------------------------------------------------------------------------------------

    def packed(self) -> dict[str, Any]:
        """Everything that the next frame depends on, msgpack-able; `unpacked` gives it back."""
        fresh = {key: seen for key, seen in self._seen.items() if self.clock_us - seen < REMEMBER_KEYS}
        return {
            "state": STATE,
            "clock": self.clock,
            "clock_us": self.clock_us,
            "rows": self.rows.packed(),
            "known": self.known.packed(),
            "counts": dict(sorted(self.counts.items())),
            "seen": sorted(fresh.items()),
            "site_limits": [[site, _dumped(table)] for site, table in sorted(self._site_limits.items())],
            "patient_limits": [
                [*key, {r: {p: {c: x.model_dump(exclude_none=True) for c, x in cs.items()} for p, cs in ps.items()} for r, ps in changes.items()}]
                for key, changes in sorted(self._patient_limits.items())
            ],
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Ward:
        """The ward of `packed`.

        Raises:
            UnknownState: written by a version that this one does not know.
        """
        if packed.get("state") != STATE:
            raise UnknownState(packed.get("state"))
        ward = cls(packed["clock"])
        ward.clock_us = packed["clock_us"]
        ward.rows = Rows.unpacked(packed["rows"])
        ward.known = Association.unpacked(packed["known"])
        ward.counts = Counter(packed["counts"])
        ward._seen = dict(packed["seen"])
        ward._site_limits = {site: _loaded(table) for site, table in packed["site_limits"]}
        ward._patient_limits = {
            (site, patient): PatientRegistered.model_validate({"at": "1970-01-01T00:00:00Z", "patient": patient, "limits": changes}, strict=False).limits or {}
            for site, patient, changes in packed["patient_limits"]
        }
        for row, session in sorted(ward.known.sessions.items()):
            ward.rows.limit_set[row] = ward._limit_set(session.site, session.patient)
        return ward


class UnknownState(ValueError):
    """A checkpoint of a format that this version does not read: upgrade, or go back to the version that wrote it."""

    def __init__(self, version: object) -> None:
        super().__init__(f"checkpoint format {version!r}; this version reads {STATE}")


def _rounds(row: Ints) -> list[Ints]:
    """Indices of samples in rounds: each row at most once a round, a row's samples in order over the rounds."""
    if len(row) < 2:
        return [np.arange(len(row))] if len(row) else []
    order = np.argsort(row, kind="stable")
    ranked = row[order]
    first = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    if len(first) == len(row):
        return [np.arange(len(row))]
    lengths = np.diff(np.concatenate([first, [len(row)]]))
    turn = np.arange(len(row)) - np.repeat(first, lengths)
    by_turn = np.argsort(turn, kind="stable")
    bounds = np.searchsorted(turn[by_turn], np.arange(1, int(turn.max()) + 1))
    return [np.sort(order[part]) for part in np.split(by_turn, bounds)]


def _same_place(implicit: Session, started: Session) -> bool:
    """Whether an unannounced session is what this one announces, late."""
    if implicit.site != started.site:
        return False
    if implicit.name is not None:
        return implicit.name == started.name
    return implicit.patient == started.patient or (implicit.device is not None and implicit.device == started.device)


def _identity(record: Event, at_us: int) -> str:
    """What makes two events the same: the sender's id, else source, kind, patient and instant.

    Two instruments answered at once, or two alerts acknowledged at once, are two events: their own subject counts too.
    """
    if record.id is not None:
        return f"{record.site}\x1f{record.id}"
    parts = [record.site, record.source or getattr(record, "device", None), record.kind, record.patient, str(at_us)]
    parts += [getattr(record, name, None) for name in ("session", "instrument", "what", "alert", "chair", "drug")]
    return "\x1f".join(part or "" for part in parts) + "\x1e"


def _dumped(table: tuple[Limit, ...]) -> list[list[Any]]:
    return [[*limit.key, limit.enter, limit.leave, limit.hold_s, limit.leave_s, limit.enabled] for limit in table]


def _loaded(table: list[list[Any]]) -> tuple[Limit, ...]:
    """The site's table on top of today's: rows that are new in this version keep their defaults."""
    theirs = {tuple(row[:3]): row[3:] for row in table}
    rows = []
    for limit in LIMITS:
        if limit.key in theirs:
            enter, leave, hold_s, leave_s, enabled = theirs[limit.key]
            limit = replace(limit, enter=enter, leave=leave, hold_s=hold_s, leave_s=leave_s, enabled=enabled)
        rows.append(limit)
    return tuple(rows)
