"""Plays: what happens in a treatment, told so that a clinician can read it and so that the shard can live it.

A play is a function that moves a `Stage` on: people do things, monitors show things, time passes. Whatever it does it writes
down in words; what Chairside made of it is written beside it. Times are minutes and seconds from the play's beginning, 14:00.
Never here: an assertion, a clock, chance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from alerts.effects import AuditEntry, Effect, Page, Transition
from models.instants import SECOND
from models.tables.instruments import INSTRUMENTS
from models.wire.observations import (
    CheckIn,
    Dose,
    Intervention,
    RotaOverride,
    SessionEnded,
    SessionStarted,
    SiteConfigured,
    Vitals,
)
from streams.shard import Shard
from streams.ward.invariants import validate_state
from tests.support.phones import Delivery, deliveries
from tests.support.scenes import START_US, Scene, moment, seconds

Channels = dict[str, float | None]
Play = Callable[["Stage"], None]
PLAYS: Final[dict[str, tuple[str, Play]]] = {}
"""Name of the file → title, play."""

_WELL: Final = {"spo2": 97.0, "hr": 72.0, "rr": 14.0, "etco2": 37.0}
_NAMES: Final = {"spo2": "SpO2", "hr": "heart rate", "rr": "breathing", "etco2": "CO2"}
_MOVES: Final = {"spo2": 1.0, "hr": 5.0, "rr": 4.0, "etco2": 6.0}
"""How much of it a body changes in a second."""


def play(name: str, title: str) -> Callable[[Play], Play]:
    def keep(function: Play) -> Play:
        PLAYS[name] = (title, function)
        return function

    return keep


def clock(at_s: float) -> str:
    """``40:12``, and what is not a whole second to the millisecond; hours later, the time of day."""
    if at_s >= 6 * 3600:
        return f"{moment(at_s):%H:%M}"
    return f"{int(at_s // 60)}:{at_s % 60:02.0f}" if at_s == int(at_s) else f"{int(at_s // 60)}:{at_s % 60:06.3f}"


@dataclass
class Stage:
    """A clinic in which a play is played. `now_s` is the scene's."""

    scene: Scene = field(default_factory=Scene)
    happened: list[str] = field(default_factory=list)
    shown: dict[str, Channels] = field(default_factory=dict)
    level: dict[tuple[str, str], float] = field(default_factory=dict)
    offset_s: dict[str, float] = field(default_factory=dict)
    held: list[Vitals] | None = None
    beats: int = 0
    people: dict[str, list[str]] = field(default_factory=dict)
    """The phones of each, in order; where there are none, nobody in particular is called."""
    off: set[str] = field(default_factory=set)
    """Phones that are off."""

    # ---- what is written down

    def note(self, what: str) -> None:
        self.happened.append(f"{clock(self.scene.now_s):>7}  {what}")

    # ---- people

    def _who(self, chair: str, session: bool = True) -> dict[str, Any]:
        who: dict[str, Any] = {"at": moment(self.scene.now_s), "patient": f"P-{chair}", "by": "rn-1"}
        return {**who, "session": f"S-{chair}"} if session else who

    def starts(self, chair: str, drug: str = "ketamine", route: str = "iv", device: str | None = None) -> None:
        named = device or f"m-{chair}"
        self.note(f"Chair {chair}: the session of P-{chair} starts ({drug}, {route}), monitor {named}")
        fields = {**self._who(chair), "chair": chair, "device": named, "drug": drug, "route": route}
        self.scene.send(SessionStarted.model_validate(fields))
        self.shown.setdefault(named, dict.fromkeys(_WELL))

    def dose(self, chair: str, drug: str = "ketamine", route: str = "iv", mg: float = 35, minutes: float = 40) -> None:
        self.note(f"Chair {chair}: {mg:g} mg of {drug} ({route}), over {minutes:g} min")
        fields = {**self._who(chair), "drug": drug, "route": route, "amount_mg": mg, "minutes": minutes}
        self.scene.send(Dose.model_validate(fields))

    def cuff(self, chair: str, sbp: int, dbp: int) -> None:
        self.note(f"Chair {chair}: cuff {sbp}/{dbp}")
        self.scene.send(self._sample(f"m-{chair}", {"sbp": sbp, "dbp": dbp}, extra_s=0.05))

    def scores(self, chair: str, instrument: str, score: float) -> None:
        self.note(f"Chair {chair}: {INSTRUMENTS[instrument].title.removesuffix(' 0-10')} {score:g}")
        self.scene.send(CheckIn.model_validate({**self._who(chair), "instrument": instrument, "score": score}))

    def answers(self, patient: str, instrument: str, items: Any, words: str) -> None:
        self.note(f"At home: P-{patient} answers {INSTRUMENTS[instrument].title}: {words}")
        fields = {**self._who(patient, session=False), "instrument": instrument, "items": items, "by": None}
        self.scene.send(CheckIn.model_validate(fields))

    def does(self, chair: str, what: str, detail: str | None = None) -> None:
        self.note(f"Chair {chair}: {what}{f', {detail}' if detail else ''}")
        self.scene.send(Intervention.model_validate({**self._who(chair), "what": what, "detail": detail}))

    def acknowledges(self, rule: str, by: str = "rn-1") -> None:
        self.note(f"{by} acknowledges {rule}")
        self.scene.acknowledges(rule, by)

    def closes(self, rule: str, words: str, by: str = "rn-1") -> None:
        self.note(f"{by} closes {rule}: {words}")
        for effect in self.scene.closes(rule, by):
            if isinstance(effect, AuditEntry) and effect.outcome != "accepted":
                self.note(f"Chairside to {by}: {effect.outcome}")

    # ---- who is on call

    def configures(self, words: str, rota: dict[str, Any], people: dict[str, list[str]]) -> None:
        self.note(f"Who is called: {words}")
        self.people = people
        self.scene.send(SiteConfigured(at=moment(self.scene.now_s), rota=rota))

    def covers(self, schedule: str, who: str, hours: float) -> None:
        self.note(f"{who} puts themselves on call ({schedule}) for {hours:g} hours")
        since, until = moment(self.scene.now_s), moment(self.scene.now_s + hours * 3600)
        self.scene.send(RotaOverride(at=since, schedule=schedule, who=who, since=since, until=until, by=who))

    def switches_off(self, phone: str) -> None:
        self.note(f"The battery of {phone} is dead")
        self.off.add(phone)

    def ends(self, chair: str) -> None:
        self.note(f"Chair {chair}: the session ends, P-{chair} goes home")
        self.scene.send(SessionEnded.model_validate({**self._who(chair), "reason": "completed", "discharged": True}))
        self.shown.pop(f"m-{chair}", None)

    def takes(self, chair: str, device: str) -> None:
        self.note(f"Monitor {device} now stands at chair {chair}")
        self.scene.chair(chair).takes(device)

    def looks(self, chair: str) -> None:
        """Somebody looks at the board: may they leave?"""
        (card,) = [card for card in self.scene.shard.chairs("main")["chairs"] if card["chair"] == chair]
        found = card["readiness"]
        about = "" if found["expected_at"] is None else f" before {clock(round(seconds(found['expected_at']), 0))}"
        why_not = f"not ready{about}: {'; '.join(found['reasons'])}"
        self.note(f"Board, chair {chair}: {'ready to leave' if found['ready'] else why_not}")

    # ---- monitors and time

    def shows(self, device: str, *, at_once: bool = False, **channels: float | None) -> None:
        """From now on the monitor moves to this, as fast as a body does or at once; None: to what it is in somebody well."""
        told = [f"{_NAMES[name]} {'as before' if value is None else f'{value:g}'}" for name, value in channels.items()]
        self.note(f"Monitor {device} {'jumps' if at_once else 'goes'} to {', '.join(told)}")
        self.shown[device] = {**self.shown[device], **channels}
        if at_once:
            for name in channels:
                self.level.pop((device, name), None)

    def loses(self, device: str, *names: str) -> None:
        self.note(f"Monitor {device} has no {' and no '.join(_NAMES[name] for name in names)} any more")
        for name in names:
            self.shown[device].pop(name, None)
            self.level.pop((device, name), None)

    def _sample(self, device: str, values: Channels, extra_s: float = 0.0) -> Vitals:
        at = moment(self.scene.now_s + extra_s + self.offset_s.get(device, 0))
        return Vitals.model_validate({"at": at, "device": device, **values})

    def passes(self, minutes: float, every_s: float = 1.0) -> None:
        """Time passes, and the monitors send what they show."""
        self.until(self.scene.now_s + minutes * 60, every_s)

    def until(self, end_s: float, every_s: float = 1.0) -> None:
        while self.scene.now_s < end_s:
            self.beats += 1
            samples = [
                self._sample(device, self._read(device, every_s)) for device, shown in self.shown.items() if shown
            ]
            if self.held is None:
                self.scene.send(*samples)
            else:
                self.held += samples
                self.scene.send()
            self.scene.now_s = min(self.scene.now_s + every_s, end_s)

    def _read(self, device: str, every_s: float) -> Channels:
        """A live signal moves on, and to and fro a little: nothing that lives stands still."""
        read: Channels = {}
        for name, target in self.shown[device].items():
            goal = _WELL[name] if target is None else target
            now, most = self.level.get((device, name), goal), _MOVES[name] * every_s
            now = self.level[device, name] = now + min(max(goal - now, -most), most)
            read[name] = now + (self.beats % 2 if now > 3 else 0)
        return read

    @contextmanager
    def offline(self, words: str, then: str | None) -> Iterator[None]:
        """Nothing arrives; afterwards what was held back comes at once (`then` says so), or never."""
        self.note(words)
        self.held = []
        yield
        held, self.held = self.held, None
        if then is not None:
            self.note(then)
            self.scene.send(*held)


# ---- telling


def told(title: str, stage: Stage, effects: list[Effect]) -> str:
    """The whole story: what happened, then what Chairside said and whom it paged."""
    lines = []
    pages = [effect for effect in effects if isinstance(effect, Page)] if stage.people else []
    delivered = deque(deliveries(pages, stage.people, stage.off, stage.scene.now_s))
    for effect in effects:
        if not isinstance(effect, Transition | Page):
            continue
        while delivered and delivered[0][0] < seconds(effect.at):
            lines.append(_delivered(delivered.popleft()))
        if isinstance(effect, Transition):
            said = f": {effect.text}" if effect.transition in {"raised", "worsened", "eased"} else ""
            if stage.people:
                said += _why(effect)
            heard_s = (stage.scene.journal[effect.cause.offset][0] - START_US) / SECOND
            late = f" [known at {clock(heard_s)}]" if heard_s > seconds(effect.at) + 60 else ""
            who = f"{effect.priority} {effect.rule} {effect.transition} ({effect.patient})"
            lines.append(f"{clock(seconds(effect.at)):>7}  {who}{late}{said}")
        else:
            whom = f"{', '.join(effect.to) or 'everybody'}: " if stage.people else ""
            kind = "PAGE" if effect.kind == "page" else "NEWS"
            lines.append(f"{clock(seconds(effect.at)):>7}  {kind} {whom}{effect.title}")
    lines += map(_delivered, delivered)
    said_by = lines or ["         nothing"]
    return "\n".join([title, "", "What happens", *stage.happened, "", "What Chairside says", *said_by, ""])


def _why(step: Transition) -> str:
    """Who is called at a transition, and why these."""
    said = step.evidence
    because = f": {said['because']}" if "because" in said else ""
    passed = [f"passed over {each}" for each in said.get("nobody", ())]
    rung = [f"rung {said['rung']} of {said['of']}"] if "rung" in said else []
    counted = [f"{said['answers']} have answered"] if "answers" in said else []
    reasons = "; ".join((*passed, *rung, *counted))
    return f"{because} [{reasons}]" if reasons else because


def _delivered(delivery: Delivery) -> str:
    at_s, what = delivery
    return f"{clock(round(at_s, 3)):>7}       {what}"


def played(name: str) -> tuple[str, Stage]:
    """A play's story, and the stage after it."""
    title, function = PLAYS[name]
    stage = Stage()
    function(stage)
    return told(title, stage, stage.scene.effects), stage


def interrupted(name: str, stage: Stage) -> str:
    """The same journal through a shard that is restored from its checkpoint a third and two thirds of the way."""
    journal = stage.scene.journal
    shard = Shard(clock=stage.scene.clock)
    effects: list[Effect] = []
    for offset, stamped in enumerate(journal):
        if offset in {len(journal) // 3, 2 * len(journal) // 3}:
            shard = Shard.restore(shard.snapshot())
        effects += shard.step(offset, *stamped).effects
        validate_state(shard.ward)
    return told(PLAYS[name][0], stage, effects)


# ---- the plays

QUIET: Final = 10.0
"""Seconds between samples while nothing happens: fewer lines, and no channel goes stale."""


@play("hypertension-at-40-min", "High blood pressure 40 minutes after the spray")
def _(on: Stage) -> None:
    on.starts("3", "esketamine", "intranasal")
    on.passes(5, QUIET)
    on.cuff("3", 128, 78)
    on.passes(5, QUIET)
    on.dose("3", "esketamine", "intranasal", 84, 10)
    on.passes(20, QUIET)
    on.cuff("3", 156, 92)
    on.scores("3", "moaas", 5)
    on.scores("3", "cadss-6", 2)
    on.passes(20.2, QUIET)
    on.cuff("3", 184, 106)
    on.passes(4, QUIET)
    on.cuff("3", 186, 108)
    on.passes(1, QUIET)
    on.acknowledges("hypertension")
    on.passes(10, QUIET)
    on.cuff("3", 164, 96)
    on.passes(25, QUIET)
    on.scores("3", "moaas", 5)
    on.scores("3", "cadss-6", 1)
    on.cuff("3", 146, 88)
    on.looks("3")
    on.passes(40, QUIET)
    on.scores("3", "moaas", 5)
    on.scores("3", "cadss-6", 0)
    on.looks("3")
    on.cuff("3", 132, 80)
    on.passes(1, QUIET)
    on.looks("3")
    on.ends("3")


def _infusion(on: Stage, minutes: float = 15) -> None:
    """Chair 3 with an ordinary infusion, so many minutes into it."""
    on.starts("3")
    on.passes(2, QUIET)
    on.cuff("3", 122, 76)
    on.passes(1, QUIET)
    on.dose("3")
    on.passes(minutes / 2, QUIET)
    on.cuff("3", 130, 80)
    on.passes(minutes / 2, QUIET)


@play("desaturation", "Oxygen falls in the middle of an infusion, and comes back with oxygen by mask")
def _(on: Stage) -> None:
    _infusion(on)
    on.shows("m-3", spo2=93)
    on.passes(0.5)
    on.shows("m-3", spo2=88)
    on.passes(0.5)
    on.shows("m-3", spo2=83)
    on.passes(0.5)
    on.acknowledges("desaturation")
    on.does("3", "oxygen", "4 L/min by mask")
    on.passes(0.5)
    on.shows("m-3", spo2=91)
    on.passes(0.5)
    on.shows("m-3", spo2=None)
    on.passes(2)


@play("falling-on", "Oxygen is low and somebody is on it; it falls on, and that is told again")
def _(on: Stage) -> None:
    _infusion(on)
    on.shows("m-3", spo2=84)
    on.passes(0.5)
    on.acknowledges("desaturation")
    on.shows("m-3", spo2=80)
    on.passes(1)
    on.shows("m-3", spo2=77)
    on.passes(1)
    on.shows("m-3", spo2=60)
    on.passes(1)
    on.acknowledges("desaturation")
    on.shows("m-3", spo2=70)
    on.passes(0.5)
    on.shows("m-3", spo2=60)
    on.passes(0.5)
    on.does("3", "oxygen", "15 L/min by mask")
    on.shows("m-3", spo2=None)
    on.passes(2)


@play("closed-away", "Oxygen is low and stays so; the alert can be answered, not closed")
def _(on: Stage) -> None:
    _infusion(on)
    on.shows("m-3", spo2=70)
    on.passes(1)
    on.acknowledges("desaturation")
    on.closes("desaturation", "she looks fine")
    on.passes(21)
    on.acknowledges("desaturation")
    on.shows("m-3", spo2=None)
    on.passes(1)


@play("apnoea", "Breathing stops; oxygen falls a minute later")
def _(on: Stage) -> None:
    _infusion(on)
    on.shows("m-3", rr=0, etco2=3)
    on.passes(50 / 60)
    on.shows("m-3", spo2=91)
    on.passes(10 / 60)
    on.shows("m-3", spo2=87)
    on.passes(0.5)
    on.does("3", "airway opened")
    on.shows("m-3", rr=8, etco2=48)
    on.passes(0.5)
    on.shows("m-3", rr=None, etco2=None, spo2=None)
    on.passes(1)
    on.acknowledges("apnoea")
    on.passes(1)


@play("faint", "A faint when the needle goes in: slow heart, low pressure")
def _(on: Stage) -> None:
    _infusion(on, 2)
    on.shows("m-3", hr=40)
    on.passes(0.5)
    on.shows("m-3", hr=34)
    on.passes(0.5)
    on.cuff("3", 76, 44)
    on.passes(1)
    on.cuff("3", 74, 42)
    on.does("3", "legs raised")
    on.passes(1)
    on.shows("m-3", hr=None)
    on.passes(2)
    on.cuff("3", 104, 62)
    on.passes(2)


@play("probe-off", "The finger probe falls off; when it is back it shows what it had hidden")
def _(on: Stage) -> None:
    _infusion(on)
    on.loses("m-3", "spo2")
    on.passes(3)
    on.shows("m-3", at_once=True, spo2=84)
    on.passes(0.5)
    on.does("3", "oxygen", "4 L/min by mask")
    on.shows("m-3", spo2=None)
    on.passes(1)


@play("cuff-cycling", "The cuff is on the arm of the finger probe: every reading takes the pulse from it")
def _(on: Stage) -> None:
    _infusion(on, 10)
    for _ in range(3):
        on.shows("m-3", at_once=True, spo2=72)
        on.passes(8 / 60)
        on.loses("m-3", "spo2")
        on.passes(20 / 60)
        on.cuff("3", 134, 82)
        on.shows("m-3", at_once=True, spo2=None)
        on.passes(9, QUIET)


@play("unresponsive", "Sedation deepens to no answer, and lifts")
def _(on: Stage) -> None:
    _infusion(on)
    on.scores("3", "moaas", 4)
    on.passes(10, QUIET)
    on.scores("3", "moaas", 3)
    on.passes(3, QUIET)
    on.scores("3", "moaas", 1)
    on.passes(0.5)
    on.acknowledges("unresponsive")
    on.does("3", "stimulation")
    on.passes(4, QUIET)
    on.scores("3", "moaas", 3)
    on.passes(5, QUIET)
    on.scores("3", "moaas", 5)
    on.passes(1, QUIET)


@play("severe-dissociation-with-distress", "Far away and frightened")
def _(on: Stage) -> None:
    _infusion(on, 30)
    on.scores("3", "cadss-6", 5)
    on.passes(8, QUIET)
    on.scores("3", "cadss-6", 10)
    on.passes(1, QUIET)
    on.scores("3", "distress", 8)
    on.passes(0.5)
    on.acknowledges("severe-dissociation")
    on.does("3", "reassurance", "lights down, hand held")
    on.passes(10, QUIET)
    on.scores("3", "distress", 2)
    on.passes(10, QUIET)
    on.scores("3", "cadss-6", 3)
    on.passes(10, QUIET)
    on.scores("3", "cadss-6", 1)
    on.passes(1, QUIET)


@play("prolonged", "Two hours after the dose somebody is still away, and nobody has asked again")
def _(on: Stage) -> None:
    _infusion(on, 40)
    on.scores("3", "cadss", 24)
    on.passes(15, QUIET)
    on.cuff("3", 134, 82)
    on.passes(20, QUIET)
    on.cuff("3", 128, 80)
    on.scores("3", "cadss", 9)
    on.scores("3", "moaas", 5)
    on.passes(20, QUIET)
    on.cuff("3", 126, 80)
    on.passes(20, QUIET)
    on.cuff("3", 124, 78)
    on.passes(15, QUIET)
    on.looks("3")
    on.passes(5, QUIET)
    on.scores("3", "cadss", 3)
    on.scores("3", "moaas", 5)
    on.cuff("3", 124, 78)
    on.passes(1, QUIET)
    on.looks("3")
    on.ends("3")


@play("never-started", "The session was entered, the monitor was not switched on")
def _(on: Stage) -> None:
    on.starts("3")
    silent = on.shown.pop("m-3")
    on.passes(5)
    on.note("Monitor m-3 is switched on")
    on.shown["m-3"] = silent
    on.passes(1)


@play("network-cut", "The network fails for four minutes; what the monitor had kept comes afterwards")
def _(on: Stage) -> None:
    _infusion(on)
    with on.offline("The network fails: nothing arrives any more", "The network is back: four minutes arrive at once"):
        on.passes(4)
    on.passes(2)


@play("clock-jump", "The monitor's clock jumps an hour ahead and is set right again")
def _(on: Stage) -> None:
    _infusion(on)
    on.note("The clock of monitor m-3 jumps an hour ahead")
    on.offset_s["m-3"] = timedelta(hours=1).total_seconds()
    on.passes(1)
    on.shows("m-3", spo2=86)
    on.passes(0.5)
    on.shows("m-3", spo2=None)
    on.passes(1)
    on.note("The clock of monitor m-3 is set right")
    on.offset_s["m-3"] = 0
    on.passes(1)


@play("late-batch", "A gateway holds five minutes back; a minute of low oxygen was among them")
def _(on: Stage) -> None:
    _infusion(on)
    with on.offline("The gateway holds everything back", "The gateway sends five minutes at once"):
        on.passes(2)
        on.shows("m-3", spo2=86)
        on.passes(1)
        on.shows("m-3", spo2=None)
        on.passes(2)
    on.passes(1)


@play("swapped-devices", "Two chairs exchange their monitors; then one of the patients goes low")
def _(on: Stage) -> None:
    on.starts("3")
    on.starts("4", "esketamine", "intranasal")
    on.passes(3, QUIET)
    on.takes("4", "m-3")
    on.takes("3", "m-4")
    on.passes(1)
    on.shows("m-3", spo2=86)
    on.passes(0.5)
    on.shows("m-3", spo2=None)
    on.passes(1)


@play("item-9-at-night", "A patient at home answers item 9 of PHQ-9 at night")
def _(on: Stage) -> None:
    on.scene.now_s = 12 * 3600 + 14 * 60
    on.answers("7", "phq-9", [1, 2, 1, 2, 1, 1, 0, 0, 1], "item 9 several days")
    on.passes(20, 60)
    on.answers(
        "7",
        "cssrs-screen",
        {"q1": True, "q2": True, "q3": False, "q4": True, "q5": False, "q6": False},
        "yes to 1, 2 and 4",
    )
    on.passes(5, 60)
    on.acknowledges("suicidal-ideation")
    on.passes(30, 60)
    on.answers("7", "phq-9", [1, 1, 1, 1, 1, 1, 0, 0, 0], "item 9 not at all")
    on.passes(10, 60)
    on.closes("suicidal-ideation", "talked to, safe with her sister")
    on.passes(60, 60)
