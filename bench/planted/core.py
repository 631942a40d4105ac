"""Faults in what else decides: timers, absence, whose a sample is, sessions; and the outbox."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.planted.fault import Fault, Suite

_timers = partial(Fault, file="streams/ward/timers.py")
_lasting = partial(Fault, file="streams/ward/rules/lasting.py")
_predose = partial(Fault, file="streams/ward/rules/predose.py")
_cuffs = partial(Fault, file="streams/ward/cuffs.py")
_loop = partial(Fault, file="streams/ward/loop.py")
_absence = partial(Fault, file="streams/ward/absence.py")
_sessions = partial(Fault, file="streams/ward/sessions.py")
_known = partial(Fault, file="streams/ward/association.py")
_outbox = partial(Fault, file="alerts/store/outbox.py")

# fmt: off
TIMERS: Final = Suite(
    "Timers of a treatment",
    ("tests/streams/ward/test_treatment.py", "tests/streams/ward/test_before_the_dose.py", "tests/streams/ward/test_leaving.py",
     "tests/streams/ward/test_seen.py", "tests/streams/ward/test_absence.py"),
    (
        _timers("T1", old="    if state.rows.cuff_due[row] < FAR and not corrected:\n", new="    if not corrected:\n",
                why="a corrected dose waits for a cuff again that is overdue and said already"),
        _timers("T2", old="session.lasting_due_us = max(dose_us + LASTING_AFTER, clock_us)", new="session.lasting_due_us = dose_us + LASTING_AFTER",
                why="of a dose entered three hours late, what lasts is said an hour ago"),
        _timers("T3", old="any(cuff.at_us >= peak_us - PEAK_WITHIN for cuff", new="any(cuff.at_us > peak_us - PEAK_WITHIN for cuff",
                why="a cuff 10 min before the peak is not the pressure at the peak, where the dose is entered after it"),
        _timers("T4", old="None if peak_us is None or seen else max(peak_us", new="None if peak_us is None else max(peak_us",
                why="the pressure at the peak is overdue though it was taken, where the dose was entered late"),
        _cuffs("T5", old="    if not cuff.doubted:\n", new="    if True:\n",
                why="a doubted cuff is the highest that the monitor saw"),
        _timers("T6", old="peak_us is not None and cuff.at_us >= peak_us - PEAK_WITHIN:", new="peak_us is not None and cuff.at_us >= peak_us:",
                why="only a cuff after the peak is the pressure at the peak"),
        _timers("T7", old="if session.dose_us is not None and minutes is not None:", new="if minutes is not None:",
                why="check-ins are expected before the dose"),
        _timers("T8", old=' and newest["cadss"].scale[1] <= GONE', new="",
                why="nobody asks any more though dissociation is not gone"),
        _timers("T9", old="if session.dose_us is None or clock_us < session.dose_us + round(session.protocol.observe_min * MINUTE):",
                new="if session.dose_us is None:",
                why="nobody asks any more after the first good scores"),
        _timers("T10", old="        if not _resolved(state, row, due_us):\n", new="        if True:\n",
                why="a check-in is overdue though nothing more is to be asked"),
        _lasting("T11", old="if session.dose_us is None or clock_us < session.dose_us + LASTING_AFTER:",
                new="if session.dose_us is None or clock_us <= session.dose_us + LASTING_AFTER:",
                why="what lasts is not said two hours after the dose"),
        _predose("T12", old="if dose_us is None or cuff.at_us <= dose_us]", new="if dose_us is None or cuff.at_us < dose_us]",
                why="a cuff of the minute of the dose is not before it"),
        _predose("T13", old="before and _is_above(newest, ask) and _is_above(before[-1], ask)", new="before and _is_above(newest, ask)",
                why="a pressure that rose after the dose is asked about as one before it"),
        _predose("T14", old="cuff.sbp > ask[0] or cuff.dbp > ask[1]", new="cuff.sbp > ask[0] and cuff.dbp > ask[1]",
                why="one high pressure before the dose asks nothing"),
        _predose("T15", old="cuff.sbp > ask[0] or cuff.dbp > ask[1]", new="cuff.sbp >= ask[0] or cuff.dbp >= ask[1]",
                why="the pressure at which the protocol asks nothing asks"),
        _lasting("T16", old="onset_us = min(at_us, session.dose_us + LASTING_AFTER)", new="onset_us = at_us",
                why="what lasts begins when somebody scores it, not two hours after the dose"),
        _timers("T17", old="rows.timer_due[row] = min(due, default=FAR)", new="rows.timer_due[row] = max(due, default=FAR)",
                why="of several timers the last falls due first"),
        _timers("T18", old="PEAK_WITHIN, clock_us)", new="PEAK_WITHIN, 0)",
                why="of a dose entered late, the pressure at the peak is overdue in the past"),
    ),
)  # fmt: skip

ABSENCE: Final = Suite(
    "Absence",
    ("tests/streams/ward/test_absence.py", "tests/streams/ward/test_ward.py", "tests/streams/ward/test_association.py",
     "tests/streams/ward/test_quality.py", "tests/test_stories.py", "tests/streams/ward/test_ward_properties.py"),
    (
        _loop("A1", old="            if due[row] < clock_us:\n                return row", new="            if due[row] <= clock_us:\n                return row",
              why="what comes at the instant of an absence comes too late"),
        _absence("A2", old="    elif session.idle_due < FAR:", new="    if session.idle_due < FAR:",
                 why="lines sent again keep an unannounced session open"),
        _absence("A3", old="min(max(sample.at_us - before_us, 0), STALE_AFTER)", new="max(sample.at_us - before_us, 0)",
                 why="an hour of silence counts as an hour watched"),
        _absence("A4", old="skewed = corrected_us > CLOCK_AHEAD or", new="skewed =",
                 why="a clock that was corrected is not said to be wrong"),
        _absence("A5", old="sample.sent_us < sample.clock_us - CLOCK_BEHIND", new="sample.sent_us < sample.clock_us - CLOCK_AHEAD",
                 why="a batch two minutes late is a wrong clock"),
        _absence("A6", old="sample.begun = sample.any_fresh and (", new="sample.begun = (",
                 why="a line that says nothing starts the monitor"),
        _absence("A7", old='        rules = ("no-data",)\n', new="",
                 why="silence ends what was said of a probe"),
        _absence("A8", old="page_us if here[0] < page_us else FAR", new="page_us if here[0] > page_us else FAR",
                 why="silence never pages"),
        _absence("A9", old=" == FAR and session.announced) or", new=" == FAR) or",
                 why="the silence of somebody whom nobody announced pages"),
        _absence("A10", old="page_us = max(stale_due[column]", new="page_us = min(stale_due[column]",
                 why="silence pages two minutes after the first lost probe, not after the last signal"),
        _absence("A11", old="    STEP: \"artefact\",\n", new="",
                 why="what was lost in a step is a probe that is off"),
        _absence("A12", old="        rows.stale[row] |= gone\n", new="        rows.stale[row] = gone\n",
                 why="a second lost channel gives the first one back"),
        Fault("A13", "streams/ward/signal/beat.py", old="if not channels[column].continuous or not sample.fresh[column]:", new="if not sample.fresh[column]:",
              why="a cuff is lost half a minute after it was taken"),
        _absence("A14", old="sample.skewed = sample.any_fresh and skewed", new="sample.skewed = skewed",
                 why="a line that says nothing sets a clock right"),
        _absence("A15", old="        rows.start_due[row] = FAR\n        detail", new="        detail",
                 why="a monitor that never started is said for ever"),
    ),
)  # fmt: skip

WHOSE: Final = Suite(
    "Whose a sample is, and sessions",
    ("tests/streams/ward/test_association.py", "tests/streams/ward/test_ward.py", "tests/streams/ward/test_state.py",
     "tests/streams/ward/test_filing.py", "tests/streams/ward/test_cuffs.py", "tests/test_stories.py", "tests/streams/ward/test_ward_properties.py"),
    (
        _known("W1", old="        if origin.session is not None:\n            row = self.by_name", new="        if origin.session is not None and origin.patient is None:\n            row = self.by_name",
               why="a line that names session and patient goes by the patient"),
        _known("W2", old="        self.by_device.pop((site, device), None)\n        self._forget()\n\n    def add", new="        self._forget()\n\n    def add",
               why="a device that got a chair still serves whom it served before, once that chair is empty"),
        _known("W3", old="self.by_patient.setdefault((site, session.patient), row)", new="self.by_patient[site, session.patient] = row",
               why="a session that nobody announced takes a patient's check-ins from the announced one"),
        _known("W4", old="self.by_chair.setdefault((site, session.chair), row)\n            elif", new="self.by_chair[site, session.chair] = row\n            elif",
               why="a session that nobody announced takes the chair of an announced one"),
        _known("W5", old="if others and (session.site, session.patient) not in self.by_patient:", new="if False:",
               why="whoever has another session open is nobody's once one of them is over"),
        _known("W6", old="if cuff.at_us <= self.doses[0].at_us and not cuff.doubted]", new="if cuff.at_us < self.doses[0].at_us and not cuff.doubted]",
               why="the cuff of the minute of the dose is no baseline"),
        _known("W7", old="[*self.cuffs[:1], *self.cuffs[1:][1 - CUFFS_KEPT :], cuff]", new="[*self.cuffs[1 - CUFFS_KEPT :], cuff]",
               why="after forty cuffs the first is forgotten, which may be the baseline"),
        _known("W8", old="(max(before_us, newest_us), clock_us)", new="(newest_us, clock_us)",
               why="what a device said before it changed hands twice goes to the last"),
        _known("W9", old="if clock_us - left[1] < CUTOFFS_KEPT_FOR\n            ]", new="if clock_us - left[1] < 0\n            ]",
               why="after a restart a late line goes to whoever sits there now"),
        _known("W11", old="return protocol_of(self.drug, self.route) if self.announced else UNSCHEDULED", new="return protocol_of(self.drug, self.route)",
               why="who was watched for want of anybody is expected to have cuffs"),
        _known("W12", old="before = [cuff for cuff in self.cuffs if not cuff.doubted] if self.announced else []", new="before = [cuff for cuff in self.cuffs if not cuff.doubted]",
               why="the baseline of who was never announced is made of what happens during the treatment"),
        _sessions("W13", old="    rows.idle_due[row] = FAR\n", new="",
                  why="a session announced late is given up after an hour without its monitor"),
        _sessions("W14", old='if rule != "unscheduled":\n            detail', new='if True:\n            detail',
                  why="a session that is announced still says that nobody announced it"),
        _sessions("W15", old="if cuff.at_us > here[0] - GIVE_UP_AFTER]", new="]",
                  why="cuffs of hours ago are the baseline of a session announced now"),
        _sessions("W16", old="    if twin is not None:\n", new="    if False:\n",
                  why="two open sessions go by one name, and their alerts are one"),
        _sessions("W17", old="    update_past(state, row, here[0])\n", new="",
                  why="nothing of a session is usual for this person the next time"),
        _sessions("W18", old="session.cuff_rules, session.doses = before.cuff_rules, before.doses", new="session.doses = before.doses",
                  why="a crisis that waits for its recheck is forgotten when the session is announced"),
    ),
)  # fmt: skip

OUTBOX: Final = Suite(
    "The outbox",
    ("tests/alerts/test_pager.py", "tests/alerts/test_store.py", "tests/alerts/test_people.py"),
    (
        _outbox("O1", old="sa.or_(DELIVERIES.c.due_us <= _NOW, DELIVERIES.c.due_us > _NOW + LONGEST_WAIT_US)", new="DELIVERIES.c.due_us <= _NOW",
                why="a due time written under a wrong clock holds for years"),
        _outbox("O2", old="OUTBOX.c.rank.desc(), OUTBOX.c.at_us", new="OUTBOX.c.at_us",
                why="the oldest page goes before the worst"),
        _outbox("O3", old='DELIVERIES.c.state == "sending", DELIVERIES.c.attempts == owed.attempt', new='DELIVERIES.c.state == "sending"',
                why="a sender whose lease ran out takes the page from the one that has it now"),
        _outbox("O4", old='DELIVERIES.c.state == "sending", DELIVERIES.c.attempts == owed.attempt', new="DELIVERIES.c.attempts == owed.attempt",
                why="a page that arrived is sent again because its sender gave up on it"),
        _outbox("O5", old='LIVE: Final = ("pending", "reserve", "sending", "taken", "failed")', new='LIVE: Final = ("pending", "reserve", "taken", "failed")',
                why="a page whose sender died is never sent"),
        _outbox("O7", old="(planning if page.audience == \"scheduler\" else watching) or destinations", new="planning if page.audience == \"scheduler\" else watching or destinations",
                why="without a scheduler its pages are owed to nobody"),
        _outbox("O8", old="(planning if page.audience == \"scheduler\" else watching) or destinations", new="(planning or destinations) if page.audience == \"scheduler\" else watching",
                why="where everybody plans visits, a watch's page is owed to nobody"),
        _outbox("O9", old="OUTBOX.c.key == key, OUTBOX.c.sent_us.is_(None))", new="OUTBOX.c.key == key)",
                why="a page that arrived again arrived then"),
        _outbox("O10", old="due_us=now_us + min(lease_us, LONGEST_WAIT_US)", new="due_us=now_us + lease_us",
                why="a lease longer than the longest wait is claimed by two at once"),
        _outbox("O11", old='~_delivery(*LIVE, "abandoned", "superseded"))', new='~_delivery(*LIVE))',
                why="a page that was given up is owed again whenever destinations change"),
        _outbox("O12", old="where=DELIVERIES.c.state == \"retired\"", new="where=DELIVERIES.c.state != \"sent\"",
                why="addressing a page again makes a claimed delivery pending"),
        _outbox("O13", old="sa.and_(over, _delivery(\"abandoned\"))", new="sa.and_(unsent, _delivery(\"abandoned\"))",
                why="a page that one destination gave up counts as abandoned while another tries"),
        _outbox("O14", old="return sa.and_(DELIVERIES.c.attempts == 0, high", new="return sa.and_(DELIVERIES.c.attempts >= 0, high",
                why="retries take the room of a new high page"),
        _outbox("O15", old="sa.update(DELIVERIES).where(*_others(delivery, \"reserve\", \"taken\")).values(state=\"spared\")", new="sa.update(DELIVERIES).where(sa.false()).values(state=\"spared\")",
                why="who was reached is called by their next method too"),
    ),
)  # fmt: skip
# fmt: on
