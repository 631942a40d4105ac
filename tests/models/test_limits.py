"""The limits: every row of the table is tested by being in it, and what a site or a patient changes of it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from models.tables.channels import CHANNELS
from models.tables.limits import FOLLOWS, LIMIT_COLUMNS, LIMITS, UNITS, Limit, LimitRefused, with_overrides
from models.tables.rules import RULES
from models.wire.observations import LimitChange, LimitChanges
from tests.support.scenes import Scene, seconds

ALONE = [limit for limit in LIMITS if limit.role == "alone"]
"""The rows that count by themselves; those that add to them are told in tests/streams/ward/test_cuffs.py."""
every_limit = pytest.mark.parametrize("limit", ALONE, ids=["-".join(limit.key) for limit in ALONE])

STEP = {"temp": 0.1}
"""One unit of a reading as a device shows it."""

WELL = {
    "sbp": 145.0,
    "dbp": 75.0,
    "spo2": 97.0,
    "rate": 72.0,
    "rr": 14.0,
    "etco2": 38.0,
    "breaths": 2.0,
    "rr-alone": 14.0,
    "spo2-doubted": 97.0,
    "etco2-beside": 38.0,
    "temp": 36.8,
    "moaas": 5.0,
    "cadss": 0.0,
}
BREATHS = {0.0: {"rr": 0.0, "etco2": 0.0}, 1.0: {"rr": 0.0, "etco2": 38.0}, 2.0: {"rr": 14.0, "etco2": 38.0}}
"""What a capnograph shows where so many of its two numbers show a breath."""
BASELINE = {"sbp-rise": ("sbp", 100.0), "dbp-rise": ("dbp", 60.0)}


def just_past(limit: Limit) -> float:
    """The mildest reading that is past the limit."""
    step = STEP.get(limit.channel, 1.0)
    outwards = step if limit.above else -step
    return limit.enter if limit.past.endswith("=") else round(limit.enter + outwards, 1)


def just_inside(limit: Limit) -> float:
    """One unit less."""
    step = STEP.get(limit.channel, 1.0)
    return round(just_past(limit) - (step if limit.above else -step), 1)


def only(limit: Limit) -> dict[str, Any]:
    """A site where this row alone is in force, so that a milder or a worse one does not speak for it."""
    changes: dict[str, Any] = {}
    for other in LIMITS:
        if other.key != limit.key:
            by_priority = changes.setdefault(other.rule, {}).setdefault(other.priority.word, {})
            by_priority[other.channel] = {"enabled": False}
    if limit.channel in FOLLOWS:
        changes[limit.rule][limit.priority.word][limit.channel] = {"enabled": True}
    return changes


def send(scene: Scene, limit: Limit, reading: float) -> None:
    """One reading of the limit's channel."""
    chair, channel = scene.chair("3"), limit.channel
    if channel in {"moaas", "cadss"}:
        chair.scores(channel, reading)
    elif channel in BASELINE:
        measured, baseline = BASELINE[channel]
        scene.send(chair.vitals(**{measured: baseline + reading}))
    elif channel == "spo2-doubted":
        scene.send(chair.vitals(spo2=reading, hr=76.0, pulse=38.0))
    elif channel == "etco2-beside":
        scene.send(chair.vitals(etco2=reading, rr=8.0))
    elif channel == "breaths":
        scene.send(chair.vitals(**BREATHS[reading]))
    else:
        scene.send(chair.vitals(**{{"rate": "hr", "rr-alone": "rr"}.get(channel, channel): reading}))


APART_S = 180
"""Between readings of a cuff: sooner, the same numbers are the same cuff."""


def watched(limit: Limit, reading: float, long_enough: bool) -> Scene:
    """A session at rest, then `reading` for as long (or as often) as the limit wants, or one short of it."""
    scene = Scene()
    scene.configures(only(limit))
    chair = scene.chair("3")
    chair.starts()
    if limit.channel in BASELINE:
        measured, baseline = BASELINE[limit.channel]
        scene.send(chair.vitals(**{measured: baseline}))
        chair.infuses()  # cuffs before the dose are the baseline, those after it are held against it
    elif limit.channel not in {"moaas", "cadss"}:
        send(scene, limit, WELL[limit.channel])
    if limit.readings:
        for _ in range(limit.readings if long_enough else limit.readings - 1):
            scene.now_s += APART_S
            send(scene, limit, reading)
    else:
        scene.now_s += 60  # after a gap any believable reading is trusted, however far it is from the last
        for _ in range(int(limit.hold_s) + (1 if long_enough else 0)):
            send(scene, limit, reading)
            scene.now_s += 1
    return scene


def test_every_row_says_of_the_limit_itself_which_it_is_and_why() -> None:
    for limit in LIMITS:
        assert limit.at_limit.startswith(f"{limit.past} "), limit.key
        assert len(limit.at_limit.split()) > 1, limit.key


def test_a_row_is_past_at_its_limit_where_the_source_beside_it_says_so() -> None:
    """A source that names the row's own number says <= or <; a row that differs says that it does."""
    for limit in LIMITS:
        said = {
            sign
            for sign, number in re.findall(r"(<=|>=|<|>)(\d+(?:\.\d+)?)", limit.source)
            if float(number) == limit.enter
        }
        assert not said or said == {limit.past} or "source says" in limit.at_limit, limit.key


@pytest.mark.parametrize(
    ("readings", "told"),
    [
        ({"spo2": 85.0}, "high desaturation"), ({"rr": 8.0}, "medium bradypnoea"), ({"etco2": 60.0}, "medium hypoventilation"),
        ({"rr": 3.0, "etco2": None}, "high apnoea"),
    ],
)  # fmt: skip
def test_a_reading_at_the_limit_itself_is_told(readings: dict[str, float | None], told: str) -> None:
    scene = Scene()
    chair = scene.chair("3")
    chair.starts()
    chair.shows(10, spo2=97.0, rr=14.0, etco2=38.0)
    chair.shows(70, **{"spo2": 97.0, "rr": 14.0, "etco2": 38.0, **readings})
    assert any(told in line for line in scene.told())


@pytest.mark.parametrize(
    ("sbp", "told"),
    [(90.0, "medium hypotension"), (80.0, "high hypotension"), (91.0, None), (81.0, "medium hypotension")],
)
def test_two_cuffs_at_the_limit_itself_are_told(sbp: float, told: str | None) -> None:
    scene = Scene()
    chair = scene.chair("3")
    chair.starts()
    for _ in range(2):
        scene.now_s += 300
        chair.cuff(sbp, 50.0)
    raised = [line for line in scene.told("hypotension") if "high" in line or "medium" in line]
    assert (raised[-1].split(" raised")[0].split(" worsened")[0].split(" ", 1)[1] if raised else None) == told


def test_after_a_pause_a_breath_of_the_limit_s_own_co2_does_not_end_it() -> None:
    scene = Scene()
    chair = scene.chair("3")
    chair.starts()
    chair.shows(10, etco2=38.0)
    chair.shows(25, etco2=4.0)
    chair.shows(60, etco2=15.0)
    assert "apnoea" in scene.open_rules()
    assert [line for line in scene.told("apnoea") if "latched" in line] == []
    chair.shows(35, etco2=16.0)
    assert [line for line in scene.told("apnoea") if "latched" in line] != []


@every_limit
def test_a_reading_past_the_limit_for_long_enough_raises_its_alert(limit: Limit) -> None:
    scene = watched(limit, just_past(limit), long_enough=True)
    (raised,) = [one for one in scene.transitions if one.rule == limit.rule]
    assert (raised.transition, raised.priority) == ("raised", limit.priority.word)
    assert raised.source == limit.source
    assert raised.evidence["channel"] == limit.channel
    assert raised.evidence["limit"] == limit.enter
    assert raised.evidence["unit"] == UNITS[limit.channel]
    assert seconds(raised.at) - seconds(raised.onset_at) == (limit.hold_s or APART_S * max(limit.readings - 1, 0))


@every_limit
def test_a_reading_one_unit_inside_the_limit_raises_nothing(limit: Limit) -> None:
    assert watched(limit, just_inside(limit), long_enough=True).told(limit.rule) == []


@every_limit
def test_a_reading_past_the_limit_for_too_short_a_time_raises_nothing(limit: Limit) -> None:
    assert watched(limit, just_past(limit), long_enough=False).told(limit.rule) == []


@every_limit
def test_back_inside_enter_but_not_at_leave_does_not_end_it(limit: Limit) -> None:
    between = just_inside(limit)
    if (between <= limit.leave) if limit.above else (between >= limit.leave):
        assert limit.channel in {"moaas", "cadss", "breaths"}, "only whole numbers may leave one unit inside"
        return
    scene = watched(limit, just_past(limit), long_enough=True)
    for _ in range(3 if limit.readings else int(limit.leave_s) + 5):
        scene.now_s += 60 if limit.readings else 1
        send(scene, limit, between)
    assert limit.rule in scene.open_rules()
    assert len(scene.told(limit.rule)) == 1


@every_limit
def test_back_at_leave_for_long_enough_ends_it(limit: Limit) -> None:
    scene = watched(limit, just_past(limit), long_enough=True)
    scene.now_s += 60
    for _ in range(1 if limit.readings else int(limit.leave_s) + 1):
        send(scene, limit, limit.leave)
        scene.now_s += 1
    latches = RULES[limit.rule].latches and limit.priority >= 2
    last = [one for one in scene.transitions if one.rule == limit.rule][-1]
    assert last.transition == ("latched" if latches else "closed")


# ---- the table


def test_every_rule_has_a_category_and_every_limit_s_rule_and_channel_exist() -> None:
    categories = {
        "cardiovascular",
        "respiratory",
        "consciousness",
        "dissociation",
        "mood",
        "protocol",
        "technical",
        "maintenance",
    }
    assert {rule.category for rule in RULES.values()} == categories
    assert {limit.rule for limit in LIMITS} <= set(RULES)
    assert {limit.channel for limit in LIMITS} <= set(LIMIT_COLUMNS)
    assert set(UNITS) == set(LIMIT_COLUMNS)


def test_every_limit_has_a_source_a_name_of_its_own_and_a_way_out() -> None:
    assert len({limit.key for limit in LIMITS}) == len(LIMITS)
    for limit in LIMITS:
        assert limit.source.strip()
        assert (limit.leave <= limit.enter) if limit.above else (limit.leave >= limit.enter)
        assert bool(limit.readings) != bool(limit.hold_s), "a limit counts readings or holds for a time, not both"
    assert with_overrides(LIMITS, {}) == LIMITS, "the table passes its own check"


def test_every_channel_that_is_measured_has_a_limit_or_a_reason_not_to() -> None:
    without = {channel.name for channel in CHANNELS} - {limit.channel for limit in LIMITS}
    assert without == {
        "hr", "pulse",  # through `rate`
        "map",  # follows from the other two
        "tcco2",  # a trend, with a drift of its own
    }  # fmt: skip


@pytest.mark.parametrize("enabled", [True, False])
def test_a_row_that_is_not_enabled_can_never_be_entered(enabled: bool) -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.configures({"desaturation": {priority: {"spo2": {"enabled": enabled}} for priority in ("medium", "high")}})
    clinic.chair("3").shows(30, spo2=80)
    assert bool(clinic.told("desaturation")) == enabled


def test_a_limit_that_is_held_needs_a_time_or_is_believed_at_its_first_reading() -> None:
    for limit in LIMITS:
        assert not limit.held or limit.readings <= 1, "the ward counts no readings but cuffs' and scores'"


# ---- what a site and a patient change


def desaturation(priority: str = "medium", **change: object) -> dict[str, object]:
    return {"desaturation": {priority: {"spo2": change}}}


def test_a_site_s_limit_is_in_force_for_the_sessions_that_are_open() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.chair("3").shows(5, spo2=97)
    clinic.configures(desaturation(enter=94, leave=95, hold_s=5))
    clinic.chair("3").shows(6, spo2=93)
    assert clinic.told("desaturation") == ["0:10 medium desaturation raised (P-3)"]


def test_another_site_keeps_its_own_limits() -> None:
    clinic = Scene(site="north")
    clinic.chair("3").starts()
    clinic.site = "main"
    clinic.configures(desaturation(enter=94, leave=95, hold_s=5))
    clinic.site = "north"
    clinic.chair("3").shows(20, spo2=93)
    assert clinic.told("desaturation") == []


def test_a_patient_s_limit_goes_before_the_site_s_and_stays_over_sessions() -> None:
    clinic = Scene()
    clinic.configures(desaturation(enter=94, leave=95))
    clinic.chair("3").registers(desaturation(enter=88, leave=89, reason="lives at 91 %"))
    for _ in range(2):
        clinic.chair("3").starts()
        clinic.chair("4").starts()
        clinic.together(20, {"3": {"spo2": 91}, "4": {"spo2": 91}})
        clinic.chair("3").ends()
        clinic.chair("4").ends()
    told = [line for line in clinic.told("desaturation") if "raised" in line]
    assert told == ["0:15 medium desaturation raised (P-4)", "0:35 medium desaturation raised (P-4)"]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"desaturatoin": {"medium": {"spo2": {"enter": 88}}}}, "limits.desaturatoin.medium.spo2", "no such limit"),
        (desaturation("low", enter=88), "limits.desaturation.low.spo2", "no such limit; there are desaturation.high.spo2"),
        (desaturation(enter=88, leave=86), "limits.desaturation.medium.spo2", "leave 86 must be at or above enter 88"),
        (desaturation(enter=30, leave=92), "limits.desaturation.medium.spo2", "outside what the channel can show (40 to 100 %)"),
        (desaturation(enter=84), "limits.desaturation.high.spo2", "enter 85 is milder than medium's 84"),
        ({"hypertension": {"low": {"sbp": {"hold_s": 30}}}}, "limits.hypertension.low.sbp", "comes in single readings"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("who", ["site", "patient"])
def test_a_change_that_makes_no_sense_is_set_aside_with_its_field_and_reason(
    who: str, change: dict[str, object], field: str, reason: str
) -> None:
    clinic = Scene()
    tell: Callable[[dict[str, object]], object] = clinic.configures if who == "site" else clinic.chair("3").registers
    tell(change)
    if who == "site":
        (letter,) = clinic.dead_letters
        assert (letter.field, reason in letter.reason, clinic.entries) == (field, True, [])
    else:
        # Of a registration the rest is used.
        (entry,) = clinic.entries
        ((where, why),) = [(one["field"], one["reason"]) for one in entry.doc["unread"]]
        assert (where, reason in why, entry.outcome) == (field, True, f"accepted but for {field}")
        assert (clinic.told("entry-unread"), clinic.dead_letters) == (["0:00 medium entry-unread raised (P-3)"], [])
    clinic.chair("3").shows(16, spo2=89)
    assert clinic.told("desaturation") == ["0:15 medium desaturation raised (m-3)"], "what was in force stays in force"


@pytest.mark.parametrize("channel", ["rate", "hr", "pulse"])
def test_a_heart_rate_s_limit_is_named_as_the_row_or_as_a_monitor_names_it(channel: str) -> None:
    changes: LimitChanges = {"bradycardia": {"medium": {channel: LimitChange(enter=39, leave=40)}}}
    (changed,) = [row for row in with_overrides(LIMITS, changes) if row not in LIMITS]
    assert (changed.key, changed.enter) == (("bradycardia", "medium", "rate"), 39)


def test_a_refused_change_changes_nothing_at_all() -> None:
    changes: LimitChanges = {
        "desaturation": {"medium": {"spo2": LimitChange(enter=89)}},
        "bradypnoea": {"medium": {"rr": LimitChange(leave=1)}},
    }
    with pytest.raises(LimitRefused) as refused:
        with_overrides(LIMITS, changes)
    assert refused.value.field == "limits.bradypnoea.medium.rr"


def test_a_saturation_that_is_doubted_is_low_where_the_site_says_that_a_believed_one_is() -> None:
    changes: LimitChanges = {"desaturation": {"medium": {"spo2": LimitChange(enter=88, leave=89, hold_s=5)}}}
    rows = {limit.key: limit for limit in with_overrides(LIMITS, changes)}
    before = {limit.key: limit for limit in LIMITS}
    doubted = ("desaturation", "medium", "spo2-doubted")
    assert (rows[doubted].enter, rows[doubted].leave) == (88, 89)
    assert rows[doubted].hold_s == before[doubted].hold_s, "how long is its own"
    off: LimitChanges = {"desaturation": {"high": {"spo2": LimitChange(enabled=False)}}}
    assert not {limit.key: limit for limit in with_overrides(LIMITS, off)}[
        "desaturation", "high", "spo2-doubted"
    ].enabled


def test_a_doubted_saturation_has_no_limit_of_its_own_to_move() -> None:
    with pytest.raises(LimitRefused, match="begins and ends where spo2 does: change that"):
        with_overrides(LIMITS, {"desaturation": {"medium": {"spo2-doubted": LimitChange(enter=80)}}})


def test_a_row_on_something_derived_is_held_to_what_its_channel_can_show() -> None:
    with pytest.raises(LimitRefused, match="outside what the channel can show"):
        with_overrides(LIMITS, {"bradypnoea": {"medium": {"rr-alone": LimitChange(enter=1000, leave=1000)}}})
