"""The desk: the pure state of a shard's alerts. Findings, commands and time in; transitions, entries and pages out.

One alert at most is open for a patient's session and rule. What a step does is decided by `lifecycle.py`; this file keeps
the alerts and numbers the transitions of each site. When a page about one is owed is `paging.py`'s, whom it calls and when the
next one is due `ladder.py`'s.
Never here: a clock, I/O, a decision without its reason in the transition's evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

from alerts.desk.alert import Alert, AlertKey, alert_key, in_order, renamed_keys, standing
from alerts.desk.digest import digest_page
from alerts.desk.ladder import AGAIN, Call, Ladder, all_called, choose
from alerts.desk.lifecycle import Move, Refusal, Stimulus, decide, stimulus_of_close
from alerts.desk.open_alerts import OpenAlerts
from alerts.desk.paging import Paging, news_page
from alerts.desk.site import DeskSite
from alerts.effects import AuditEntry, Cause, DeadLetter, Effect, Forecast, PageKind, Transition
from alerts.rota.watch import watch
from models.faults import Due, falling_due
from models.findings import Digest, Finding, Subject
from models.instants import DAY, FAR, HOUR, MINUTE, iso, to_us
from models.oncall import NOWHERE
from models.tables.rules import RULES, Priority
from models.wire.live import AlertPhase, TransitionKind
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertEscalated,
    AlertSnoozed,
    AlertUnsnoozed,
    Command,
    RotaOverride,
    SiteConfigured,
)

DESK_FORMAT: Final = 3
OLDER_DESKS: Final = {
    1: "knew no ladders and no rota: what it had open and unanswered gets a ladder at the next frame, and is paged after its first wait",
    2: "did not watch the rota for holes: they are looked for at the next frame",
}
"""The formats of earlier versions that this one reads, each with what has changed since and how it is read all the same."""
ACKNOWLEDGED_FOR: Final = {
    Priority.HIGH: 10 * MINUTE,
    Priority.MEDIUM: 30 * MINUTE,
    Priority.LOW: HOUR,
    Priority.INFO: 4 * HOUR,
}
"""How long an acknowledgement of a condition that goes on lasts. Chosen by us: long enough to act, too short to forget
(acknowledgements that never ran out: goalert#3378)."""
ACKNOWLEDGED_AT_HOME: Final = {Priority.MEDIUM: 3 * DAY, Priority.LOW: 7 * DAY, Priority.INFO: 7 * DAY}
"""The same where nobody sits in a chair: three days to reach somebody (a weekend), a week (until the next check-in) to plan
a visit. Chosen by us."""
SNOOZE_AT_MOST: Final = HOUR
"""Chosen by us: about the time from a dose's peak to ready."""

_STIMULI: Final[dict[type[Command], Stimulus]] = {
    AlertAcknowledged: Stimulus.ACKNOWLEDGE,
    AlertSnoozed: Stimulus.SNOOZE,
    AlertUnsnoozed: Stimulus.UNSNOOZE,
    AlertClosed: Stimulus.CLOSE,
    AlertEscalated: Stimulus.ESCALATE,
}
_CLOSES: Final = (Stimulus.CLOSE, Stimulus.CLOSE_MEASURED)

NO_TIME_YET: Final = 0
"""The instant of a configuration that stands before a recording's first line, 1970-01-01."""


class Desk:
    """One shard's alerts. Call `advance` before anything that happens later, then `find` or `command`; `take` the effects."""

    def __init__(self, shard: int = 0) -> None:
        self.shard = shard
        self.open = OpenAlerts()
        self._sites: dict[str, DeskSite] = {}
        self._paging = Paging()
        self._closed: dict[AlertKey, Priority] = {}
        """Alerts that a person closed while their condition, which is not measured, went on, with the worst priority since."""
        self._effects: list[Effect] = []
        self._offset = 0
        self._without_ladder = False
        """Whether alerts of an older format may be open."""
        self._watch_us = FAR
        """The smallest `watch_us` of a site."""
        self._unwatched = False
        """Whether an older format has left sites whose rota nobody watches."""
        self.left_out: dict[Due, str] = {}
        """What falls due in this frame and is left out, with what it raised; the shard fills it when it takes a frame again."""

    def begin(self, offset: int) -> None:
        """Set the frame that causes the effects from now on."""
        self._offset = offset

    def add(self, effect: AuditEntry | DeadLetter | Forecast) -> None:
        """Append an effect that the ward made, in its place among the desk's."""
        self._effects.append(effect)

    def take(self) -> tuple[Effect, ...]:
        """The effects since the last call, in order."""
        taken, self._effects = tuple(self._effects), []
        return taken

    # ---- time --------------------------------------------------------------------------------------------------

    def advance(self, clock_us: int) -> None:
        """Run out and page whatever is due before `clock_us`, each at its own instant, in order."""
        if self._without_ladder:
            self._give_ladders(clock_us)
        if self._unwatched:
            self._unwatched = False
            self._watch_rotas(self._sites, clock_us)
        while (due := min(self.open.next_due_us, self._watch_us)) < clock_us:
            if due == self._watch_us:
                names = [name for name, site in self._sites.items() if site.watch_us == due]
                self._watch_rotas(names, clock_us if due == NO_TIME_YET else due)
            alerts = self.open.take_due(due)
            for alert in sorted(alerts, key=lambda alert: (alert.onset_us, alert.id)):
                if alert.until_us == due and not self._is_left_out(alert, due):
                    with falling_due(Due("alert", (alert.id,), due)):
                        self._step(alert, Stimulus.RAN_OUT, due, due, {})
            for alert in sorted(alerts, key=lambda alert: (-alert.priority, alert.onset_us, alert.id)):
                if alert.page_due_us == due and not self._is_left_out(alert, due):
                    with falling_due(Due("alert", (alert.id,), due)):
                        self._call(alert, due)

    def _is_left_out(self, alert: Alert, due_us: int) -> bool:
        """Whether what is due of an alert raised when the frame was taken first: then it never happens, and that is alerted."""
        raised = self.left_out.get(Due("alert", (alert.id,), due_us))
        if raised is None:
            return False
        alert.until_us = FAR if alert.until_us == due_us else alert.until_us
        if alert.page_due_us == due_us:
            # The page is left out, not the ladder: it goes on.
            alert.page_due_us = due_us + AGAIN[alert.priority]
            self.open.note_due(alert)
        whose = alert.subject
        self._tell_left_out(
            Subject(whose.site, whose.patient, None, whose.chair), f"an alert ({alert.rule})", raised, due_us
        )
        return True

    def _tell_left_out(self, subject: Subject, what: str, raised: str, due_us: int) -> None:
        title = RULES["integrity"].title
        text = f"{subject.patient}: {title}. What fell due of {what} could not be worked out: look after it by hand, and tell whoever runs Chairside."
        self.find(
            Finding("began", subject, "integrity", Priority.MEDIUM, due_us, due_us, due_us, text, {"raised": raised}, "a fault of Chairside itself")
        )  # fmt: skip

    def _watch_rotas(self, names: Iterable[str], at_us: int) -> None:
        """Tell of holes in the rotas of sites, and set when to look again."""
        for name in sorted(names):
            due, site = Due("rota", (name,), at_us), self._site(name)
            if due in self.left_out:
                site.watch_us = at_us + DAY
                self._tell_left_out(Subject(name, "-", None), "the rota", self.left_out[due], at_us)
                continue
            with falling_due(due):
                self._watch_rota(name, at_us)
        self._watch_us = min((site.watch_us for site in self._sites.values()), default=FAR)

    def _watch_rota(self, name: str, at_us: int) -> None:
        site = self._site(name)
        found, site.holes, site.watch_us = watch(name, site.on_call, site.overrides, site.holes, at_us)
        for finding in found:
            self.find(finding)
        self._watch_us = min(self._watch_us, site.watch_us)

    # ---- findings ----------------------------------------------------------------------------------------------

    def find(self, finding: Finding) -> None:
        """Raise, change or end the alert of a finding. Call `advance` first with the finding's instant."""
        key = alert_key(finding.subject, finding.rule)
        alert = self.open.at(key)
        if finding.change not in {"changed", "deepened"}:
            self._closed.pop(key, None)
        match finding.change:
            case "began" if alert is not None and alert.phase is not AlertPhase.LATCHED and _begins_anew(finding):
                # The open alert stands for it until somebody has closed it.
                if finding.priority > alert.priority:
                    self._change(alert, finding)
            case "began":
                if alert is not None:
                    self._step(alert, Stimulus.RECURRED, finding.at_us, finding.clock_us, {"because": "it came back"})
                self._raise(key, finding, finding.onset_us)
            case "changed" | "deepened" if alert is None:
                # Closed by hand while it went on. Worse than what was closed is news; easier is not.
                closed_at = self._closed.get(key)
                if closed_at is None or finding.priority > closed_at or finding.change == "deepened":
                    self._closed.pop(key, None)
                    self._raise(key, finding, finding.at_us)
                else:
                    self._closed[key] = finding.priority
            case "changed" | "deepened" if alert is not None:
                self._change(alert, finding)
            case "ended" if alert is not None:
                # What goes on under another name is no condition that was over unseen.
                latches = (
                    RULES[alert.rule].latches
                    and alert.worst >= Priority.MEDIUM
                    and "goes_on_as" not in finding.evidence
                )
                if alert.phase is AlertPhase.LATCHED:
                    return
                self._step(
                    alert, Stimulus.ENDED_UNSEEN if latches else Stimulus.ENDED, finding.at_us, finding.clock_us,
                    {"ended": finding.text},
                )  # fmt: skip

    def _change(self, alert: Alert, finding: Finding) -> None:
        worse = finding.priority > alert.priority or finding.change == "deepened"
        alert.priority, alert.worst = finding.priority, max(alert.worst, finding.priority)
        alert.text, alert.evidence, alert.source = finding.text, dict(finding.evidence), finding.source
        if finding.change == "deepened":
            self._paging.forget_rule(alert.key)
        details: dict[str, Any] = {}
        if not worse and alert.priority < Priority.MEDIUM and alert.page_due_us < FAR and _stops_when_mild(alert):
            alert.page_due_us = FAR
            details["page"] = "none: board only"
        self._step(alert, Stimulus.WORSENED if worse else Stimulus.EASED, finding.at_us, finding.clock_us, details)

    def _raise(self, key: AlertKey, finding: Finding, onset_us: int) -> None:
        identity = "\x1f".join(
            (finding.subject.site, finding.subject.session or finding.subject.patient, finding.rule, str(onset_us))
        )
        alert = Alert(
            blake2b(identity.encode(), digest_size=8).hexdigest(), finding.subject, finding.rule, finding.priority,
            finding.priority, AlertPhase.ACTIVE, onset_us, finding.text, dict(finding.evidence), finding.source,
        )  # fmt: skip
        self.open.add(alert)
        details = self._plan_page(alert, finding.clock_us)
        self._emit(alert, "raised", finding.at_us, details)
        self._flush(alert, finding.clock_us)

    # ---- commands ----------------------------------------------------------------------------------------------

    def command(self, command: Command, clock_us: int) -> bool:
        """Carry out a person's command and audit it; False if it is set aside because no such alert is open."""
        alert = self.open.get(command.alert)
        at_us = min(to_us(command.at), clock_us)
        if alert is None:
            self._effects.append(
                DeadLetter(
                    iso(clock_us),
                    command.site,
                    "alert",
                    f"no open alert {command.alert}",
                    command.model_dump_json(exclude_none=True)[:2000],
                )
            )
            return False
        stimulus = _STIMULI[type(command)]
        if stimulus is Stimulus.CLOSE:
            stimulus = stimulus_of_close(alert.rule, alert.subject.session)
        details: dict[str, Any] = {"by": command.by}
        if command.note is not None:
            details["note"] = command.note
        decision = decide(alert.phase, stimulus)
        outcome = "accepted"
        if isinstance(decision, Refusal):
            outcome = f"refused: {decision.reason}"
        else:
            if stimulus is Stimulus.CLOSE and alert.phase is not AlertPhase.LATCHED:
                self._closed[alert.key] = alert.priority
            until_us = self._until(alert, command, stimulus, clock_us)
            if until_us < FAR:
                details["until"] = iso(until_us)
            self._step(alert, stimulus, at_us, clock_us, details)
            if until_us < FAR:
                alert.until_us = until_us
                self.open.note_due(alert)
        self._effects.append(
            AuditEntry(
                iso(at_us), alert.subject.site, alert.subject.patient, alert.subject.session, command.kind, command.by,  # type: ignore[attr-defined]  # every command has `by`; their common type does not say so
                outcome, command.model_dump(mode="json", exclude_none=True), iso(clock_us),
            )
        )  # fmt: skip
        return True

    def _until(self, alert: Alert, command: Command, stimulus: Stimulus, clock_us: int) -> int:
        if stimulus is Stimulus.ACKNOWLEDGE and alert.phase is not AlertPhase.LATCHED:
            at_home = alert.subject.session is None and alert.priority < Priority.HIGH
            # What a monitor measures goes on now, whether or not anybody has started a session.
            at_home = at_home and RULES[alert.rule].measured != "reading"
            return clock_us + (ACKNOWLEDGED_AT_HOME if at_home else ACKNOWLEDGED_FOR)[alert.priority]
        if stimulus is Stimulus.SNOOZE and command.until is not None:
            return min(max(to_us(command.until), clock_us), clock_us + SNOOZE_AT_MOST)
        return FAR

    def configure(self, record: SiteConfigured, clock_us: int) -> None:
        """Put a site's policies in force, and who is on call."""
        site = self._site(record.site)
        site.configure(record)
        if clock_us <= NO_TIME_YET:
            # A recording's clock begins with its first line. Until then nobody knows who should be on call.
            site.watch_us = self._watch_us = NO_TIME_YET
            return
        self._watch_rota(record.site, clock_us)

    def override(self, record: RotaOverride, clock_us: int) -> bool:
        """Put somebody in another's place on a schedule; False if it is set aside: there is no such schedule or person."""
        why_not = self._site(record.site).override(record, clock_us)
        if why_not is not None:
            field, _, reason = why_not.partition(": ")
            line = record.model_dump_json(exclude_none=True)[:2000]
            self._effects.append(DeadLetter(iso(clock_us), record.site, field, reason, line))
            return False
        self._watch_rota(record.site, clock_us)
        return True

    def merge(self, site: str, gone: str, into: str, clock_us: int) -> None:
        """Let the alerts of an alias that goes be those of the one that stays: with their phase, their answers and their pages.

        Of two about the same, one goes on: one whose condition goes on, else the worse, else the older.
        """
        self._closed = renamed_keys(self._closed, site, gone, into, max)
        self._paging.rename(site, gone, into)
        twins = list[tuple[Alert, Alert]]()
        for alert in list(self.open.of_patient(site, gone)):
            twin = self.open.at((site, into, alert.subject.session, alert.rule))
            if twin is not None and standing(twin) >= standing(alert):
                twins.append((alert, twin))
                continue
            if twin is not None:
                self._close_twin(twin, alert, clock_us)
            self.open.remove(alert)
            alert.rename(into)
            self.open.add(alert)
            move = decide(alert.phase, Stimulus.RENAMED)
            for step in move.steps if isinstance(move, Move) else ():
                self._emit(alert, step, clock_us, {"renamed_from": gone})
        for alert, twin in twins:
            self._close_twin(alert, twin, clock_us)
        for alert in self.open.of_patient(site, into):
            self._closed.pop(alert.key, None)

    def _close_twin(self, alert: Alert, goes_on: Alert, clock_us: int) -> None:
        stimulus = Stimulus.RECURRED if alert.phase is AlertPhase.LATCHED else Stimulus.ENDED
        ended = f"two aliases are one person: it goes on as {goes_on.id}"
        self._step(alert, stimulus, clock_us, clock_us, {"ended": ended, "goes_on_as": goes_on.id})

    def digest(self, digest: Digest) -> None:
        """Add the scheduler's page about the patients of a digest whose alerts nobody has answered; none if there are none."""
        unanswered = {
            (line.patient, rule): alert.id
            for line in digest.lines
            for rule in line.rules
            if (alert := self.open.at((digest.site, line.patient, None, rule))) and alert.phase is AlertPhase.ACTIVE
        }
        page = digest_page(digest, unanswered, self.policies(digest.site).get("link"))
        if page is not None:
            self._effects.append(page)

    def policies(self, site: str) -> dict[str, Any]:
        """The policies in force at a site."""
        return self.of_site(site).policies

    def of_site(self, site: str) -> DeskSite:
        """A site's part of the state, to be read; that of a site which nothing is known of is empty."""
        return self._sites.get(site) or DeskSite()

    def number_from(self, site: str, seq: int) -> None:
        """Give a site's next transition a number behind `seq` at least: frames that are lost may have led to some."""
        here = self._sites.setdefault(site, DeskSite())
        here.seq = max(here.seq, seq)

    # ---- steps and pages ---------------------------------------------------------------------------------------

    def _step(self, alert: Alert, stimulus: Stimulus, at_us: int, clock_us: int, details: dict[str, Any]) -> None:
        move = decide(alert.phase, stimulus)
        if not isinstance(move, Move):
            raise TypeError(move)
        alert.phase = move.to
        if move.to is not AlertPhase.LATCHED:
            alert.until_us = alert.until_us if stimulus is Stimulus.EASED else FAR
        if (
            move.to in {AlertPhase.CLOSED, AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED}
            and stimulus is not Stimulus.EASED
        ):
            details = {**details, **self._answered(alert, stimulus, details)}
        elif (
            move.to is AlertPhase.LATCHED
            and alert.page_due_us < FAR
            and alert.ladder is not None
            and alert.ladder.calls
        ):
            alert.page_due_us = FAR
            details = {**details, "page": "none: it is over"}
        elif stimulus is Stimulus.UNSNOOZE and alert.ladder is not None and alert.priority >= Priority.MEDIUM:
            # Somebody is looking at it now, and may forget it.
            alert.ladder.restart()
            alert.page_due_us = clock_us + alert.ladder.rungs[0][1]
            self.open.note_due(alert)
            details = {**details, "page": "later: unless somebody answers"}
        if move.to is AlertPhase.LATCHED:
            alert.held_by = ""
        if move.to is AlertPhase.CLOSED:
            self.open.remove(alert)
        if move.pages:
            details = {**details, **self._plan_page(alert, clock_us, stimulus)}
        for step in move.steps:
            self._emit(alert, step, at_us, details)
        if move.pages:
            self._flush(alert, clock_us)
        self._tell_the_called(alert, stimulus, clock_us, details)
        if stimulus in {Stimulus.ENDED, Stimulus.ENDED_UNSEEN, *_CLOSES}:
            self._release(alert, at_us, clock_us)

    def _answered(self, alert: Alert, stimulus: Stimulus, details: dict[str, Any]) -> dict[str, Any]:
        """Stop the ladder of an alert that was answered or is over; not where more people must answer."""
        alert.held_by = ""
        ladder = alert.ladder
        if ladder is None or stimulus not in {Stimulus.ACKNOWLEDGE, Stimulus.SNOOZE}:
            alert.page_due_us = FAR
            return {}
        if ladder.answer(self._site(alert.subject.site).on_call.person_called(details["by"])):
            alert.page_due_us = FAR
        if ladder.answers == 1:
            return {}
        return {"answers": f"{len(ladder.answered)} of {ladder.answers}"}

    def _plan_page(self, alert: Alert, clock_us: int, stimulus: Stimulus | None = None) -> dict[str, Any]:
        """Decide when a page is owed for this alert and whom it calls; the reasons. None: it is raised."""
        escalated = stimulus is Stimulus.ESCALATE
        patients = self.open.of_patient(alert.subject.site, alert.subject.patient)
        alert.page_due_us, reason, alert.held_by = self._paging.decide(alert, patients, clock_us, escalated=escalated)
        details: dict[str, Any] = {"page": reason}
        site = self._site(alert.subject.site)
        if alert.page_due_us < FAR and site.policies.get("pages") == NOWHERE:
            details["page"] = f"{reason}, to nobody: the site has no destination"
        if alert.ladder is None or stimulus is Stimulus.WORSENED:
            before = alert.ladder
            alert.ladder, why = choose(site.on_call, alert.subject, alert.rule, alert.priority, clock_us)
            if before is not None:
                alert.ladder.called, alert.ladder.everybody = before.called, before.everybody
            details |= why
        elif not escalated:
            alert.ladder.restart()
        alert.ladder.by_hand |= escalated
        if alert.page_due_us <= clock_us and site.on_call.routes:
            call = alert.ladder.next_call(site.on_call, site.overrides, clock_us)
            details |= alert.ladder.said(call, clock_us)
        self.open.note_due(alert)
        return details

    def _flush(self, alert: Alert, clock_us: int) -> None:
        """Send the page now if it is owed now; `_page` decided, after the transition got its number."""
        if alert.page_due_us <= clock_us:
            self._send(alert, clock_us)

    def _call(self, alert: Alert, due_us: int) -> None:
        """Make the call that is due. One that reaches a higher rung is a transition; the first, and one made again, are none."""
        site, ladder = self._site(alert.subject.site), alert.ladder
        if ladder is not None:
            call = ladder.next_call(site.on_call, site.overrides, due_us)
            if call.rung > max(ladder.rung, 1):
                because = "nobody has answered"
                if ladder.answers > 1:
                    because = f"{len(ladder.answered)} of {ladder.answers} have answered"
                self._emit(alert, "escalated", due_us, {"page": "now", "because": because, **ladder.said(call, due_us)})
        self._send(alert, due_us)

    def _send(self, alert: Alert, clock_us: int) -> None:
        """Send the page about an alert, with what of its patient is owed one and calls nobody else; then their next is due."""
        site = self._site(alert.subject.site)
        call = self._next_call(alert, clock_us)
        joining = [
            other for other in self.open.of_patient(alert.subject.site, alert.subject.patient)
            if other is not alert and self._joins(other, call, clock_us)
        ]  # fmt: skip
        page, paged = self._paging.page(alert, joining, call, clock_us, site.seq, site.policies.get("link"))
        self._effects.append(page)
        for each in paged:
            mine = self._next_call(each, clock_us)
            _ladder(each).note(mine)
            mild = each.priority < Priority.MEDIUM and _stops_when_mild(each)
            each.page_due_us = FAR if mild or each.phase is AlertPhase.LATCHED else clock_us + mine.wait_us
            self.open.note_due(each)

    def _next_call(self, alert: Alert, clock_us: int) -> Call:
        site = self._site(alert.subject.site)
        return _ladder(alert).next_call(site.on_call, site.overrides, clock_us)

    def _joins(self, other: Alert, call: Call, clock_us: int) -> bool:
        """Whether an alert is owed a page, its first or one that is due, which this call makes as well."""
        if other.page_due_us == FAR or (_ladder(other).calls and other.page_due_us > clock_us):
            return False
        mine = self._next_call(other, clock_us)
        return mine.rung <= max(_ladder(other).rung, 1) and all_called(mine, call)

    def _tell_the_called(self, alert: Alert, stimulus: Stimulus, clock_us: int, details: dict[str, Any]) -> None:
        """Tell those whom pages have called that somebody has answered, or that it is over; only where a site has policies."""
        site, ladder = self._site(alert.subject.site), alert.ladder
        if ladder is None or not site.on_call.routes or not (ladder.called or ladder.everybody):
            return
        by = details.get("by")
        if stimulus in {Stimulus.ACKNOWLEDGE, Stimulus.SNOOZE, *_CLOSES} and isinstance(by, str):
            kind: PageKind = "answered"
            what = f"{alert.text} Answered by {by}."
            if "answers" in details:
                what = f"{what} {details['answers']} who must answer."
        elif stimulus in {Stimulus.ENDED, Stimulus.ENDED_UNSEEN}:
            kind, what, by = "over", f"{alert.text} It is over.", None
        else:
            return
        others = tuple(person for person in ladder.called if person != site.on_call.person_called(str(by)))
        if others or ladder.everybody:
            to = () if ladder.everybody else others
            self._effects.append(
                news_page(alert, kind, to, what, clock_us, site.seq, site.policies.get("link"))
            )  # fmt: skip

    def _release(self, over: Alert, at_us: int, clock_us: int) -> None:
        """Page what was held back for an alert that is over, and still stands."""
        for alert in list(self.open.of_patient(over.subject.site, over.subject.patient)):
            if alert.phase is AlertPhase.ACTIVE and alert.held_by == over.rule:
                details = self._plan_page(alert, clock_us)
                if alert.page_due_us < FAR:
                    self._emit(alert, "escalated", at_us, {"because": f"{over.rule} no longer says it", **details})
                    self._flush(alert, clock_us)

    def _give_ladders(self, clock_us: int) -> None:
        """What an older version has open, unanswered and paged gets a ladder, as if it had been raised now."""
        self._without_ladder = False
        for alert in self.open.values():
            if alert.ladder is not None:
                continue
            on_call = self._site(alert.subject.site).on_call
            alert.ladder, _ = choose(on_call, alert.subject, alert.rule, alert.priority, clock_us)
            if alert.phase is AlertPhase.ACTIVE and alert.priority >= Priority.MEDIUM and alert.page_due_us == FAR:
                alert.page_due_us = clock_us + alert.ladder.rungs[0][1]
                self.open.note_due(alert)

    def _emit(self, alert: Alert, step: TransitionKind, at_us: int, details: dict[str, Any]) -> None:
        site = self._site(alert.subject.site)
        site.seq += 1
        self._effects.append(
            Transition(
                alert=alert.id, at=iso(at_us), transition=step, phase=alert.phase, site=alert.subject.site, patient=alert.subject.patient,
                session=alert.subject.session, rule=alert.rule, category=RULES[alert.rule].category,
                priority=alert.priority.word, onset_at=iso(alert.onset_us), evidence={**alert.evidence, **details},
                text=alert.text, source=alert.source, cause=Cause(self.shard, self._offset), seq=site.seq,
            )
        )  # fmt: skip

    def _site(self, site: str) -> DeskSite:
        return self._sites.setdefault(site, DeskSite())

    # ---- state -------------------------------------------------------------------------------------------------

    def packed(self) -> dict[str, Any]:
        """Everything that the next frame depends on, msgpack-able."""
        return {
            "state": DESK_FORMAT,
            "shard": self.shard,
            "open": [alert.packed() for alert in self.open.values()],
            "closed": [[list(key), int(priority)] for key, priority in sorted(self._closed.items(), key=in_order)],
            "sites": [[name, *site.packed()] for name, site in sorted(self._sites.items())],
            **self._paging.packed(),
        }

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Desk:
        """The desk of `packed`.

        Raises:
            ValueError: written by a version that this one does not know.
        """
        if packed.get("state") not in {DESK_FORMAT, *OLDER_DESKS}:
            reads = " and ".join(map(str, sorted({DESK_FORMAT, *OLDER_DESKS})))
            raise ValueError(f"desk state {packed.get('state')!r}; this version reads {reads}")
        desk = cls(packed["shard"])
        desk._without_ladder, desk._unwatched = packed["state"] < 2, packed["state"] < 3
        for fields in packed["open"]:
            desk.open.add(Alert.unpacked(fields))
        desk._closed = {
            (key[0], key[1], key[2], key[3]): Priority(priority) for key, priority in packed.get("closed", ())
        }
        desk._sites = {name: DeskSite.unpacked(*fields) for name, *fields in packed["sites"]}
        desk._watch_us = min((site.watch_us for site in desk._sites.values()), default=FAR)
        desk._paging = Paging.unpacked(packed)
        return desk


def _ladder(alert: Alert) -> Ladder:
    """The ladder of an alert for which a page was decided on."""
    if alert.ladder is None:
        raise TypeError(f"{alert.id} has no ladder")
    return alert.ladder


def _stops_when_mild(alert: Alert) -> bool:
    """Whether the ladder of a low alert stops: nobody asked for it, and its first page has said what came and went."""
    return alert.ladder is not None and alert.ladder.calls > 0 and not alert.ladder.by_hand


def _begins_anew(finding: Finding) -> bool:
    """Whether the finding begins anew each time it is made, so that the alert which is open for it stands for all of them."""
    return finding.subject.session is None or finding.rule == "observation-incomplete"
