"""Plays: what happens in a treatment, told so that a clinician can read it and so that the shard can live it.

A play is a function that moves a `Stage` on: people do things, monitors show things, time passes. Whatever it does it writes
down in words; what Chairside made of it is written beside it. Times are minutes and seconds from the play's beginning, 14:00.
Never here: an assertion, a clock, chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from alerts.effects import Effect, Page, Transition
from models.records import CheckIn, Dose, Intervention, SessionEnded, SessionStarted, Vitals
from streams.shard import Shard
from tests.scenes import Scene, moment, seconds

Channels = dict[str, float | None]
Play = Callable[["Stage"], None]
PLAYS: Final[dict[str, tuple[str, Play]]] = {}
"""Name of the file → title, play."""

_WELL: Final = {"spo2": (97, 98), "hr": (72, 74, 73), "rr": (14, 15), "etco2": (37, 38, 36)}
_UNITS: Final = {
    "spo2": "SpO2 {} %",
    "hr": "heart rate {}",
    "rr": "breathing {}",
    "etco2": "CO2 {}",
    "pulse": "pulse {}",
}


def play(name: str, title: str) -> Callable[[Play], Play]:
    def keep(function: Play) -> Play:
        PLAYS[name] = (title, function)
        return function

    return keep


def clock(at_s: float) -> str:
    """``40:12``, and what is not a whole second to the millisecond."""
    return f"{int(at_s // 60)}:{at_s % 60:02.0f}" if at_s == int(at_s) else f"{int(at_s // 60)}:{at_s % 60:06.3f}"


@dataclass
class Stage:
    """A clinic in which a play is played. `now_s` is the scene's."""

    scene: Scene = field(default_factory=Scene)
    happened: list[str] = field(default_factory=list)
    shown: dict[str, Channels] = field(default_factory=dict)
    offset_s: dict[str, float] = field(default_factory=dict)
    held: list[Vitals] | None = None

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

    def scores(self, chair: str, instrument: str, score: float, *, home: bool = False, note: str = "") -> None:
        self.note(f"{'At home' if home else f'Chair {chair}'}: P-{chair} {instrument.upper()} {score:g}{note}")
        self.scene.send(
            CheckIn.model_validate({**self._who(chair, not home), "instrument": instrument, "score": score})
        )

    def answers(self, patient: str, instrument: str, items: Any, words: str) -> None:
        self.note(f"At home: P-{patient} answers {instrument.upper()}: {words}")
        fields = {**self._who(patient, session=False), "instrument": instrument, "items": items, "by": None}
        self.scene.send(CheckIn.model_validate(fields))

    def does(self, chair: str, what: str, detail: str | None = None) -> None:
        self.note(f"Chair {chair}: {what}{f', {detail}' if detail else ''}")
        self.scene.send(Intervention.model_validate({**self._who(chair), "what": what, "detail": detail}))

    def acknowledges(self, rule: str) -> None:
        self.note(f"rn-1 acknowledges {rule}")
        self.scene.acknowledges(rule)

    def closes(self, rule: str, words: str) -> None:
        self.note(f"rn-1 closes {rule}: {words}")
        self.scene.closes(rule)

    def ends(self, chair: str) -> None:
        self.note(f"Chair {chair}: the session ends, P-{chair} goes home")
        self.scene.send(SessionEnded.model_validate({**self._who(chair), "reason": "completed", "discharged": True}))
        self.shown.pop(f"m-{chair}", None)

    def takes(self, chair: str, device: str) -> None:
        self.note(f"Monitor {device} now stands at chair {chair}")
        self.scene.chair(chair).takes(device)

    # ---- monitors and time

    def shows(self, device: str, **channels: float | None) -> None:
        """From now on the monitor shows this; None: as of somebody well. A channel that is 0 and cannot be is a lost signal."""
        told = [_UNITS[name].format(f"{value:g}") for name, value in channels.items() if value is not None]
        back = [_UNITS[name].format("as before") for name, value in channels.items() if value is None]
        self.note(f"Monitor {device} shows {', '.join(told + back)}")
        self.shown[device] = {**self.shown[device], **channels}

    def loses(self, device: str, *names: str) -> None:
        self.note(f"Monitor {device}: {' and '.join(_UNITS[name].format('').strip() for name in names)} off")
        for name in names:
            self.shown[device].pop(name, None)

    def _sample(self, device: str, values: Channels, extra_s: float = 0.0) -> Vitals:
        at = moment(self.scene.now_s + extra_s + self.offset_s.get(device, 0))
        return Vitals.model_validate({"at": at, "device": device, **values})

    def passes(self, minutes: float, every_s: float = 1.0) -> None:
        """Time passes, and the monitors send what they show."""
        self.until(self.scene.now_s + minutes * 60, every_s)

    def until(self, end_s: float, every_s: float = 1.0) -> None:
        while self.scene.now_s < end_s:
            samples = [
                self._sample(device, self._read(channels)) for device, channels in self.shown.items() if channels
            ]
            if self.held is None:
                self.scene.send(*samples)
            else:
                self.held += samples
                self.scene.send()
            self.scene.now_s = min(self.scene.now_s + every_s, end_s)

    def _read(self, channels: Channels) -> Channels:
        """A live signal moves: nothing that is well stands still."""
        n = int(self.scene.now_s)
        return {
            name: _WELL[name][n % len(_WELL[name])] if value is None else value + (n % 2 if value > 3 else 0)
            for name, value in channels.items()
        }

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
    for effect in effects:
        if isinstance(effect, Transition):
            said = f": {effect.text}" if effect.transition in {"raised", "worsened", "eased"} else ""
            lines.append(
                f"{clock(seconds(effect.at)):>7}  {effect.priority} {effect.rule} {effect.transition} ({effect.patient}){said}"
            )
        elif isinstance(effect, Page):
            lines.append(f"{clock(seconds(effect.at)):>7}  PAGE {effect.title}")
    said_by = lines or ["         nothing"]
    return "\n".join([title, "", "What happens", *stage.happened, "", "What Chairside says", *said_by, ""])


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
    on.passes(40, QUIET)
    on.scores("3", "moaas", 5)
    on.scores("3", "cadss-6", 0)
    on.cuff("3", 132, 80)
    on.passes(1, QUIET)
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
    on.shows("m-3", spo2=84)
    on.passes(0.5)
    on.does("3", "oxygen", "4 L/min by mask")
    on.shows("m-3", spo2=None)
    on.passes(1)


@play("cuff-cycling", "The cuff is on the arm of the finger probe: every reading takes the pulse from it")
def _(on: Stage) -> None:
    _infusion(on, 10)
    for _ in range(3):
        on.shows("m-3", spo2=72)
        on.passes(8 / 60)
        on.loses("m-3", "spo2")
        on.passes(20 / 60)
        on.cuff("3", 134, 82)
        on.shows("m-3", spo2=None)
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
    on.passes(20, QUIET)
    on.scores("3", "cadss", 3)
    on.scores("3", "moaas", 5)
    on.cuff("3", 124, 78)
    on.passes(1, QUIET)
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
