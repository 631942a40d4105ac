"""Scenes: a small clinic to tell a test in, through the shard that every host runs.

A scene plays at once: `clinic.chair("3").shows(60, spo2=88)` is sixty seconds of that monitor, a frame a second, and the
shard's clock moves with them. What came of it reads as a story: ``0:16 medium desaturation raised (P-3)``.
Never here: an assertion, a wall clock, chance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from alerts.desk.alert import Alert
from alerts.effects import AuditEntry, DeadLetter, Effect, Page, Transition, VitalsMinute, effect_document
from models.instants import SECOND, from_iso, to_datetime
from models.wire.observations import (
    AlertAcknowledged,
    AlertClosed,
    AlertSnoozed,
    CheckIn,
    DeviceAssigned,
    Dose,
    DoseStopped,
    Event,
    Internal,
    PatientRegistered,
    SessionEnded,
    SessionStarted,
    SiteConfigured,
    Vitals,
)
from streams.journal.frame import FrameBuilder
from streams.shard import Shard
from streams.ward.invariants import validate_state
from streams.ward.state import Clock
from tests.support.published import hold_to_schema

START_US = from_iso("2026-11-23T14:00:00Z")
Series = float | Sequence[float | None] | None


def moment(at_s: float) -> datetime:
    """So many seconds after the scene's start."""
    return to_datetime(START_US + round(at_s * SECOND))


def seconds(instant: str) -> float:
    """How many seconds after the scene's start an effect's RFC 3339 time is."""
    return (from_iso(instant) - START_US) / SECOND


def pack(records: Iterable[Vitals | Event | Internal]) -> bytes:
    """One frame of these records; of none, a tick."""
    builder = FrameBuilder()
    for record in records:
        builder.add(record)
    return builder.seal()


def breathing(level: float, length: int) -> list[float]:
    """A live signal: it moves by one, so that nothing calls it frozen."""
    return [level + second % 2 for second in range(length)]


def story(transitions: Iterable[Transition]) -> list[str]:
    """``0:16 medium desaturation raised (P-3)``: when, how bad, what, what became of it, who."""
    told = []
    for one in transitions:
        at_s = seconds(one.at)
        clock = f"{int(at_s // 60)}:{at_s % 60:02.0f}" if at_s == int(at_s) else f"{int(at_s // 60)}:{at_s % 60:06.3f}"
        told.append(f"{clock} {one.priority} {one.rule} {one.transition} ({one.patient})")
    return told


PLAYED: Final[deque[Scene]] = deque(maxlen=8)
"""The last scenes of the running test: `conftest.py` looks at each once more when it is over."""


@dataclass
class Scene:
    """A clinic with a shard, `now_s` seconds after its start. `effects` is everything that came out, in order; and `minutes`."""

    clock: Clock = "received"
    site: str = "main"
    now_s: float = 0.0
    shard: Shard = field(init=False)
    journal: list[tuple[int, bytes]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    minutes: list[VitalsMinute] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shard = Shard(clock=self.clock)
        PLAYED.append(self)

    # ---- what comes in -----------------------------------------------------------------------------------------

    def send(self, *records: Vitals | Event | Internal) -> tuple[Effect, ...]:
        """One frame, received now."""
        stamped = (START_US + round(self.now_s * SECOND), pack(records))
        self.journal.append(stamped)
        done = self.shard.step(self.shard.next_offset, *stamped)
        validate_state(self.shard.ward)
        self.effects.extend(done.effects)
        self.minutes.extend(done.minutes)
        if done.effects:
            self.shows_as_published()
        for effect in done.effects:
            if isinstance(effect, Transition):
                hold_to_schema("transition", effect_document(effect))
        return done.effects

    def shows_as_published(self, *, thoroughly: bool = False) -> None:
        """What boards are shown now is as the schema says. After every frame with effects, and at the end of every test."""
        hold_to_schema("chairs", self.shard.chairs(self.site), thoroughly=thoroughly)

    def passes(self, length_s: float) -> None:
        """Nothing comes in; the shard's owner ticks every second."""
        until_s = self.now_s + length_s
        while self.now_s < until_s:
            self.now_s = min(self.now_s + 1, until_s)
            self.send()

    def together(self, length: int, chairs: Mapping[str, Mapping[str, Series]]) -> None:
        """So many seconds of several monitors at once."""
        for second in range(length):
            self.send(*(self.chair(name).sample(second, channels) for name, channels in chairs.items()))
            self.now_s += 1

    def chair(self, name: str) -> Chair:
        return Chair(self, name)

    def configures(self, limits: Mapping[str, Any], **policies: Any) -> tuple[Effect, ...]:
        at = moment(self.now_s)
        return self.send(
            SiteConfigured.model_validate({"at": at, "site": self.site, "limits": limits, "policies": policies})
        )

    # ---- what people do ----------------------------------------------------------------------------------------

    def alert(self, rule: str) -> Alert:
        """The one open alert of a rule."""
        (found,) = [alert for alert in self.shard.desk.open.values() if alert.rule == rule]
        return found

    def open_rules(self) -> set[str]:
        return {alert.rule for alert in self.shard.desk.open.values()}

    def acknowledges(self, rule: str, by: str = "rn-1") -> tuple[Effect, ...]:
        return self.send(AlertAcknowledged(at=moment(self.now_s), site=self.site, alert=self.alert(rule).id, by=by))

    def snoozes(self, rule: str, minutes: float, by: str = "rn-1") -> tuple[Effect, ...]:
        at, until = moment(self.now_s), moment(self.now_s + minutes * 60)
        return self.send(AlertSnoozed(at=at, site=self.site, alert=self.alert(rule).id, by=by, until=until))

    def closes(self, rule: str, by: str = "rn-1") -> tuple[Effect, ...]:
        return self.send(AlertClosed(at=moment(self.now_s), site=self.site, alert=self.alert(rule).id, by=by))

    # ---- what came of it ---------------------------------------------------------------------------------------

    @property
    def transitions(self) -> list[Transition]:
        return [effect for effect in self.effects if isinstance(effect, Transition)]

    @property
    def pages(self) -> list[Page]:
        return [effect for effect in self.effects if isinstance(effect, Page)]

    @property
    def entries(self) -> list[AuditEntry]:
        return [effect for effect in self.effects if isinstance(effect, AuditEntry)]

    @property
    def dead_letters(self) -> list[DeadLetter]:
        return [effect for effect in self.effects if isinstance(effect, DeadLetter)]

    def told(self, *rules: str) -> list[str]:
        """The story of these rules, or of all."""
        return story(one for one in self.transitions if not rules or one.rule in rules)


@dataclass(frozen=True, slots=True)
class Chair:
    """Chair 3 has the monitor m-3, the patient P-3 and the session S-3."""

    scene: Scene
    name: str

    @property
    def device(self) -> str:
        return f"m-{self.name}"

    @property
    def patient(self) -> str:
        return f"P-{self.name}"

    @property
    def session(self) -> str:
        return f"S-{self.name}"

    def _who(self) -> dict[str, Any]:
        return {
            "at": moment(self.scene.now_s),
            "site": self.scene.site,
            "patient": self.patient,
            "session": self.session,
        }

    def starts(self, drug: str | None = "ketamine", route: str | None = "iv", **more: Any) -> tuple[Effect, ...]:
        fields = {**self._who(), "chair": self.name, "device": self.device, "drug": drug, "route": route, **more}
        return self.scene.send(SessionStarted.model_validate(fields))

    def ends(self) -> tuple[Effect, ...]:
        return self.scene.send(SessionEnded.model_validate(self._who()))

    def infuses(self, mg: float = 35, minutes: float = 40, **more: Any) -> tuple[Effect, ...]:
        fields = {**self._who(), "drug": "ketamine", "route": "iv", "amount_mg": mg, "minutes": minutes, **more}
        return self.scene.send(Dose.model_validate(fields))

    def stops(self, given_mg: float) -> tuple[Effect, ...]:
        return self.scene.send(DoseStopped.model_validate({**self._who(), "given_mg": given_mg}))

    def registers(self, limits: Mapping[str, Any] | None = None) -> tuple[Effect, ...]:
        fields = {"at": moment(self.scene.now_s), "site": self.scene.site, "patient": self.patient, "limits": limits}
        return self.scene.send(PatientRegistered.model_validate(fields))

    def takes(self, device: str) -> tuple[Effect, ...]:
        """This device now stands at this chair."""
        at = moment(self.scene.now_s)
        return self.scene.send(DeviceAssigned(at=at, site=self.scene.site, device=device, chair=self.name))

    def scores(self, instrument: str, score: float) -> tuple[Effect, ...]:
        return self.scene.send(CheckIn.model_validate({**self._who(), "instrument": instrument, "score": score}))

    def cuff(self, sbp: float | None, dbp: float | None = None, **more: Any) -> tuple[Effect, ...]:
        """One blood pressure, now."""
        return self.scene.send(self.vitals(sbp=sbp, dbp=dbp, **more))

    def shows(self, length: int, **channels: Series) -> None:
        """So many seconds of the monitor, a sample each second; a number stays, a list is walked through."""
        self.scene.together(length, {self.name: channels})

    def spo2(self, readings: Sequence[float | None]) -> None:
        self.shows(len(readings), spo2=readings)

    def sample(self, second: int, channels: Mapping[str, Series]) -> Vitals:
        """The sample of the so-manieth second of some series; a reading that is None is absent."""
        now = {name: value[second] if isinstance(value, Sequence) else value for name, value in channels.items()}
        return self.vitals(**now)

    def vitals(self, at_s: float | None = None, **fields: Any) -> Vitals:
        """One sample, of the chair's own monitor unless it is said otherwise."""
        at = moment(self.scene.now_s if at_s is None else at_s)
        return Vitals.model_validate({"at": at, "site": self.scene.site, "device": self.device, **fields})
