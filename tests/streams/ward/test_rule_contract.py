"""Every rule of the registry keeps one contract: it has a scene that makes it begin and one that ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import getsource
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from alerts.effects import Transition, effect_document
from models.instants import MINUTE, SECOND
from models.tables.limits import LIMITS
from models.tables.rules import RULES
from models.wire.live import TRANSITION_ADAPTER
from models.wire.observations import (
    AlertClosed,
    ClockApart,
    Conflicted,
    DestinationFailing,
    DestinationRestored,
    DiskLow,
    Event,
    GlassBroken,
    Intervention,
    PatientRegistered,
    SessionStarted,
    SetAside,
    SiteConfigured,
    Vitals,
)
from streams.ward.rules.crowding import OF_A_SENDER
from streams.ward.rules.help_asked import HELP_ASKED
from streams.ward.rules.registry import REGISTRY, Enrolment
from streams.ward.signal.quality import FROZEN_AFTER
from tests.models.test_limits import ALONE, just_past, send, watched
from tests.streams.ward.test_home import Practice
from tests.support.scenes import Scene, breathing, moment

BOARD_TABLES: Final = Path(__file__).parents[3] / "alerts/board/src/tables.json"


class Story(NamedTuple):
    """A rule's scene: what has come out of the clinic so far, and how to go on."""

    clinic: Scene | Practice
    end: Callable[[], None]
    """Does what ends the condition; of a rule that only a person ends, the end of the session or of the day."""


STORIES: dict[str, Callable[[], Story]] = {}


def scene_of(rule: str) -> Callable[[Callable[[], Story]], Callable[[], Story]]:
    """Enrol a scene under the rule that it makes begin."""

    def enrol(scene: Callable[[], Story]) -> Callable[[], Story]:
        assert rule not in STORIES, f"{rule} has a scene already"
        STORIES[rule] = scene
        return scene

    return enrol


# ---- rules that are rows of the limits table -------------------------------------------------------------------------


def limit_story(rule: str) -> Story:
    """The rule's first row past its limit for long enough, then back at where it ends."""
    limit = next(limit for limit in ALONE if limit.rule == rule)
    scene = watched(limit, just_past(limit), long_enough=True)

    def end() -> None:
        scene.now_s += 60
        for _ in range(1 if limit.readings else int(limit.leave_s) + 1):
            send(scene, limit, limit.leave)
            scene.now_s += 1

    return Story(scene, end)


for name in dict.fromkeys(limit.rule for limit in LIMITS):
    STORIES[name] = lambda rule=name: limit_story(rule)  # type: ignore[misc]  # mypy infers no type for a default argument


# ---- rules of a session ----------------------------------------------------------------------------------------------


def treated(minutes_before: float = 5) -> Scene:
    """A session with a normal cuff and an infusion that has just begun."""
    clinic = Scene()
    chair = clinic.chair("3")
    chair.starts(planned_mg=35, planned_minutes=40)
    chair.cuff(120, 75)
    clinic.now_s += minutes_before * 60
    chair.infuses()
    return clinic


def monitored(seconds: int = 60, **channels: float) -> Scene:
    """A session whose monitor has shown believable signals for a while."""
    clinic = Scene()
    clinic.chair("3").starts()
    readings = {"hr": 70, "rr": 14, "spo2": 95, **channels}
    clinic.chair("3").shows(seconds, **{name: breathing(level, seconds) for name, level in readings.items()})
    return clinic


def shows(clinic: Scene, seconds: int, **channels: float | None) -> None:
    """Go on showing signals that move; None: the channel shows nothing."""
    clinic.chair("3").shows(
        seconds, **{name: None if level is None else breathing(level, seconds) for name, level in channels.items()}
    )


@scene_of("pressure-forecast")
def _() -> Story:
    clinic = Scene()
    chair = clinic.chair("3")
    chair.starts(planned_mg=35, planned_minutes=40)
    clinic.now_s = 300
    chair.cuff(152, 88)
    clinic.now_s = 600
    chair.infuses()
    clinic.now_s = 1200
    chair.cuff(170, 96)

    def end() -> None:
        for minute, sbp in ((25, 140), (30, 138)):
            clinic.now_s = 60 * minute
            chair.cuff(sbp, 80)

    return Story(clinic, end)


@scene_of("dose-check")
def _() -> Story:
    clinic = Scene()
    chair = clinic.chair("3")
    chair.starts(planned_mg=35, planned_minutes=40)
    chair.cuff(120, 75)
    chair.infuses(mg=1500, id="d-1")

    def end() -> None:
        chair.infuses(mg=35, id="d-2", replaces="d-1")

    return Story(clinic, end)


@scene_of("two-at-once")
def _() -> Story:
    clinic = Scene()
    chair = clinic.chair("3")
    chair.starts()
    chair.starts(patient="P-9", session="S-9")

    def end() -> None:
        chair.ends()

    return Story(clinic, end)


@scene_of("session-forgotten")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.now_s = 2 * 3600 + 1
    clinic.send()
    return Story(clinic, lambda: _score(clinic, "moaas", 5))


@scene_of("entry-refused")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").infuses(patient="P-9")

    def end() -> None:
        clinic.chair("3").ends()

    return Story(clinic, end)


@scene_of("help-asked")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.send(Intervention(at=moment(0), site=clinic.site, patient="P-3", session="S-3", what=HELP_ASKED))
    return Story(clinic, lambda: _leave(clinic))


@scene_of("prolonged-dissociation")
def _() -> Story:
    clinic = treated()
    clinic.passes(118 * 60)
    clinic.chair("3").scores("cadss", 12)
    clinic.passes(3 * 60)
    return Story(clinic, lambda: _score(clinic, "cadss", 0))


def _score(clinic: Scene, instrument: str, score: float) -> None:
    clinic.chair("3").scores(instrument, score)


@scene_of("suicidal-ideation")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").scores("cssrs-screen", 4)
    return Story(clinic, lambda: _leave(clinic))


@scene_of("answers-unread")
def _() -> Story:
    practice = Practice()
    practice.says("checkin", instrument="phq-9", items={"one": 1, "two": 2, "three": 3})
    return Story(practice, lambda: practice.passes(1))


@scene_of("entry-unread")
def _() -> Story:
    practice = Practice()
    practice.says("checkin", instrument="cadss", items=[4] * 22)
    return Story(practice, lambda: practice.passes(1))


def _leave(clinic: Scene) -> None:
    clinic.chair("3").ends()
    clinic.passes(5)


@scene_of("predose-pressure")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").cuff(150, 95)
    return Story(clinic, lambda: _cuff(clinic, 120, 75))


def _cuff(clinic: Scene, sbp: float, dbp: float) -> None:
    clinic.now_s += 120
    clinic.chair("3").cuff(sbp, dbp)


@scene_of("vitals-overdue")
def _() -> Story:
    clinic = treated()
    clinic.passes(16 * 60)
    return Story(clinic, lambda: _cuff(clinic, 124, 76))


@scene_of("checkin-overdue")
def _() -> Story:
    clinic = treated()
    clinic.passes(46 * 60)
    return Story(clinic, lambda: _score(clinic, "moaas", 5))


@scene_of("observation-incomplete")
def _() -> Story:
    clinic = treated()
    clinic.passes(10 * 60)
    clinic.chair("3").ends()
    return Story(clinic, lambda: clinic.passes(60))


@scene_of("contraindication")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts(drug="esketamine", route="intranasal")
    clinic.send(PatientRegistered(at=moment(0), site=clinic.site, patient="P-3", conditions=("aneurysm",)))
    healed = PatientRegistered(at=moment(1), site=clinic.site, patient="P-3", conditions=())
    return Story(clinic, lambda: _send(clinic, healed))


def _send(clinic: Scene, record: Event) -> None:
    clinic.send(record)


# ---- rules of a monitor ----------------------------------------------------------------------------------------------


@scene_of("unscheduled")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").shows(5, spo2=breathing(96, 5))
    start = SessionStarted(at=moment(10), site=clinic.site, patient="P-3", session="S-3", device="m-3", drug="ketamine")
    return Story(clinic, lambda: _send(clinic, start))


@scene_of("unknown-devices")
def _() -> Story:
    clinic = Scene()
    clinic.send(*(Vitals(at=moment(0), device=f"x-{number}", spo2=97.0) for number in range(OF_A_SENDER + 1)))
    return Story(clinic, lambda: clinic.passes(60))


@scene_of("other-site")
def _() -> Story:
    clinic = Scene()
    clinic.send(SetAside(at=moment(0), field="site", reason="this service serves main, not north", line="{}"))
    return Story(clinic, lambda: clinic.passes(60))


@scene_of("no-data")
def _() -> Story:
    clinic = monitored()
    clinic.passes(40)
    return Story(clinic, lambda: shows(clinic, 5, hr=70, rr=14, spo2=95))


@scene_of("never-started")
def _() -> Story:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.passes(4 * 60)
    return Story(clinic, lambda: shows(clinic, 5, hr=70, rr=14, spo2=95))


@scene_of("probe-off")
def _() -> Story:
    clinic = monitored()
    shows(clinic, 40, hr=70, rr=14, spo2=None)
    return Story(clinic, lambda: shows(clinic, 5, hr=70, rr=14, spo2=95))


@scene_of("artefact")
def _() -> Story:
    clinic = monitored()
    clinic.chair("3").shows(FROZEN_AFTER // SECOND + 2, hr=70, rr=14, spo2=95)
    return Story(clinic, lambda: shows(clinic, 5, hr=70, rr=14, spo2=95))


@scene_of("implausible")
def _() -> Story:
    clinic = monitored()
    shows(clinic, 40, hr=70, rr=14, spo2=20)
    return Story(clinic, lambda: shows(clinic, 5, hr=70, rr=14, spo2=95))


@scene_of("clock-skew")
def _() -> Story:
    clinic = monitored()
    chair = clinic.chair("3")
    clinic.send(chair.vitals(at_s=clinic.now_s + 3 * MINUTE / SECOND, spo2=96))

    def end() -> None:
        clinic.now_s += 4 * MINUTE / SECOND
        clinic.send(chair.vitals(spo2=95))

    return Story(clinic, end)


@scene_of("integrity")
def _() -> Story:
    clinic = Scene()
    clinic.send(Conflicted(at=moment(0), offset=7, effect=0, stored="a", offered="b"))
    return Story(clinic, lambda: clinic.passes(60))


@scene_of("page-failing")
def _() -> Story:
    clinic = Scene()
    clinic.send(DestinationFailing(at=moment(0), destination="ntfy", since=moment(0), reason="no connection", well=1))

    def end() -> None:
        clinic.send(DestinationRestored(at=moment(0), destination="ntfy"))

    return Story(clinic, end)


@scene_of("host-clock")
def _() -> Story:
    clinic = Scene()
    clinic.send(ClockApart(at=moment(0), apart_s=-3600.0, stepped_s=-3600.0))

    def end() -> None:
        clinic.send(ClockApart(at=moment(0)))

    return Story(clinic, end)


@scene_of("disk-full")
def _() -> Story:
    clinic = Scene()
    clinic.send(DiskLow(at=moment(0), free_mb=800, of_mb=32_000))

    def end() -> None:
        clinic.send(DiskLow(at=moment(0)))

    return Story(clinic, end)


@scene_of("glass-broken")
def _() -> Story:
    clinic = Scene()
    clinic.send(GlassBroken(at=moment(0), patient="P-1", by="ada", of="north", until=moment(3600)))
    return Story(clinic, lambda: clinic.passes(60))


@scene_of("nobody-on-call")
def _() -> Story:
    clinic = Scene()
    rota = {"people": {"ada": {}}, "schedules": {"nurses": {"timezone": "UTC"}}}
    clinic.send(SiteConfigured(at=moment(0), rota=rota))

    def end() -> None:
        clinic.send(SiteConfigured(at=moment(1), rota={**rota, "schedules": {}}))

    return Story(clinic, end)


# ---- rules of patients at home ---------------------------------------------------------------------------------------


def at_home() -> Practice:
    practice = Practice()
    practice.configures()
    practice.doses()
    return practice


@scene_of("mood-worsening")
def _() -> Story:
    practice = at_home()
    practice.weekly((8, 8, 15))
    return Story(practice, lambda: practice.scores(8))


@scene_of("maintenance-due")
def _() -> Story:
    practice = at_home()
    practice.passes(3)
    practice.foresees(0.5, 0.9)
    return Story(practice, practice.doses)


@scene_of("relapse-risk")
def _() -> Story:
    practice = at_home()
    practice.passes(3)
    practice.foresees(0.85, 0.95)
    return Story(practice, practice.doses)


# ---- the contract ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Played:
    enrolment: Enrolment
    story: Story

    @property
    def steps(self) -> list[Transition]:
        effects = self.story.clinic.effects
        return [each for each in effects if isinstance(each, Transition) and each.rule == self.enrolment.rule]


@pytest.fixture(params=sorted(REGISTRY))
def played(request: pytest.FixtureRequest) -> Played:
    rule: str = request.param
    assert rule in STORIES, f"write a scene that makes {rule} begin and end, under @scene_of"
    return Played(REGISTRY[rule], STORIES[rule]())


def test_every_rule_is_enrolled_and_has_a_scene() -> None:
    assert set(REGISTRY) == set(RULES), "models/tables/rules.py and streams/ward/rules/registry.py name the same rules"
    assert set(STORIES) == set(REGISTRY), "a rule that is no limit has its scene in this file"


def test_every_rule_has_its_words_on_the_board() -> None:
    assert set(json.loads(BOARD_TABLES.read_text("utf-8"))["rules"]) == set(RULES), "run `make schema`"
    titles = [rule.title for rule in RULES.values()]
    assert len(set(titles)) == len(titles)
    assert all(titles)


@pytest.mark.parametrize("rule", sorted(set(REGISTRY) - {limit.rule for limit in LIMITS}))
def test_a_rule_that_is_no_limit_is_named_by_the_module_that_judges_it(rule: str) -> None:
    name = REGISTRY[rule].module
    module = import_module(name if name.startswith("alerts.") else f"streams.ward.{name}")
    assert f'"{rule}"' in getsource(module)


def test_a_rule_begins_once_with_a_sentence_a_source_and_what_the_wire_takes(played: Played) -> None:
    rule = played.enrolment.rule
    raised = [each for each in played.steps if each.transition == "raised"]
    assert raised, f"the scene of {rule} makes nothing begin: is {played.enrolment.module} called?"
    assert len(raised) == 1, played.story.clinic.told()
    (first,) = raised
    assert RULES[rule].title in first.text
    assert first.source
    assert first.category == RULES[rule].category
    assert first.onset_at <= first.at
    TRANSITION_ADAPTER.validate_json(json.dumps(effect_document(first)))


def test_a_rule_ends_as_its_row_says(played: Played) -> None:
    assert played.steps[-1].transition not in {"closed", "latched"}
    played.story.end()
    ended = played.steps[-1]
    if played.enrolment.ends == "by itself":
        assert ended.transition == ("latched" if RULES[ended.rule].latches and _was_medium(played) else "closed")
        return
    assert ended.transition not in {"closed", "latched"}, "only a person ends it"
    clinic = played.story.clinic
    if isinstance(clinic, Scene):
        clinic.send(AlertClosed(at=moment(clinic.now_s), site=clinic.site, alert=ended.alert, by="rn-1"))
    else:
        clinic.answers("closed", ended.rule)
    assert played.steps[-1].transition == "closed"


def _was_medium(played: Played) -> bool:
    return any(step.priority in {"medium", "high"} for step in played.steps)
