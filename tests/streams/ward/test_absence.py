"""Absence: what should have come and did not is said at its own instant, and it never proves anything about a patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.instants import SECOND
from models.tables.channels import SLOWEST_BEAT, STALE_AFTER
from models.tables.drugs import TREATMENTS
from models.wire.observations import ChannelStatus
from streams.shard import Shard
from tests.support.scenes import START_US, Scene, breathing, pack, seconds

ABSENT = {"no-data", "probe-off", "artefact", "implausible"}
STALE_S = STALE_AFTER // SECOND


def test_a_monitor_that_never_starts_is_said_three_minutes_after_the_session_did() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.passes(200)
    assert clinic.told() == ["3:00 medium never-started raised (P-3)"]
    assert len(clinic.pages) == 1
    clinic.chair("3").shows(1, spo2=97)
    assert clinic.told()[1:] == ["3:20 medium never-started closed (P-3)"]


def test_a_monitor_that_sends_only_that_its_probe_is_off_has_started() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.send(clinic.chair("3").vitals(status={"spo2": "probe-off"}))
    clinic.passes(200)
    assert clinic.told("never-started") == []


def test_silence_is_said_thirty_seconds_after_the_last_good_reading_at_that_instant_and_not_at_its_frame_s() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 1.25
    clinic.send(three.vitals(spo2=97))
    clinic.now_s = 77.5
    clinic.send()
    assert clinic.told() == ["0:31.250 low no-data raised (P-3)"]
    assert seconds(clinic.transitions[0].onset_at) == 1.25


def test_silence_that_lasts_two_minutes_pages() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(spo2=97))
    clinic.passes(300)
    assert clinic.told() == ["0:30 low no-data raised (P-3)", "2:00 medium no-data worsened (P-3)"]
    assert [seconds(page.at) for page in clinic.pages] == [120]


def test_a_frame_that_comes_exactly_when_silence_is_due_still_counts() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(spo2=97))
    clinic.now_s = STALE_S
    clinic.send(three.vitals(spo2=97))
    assert clinic.told() == []


def test_a_reading_ends_silence_and_alarms_at_once_on_what_it_shows() -> None:
    """A desaturation behind a gap must not wait for the signal to be believed again."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.send(three.vitals(spo2=97))
    clinic.now_s = 60
    three.shows(20, spo2=80)
    assert clinic.told() == [
        "0:30 low no-data raised (P-3)",
        "1:00 low no-data closed (P-3)",
        "1:10 high desaturation raised (P-3)",
    ]


@pytest.mark.parametrize(
    ("status", "rule"),
    [("probe-off", "probe-off"), ("off", "probe-off"), ("artefact", "artefact"), (None, "probe-off")],
)
def test_one_channel_that_is_lost_is_said_while_the_others_go_on(status: ChannelStatus | None, rule: str) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(10, spo2=97, hr=breathing(70, 10))
    for second in range(40):
        lost: dict[str, Any] = {} if status is None else {"status": {"spo2": status}}
        clinic.send(three.vitals(hr=70 + second % 3, **lost))
        clinic.now_s += 1
    assert clinic.told() == [f"0:39 low {rule} raised (P-3)"]
    assert clinic.transitions[0].evidence["channels"] == ["spo2"]
    three.shows(1, spo2=97, hr=71)
    assert clinic.told()[1:] == [f"0:50 low {rule} closed (P-3)"]


def test_readings_out_of_range_are_said_as_that() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(1, spo2=97, hr=70)
    three.shows(40, spo2=20, hr=breathing(70, 40))
    assert clinic.told() == ["0:30 low implausible raised (P-3)"]


def test_a_lost_probe_keeps_a_physiological_alert_up() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(16, spo2=88, hr=breathing(70, 16))
    three.shows(120, hr=breathing(70, 120))
    assert clinic.told("desaturation") == ["0:15 medium desaturation raised (P-3)"]
    assert clinic.open_rules() == {"desaturation", "probe-off"}
    clinic.passes(600)
    assert "desaturation" in clinic.open_rules(), "nor does silence end it"


@pytest.mark.parametrize(
    ("drug", "route", "before_min", "dosing_min", "after_min"),
    [
        (
            each.drug,
            each.route,
            each.protocol.cuff_before_min,
            each.protocol.cuff_dosing_min,
            each.protocol.cuff_observation_min,
        )
        for each in TREATMENTS.values()
        if each.usual is not None
    ],
)
def test_a_cuff_is_overdue_as_the_protocol_s_phase_has_it(
    drug: str, route: str, before_min: float, dosing_min: float, after_min: float
) -> None:
    def overdue_after(clinic: Scene, start_s: float) -> float:
        clinic.now_s = start_s + 4 * 3600
        clinic.send()
        raised = [one for one in clinic.transitions if one.rule == "vitals-overdue" and one.transition == "raised"]
        return (seconds(raised[-1].at) - start_s) / 60

    waiting = Scene()
    waiting.chair("3").starts(drug, route)
    assert overdue_after(waiting, 0) == before_min

    dosing = Scene()
    dosing.chair("3").starts(drug, route)
    dosing.chair("3").infuses(minutes=60)
    dosing.now_s = 60
    dosing.chair("3").cuff(120, 75)
    expected = TREATMENTS["ketamine", "iv"].protocol.cuff_dosing_min if route != "iv" else dosing_min
    assert overdue_after(dosing, 60) == expected, "the dose that was given says what is expected, not the plan"

    after = Scene()
    after.chair("3").starts(drug, route)
    after.chair("3").infuses(minutes=10)
    after.now_s = 11 * 60
    after.chair("3").cuff(120, 75)
    expected = TREATMENTS["ketamine", "iv"].protocol.cuff_observation_min if route != "iv" else after_min
    assert overdue_after(after, 11 * 60) == expected


def test_a_cuff_ends_overdue() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.now_s = 31 * 60
    clinic.chair("3").cuff(120, 75)
    assert clinic.told("vitals-overdue") == [
        "30:00 low vitals-overdue raised (P-3)",
        "31:00 low vitals-overdue closed (P-3)",
    ]


def test_nothing_is_overdue_for_a_session_nobody_announced() -> None:
    clinic = Scene()
    clinic.chair("3").shows(20, spo2=97)
    clinic.chair("3").cuff(120, 75)
    clinic.now_s = 50 * 60
    clinic.send()
    assert clinic.told("vitals-overdue") == []


@pytest.mark.parametrize(("ahead_s", "said"), [(59, False), (61, True), (-599, False), (-601, True), (3600, True)])
def test_a_device_whose_clock_is_wrong_is_said_and_still_watched(ahead_s: float, said: bool) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.now_s = 700
    for _ in range(20):
        clinic.send(three.vitals(at_s=clinic.now_s + ahead_s, spo2=88))
        clinic.now_s += 1
    assert bool(clinic.told("clock-skew")) is said
    assert len(clinic.told("desaturation")) == 1
    clinic.send(three.vitals(spo2=88))
    skewed = clinic.told("clock-skew")
    assert not said or ahead_s > 0 or skewed[-1].startswith("12:00 low clock-skew closed"), "right again"


# ---- what the protocol expects


@pytest.mark.parametrize(
    ("fields", "rule"),
    [({}, "probe-off"), ({"status": {"spo2": "probe-off"}}, "probe-off"), ({"spo2": 0.97}, "implausible")],
)
def test_a_saturation_that_was_never_good_is_said_after_three_minutes_and_pages_after_ten(
    fields: dict[str, Any], rule: str
) -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for second in range(620):
        clinic.send(three.vitals(hr=70 + second % 3, **fields))
        clinic.now_s += 1
    assert clinic.told() == [f"3:00 low {rule} raised (P-3)", f"10:00 medium {rule} worsened (P-3)"]
    assert "SpO2" in clinic.transitions[0].text
    assert [seconds(page.at) for page in clinic.pages] == [600]
    three.shows(1, spo2=97, hr=71)
    assert clinic.told()[2:] == [f"10:20 medium {rule} closed (P-3)"]


def test_a_saturation_that_was_lost_pages_after_ten_minutes() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(20, spo2=97, hr=breathing(70, 20))
    three.shows(620, hr=breathing(70, 620))
    assert clinic.told() == ["0:49 low probe-off raised (P-3)", "10:19 medium probe-off worsened (P-3)"]


def test_a_monitor_that_starts_late_has_its_probes_time_from_then_on() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    clinic.passes(240)
    three.shows(200, hr=breathing(70, 200))
    assert clinic.told() == [
        "3:00 medium never-started raised (P-3)",
        "4:00 medium never-started closed (P-3)",
        "7:00 low probe-off raised (P-3)",
    ]


@pytest.mark.parametrize("drug", ["ect", None])
def test_nothing_is_expected_where_nothing_is_given_or_announced(drug: str | None) -> None:
    clinic = Scene()
    if drug:
        clinic.chair("3").starts(drug, None)
    clinic.chair("3").shows(700, hr=breathing(70, 700))
    assert [one for one in clinic.told() if "unscheduled" not in one] == []


# ---- slow senders


def lines(clinic: Scene, beats: Sequence[float], **fields: Any) -> None:
    """Lines of chair 3, so many seconds after each other; a tick before each lets fall due what is due."""
    for n, beat in enumerate(beats):
        clinic.now_s += beat
        clinic.send()
        clinic.send(clinic.chair("3").vitals(**{name: value + n % 2 for name, value in fields.items()}))


@pytest.mark.parametrize("beat_s", [45, 60, 60.7, 90, 120, 180, 300])
def test_a_sender_that_keeps_a_slow_beat_is_lost_once_at_the_most(beat_s: float) -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    clinic.now_s = -beat_s + 60
    lines(clinic, [beat_s] * round(3600 / beat_s), spo2=96, pulse=70)
    raised = [one for one in clinic.transitions if one.transition == "raised"]
    assert [(one.rule, seconds(one.at)) for one in raised] == [("no-data", 60 + STALE_S)]
    assert len(clinic.pages) <= 1


def test_a_line_a_minute_may_be_late_or_lost_now_and_then() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [60, 60, 71, 49, 60, 120, 60, 88, 60, 32, 60, 60, 119], spo2=96, pulse=70)
    assert len([one for one in clinic.told("no-data") if "raised" in one]) == 1
    clinic.passes(400)
    assert [one for one in clinic.told("no-data") if "worsened" in one], "but real silence pages"


def test_real_silence_of_a_slow_sender_is_said_after_two_beats_and_ten_seconds_and_pages_later() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [60] * 5, spo2=96, pulse=70)
    clinic.passes(600)
    assert clinic.told("no-data")[-2:] == [
        "7:10 low no-data raised (P-3)",
        "8:40 medium no-data worsened (P-3)",
    ]


def test_a_monitor_that_becomes_slow_is_lost_once() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [1] * 60 + [60] * 40, spo2=96, pulse=70)
    assert len([one for one in clinic.told("no-data") if "raised" in one]) == 1


def test_a_network_that_flaps_is_no_slow_sender() -> None:
    """One line between two losses of a monitor that sends every second must not make its silence last for long."""
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [1] * 60 + [300], spo2=96, pulse=70)
    clinic.passes(300)
    raised = [seconds(one.at) for one in clinic.transitions if one.transition == "raised"]
    assert raised == [60 + STALE_S, 360 + 120]


def test_a_monitor_that_is_fast_again_is_soon_missed_as_before() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [60] * 10 + [1] * 15, spo2=96, pulse=70)
    clinic.passes(60)
    assert clinic.told("no-data")[-1] == f"{(615 + STALE_S) // 60}:{(615 + STALE_S) % 60:02} low no-data raised (P-3)"


def test_a_gateway_that_sends_its_minute_at_once_is_lost_once() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts("ect", None)
    for minute in range(20):
        clinic.now_s = 60 * (minute + 1)
        clinic.send()
        clinic.send(*(three.vitals(at_s=60 * minute + n + 1, spo2=96 + n % 2, pulse=70 + n % 3) for n in range(60)))
    assert len([one for one in clinic.told() if "raised" in one]) == 1


def test_two_lines_of_a_slow_sender_are_a_desaturation_and_one_is_not() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [60] * 10, spo2=96, pulse=70)
    lines(clinic, [60], spo2=82, pulse=70)
    clinic.passes(59)
    assert clinic.told("desaturation") == []
    lines(clinic, [1], spo2=82, pulse=70)
    assert clinic.told("desaturation") == ["12:00 high desaturation raised (P-3)"]


@pytest.mark.parametrize("beat_s", [5, 10, 30, 60])
@pytest.mark.parametrize("pulse", [70, 35], ids=["believed", "doubted"])
def test_a_channel_that_is_slower_than_the_others_of_its_monitor_is_held_by_its_own_beat(
    beat_s: int, pulse: int
) -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)

    def shows(length_s: int, spo2: int) -> None:
        for _ in range(length_s):
            clinic.now_s += 1
            odd = int(clinic.now_s) % 2
            finger = {} if clinic.now_s % beat_s else {"spo2": spo2 + odd, "pulse": pulse + odd}
            clinic.send(clinic.chair("3").vitals(hr=70 + odd, **finger))

    shows(600, 96)
    shows(beat_s, 82)
    assert clinic.told("desaturation") == [], "one reading is none that lasts"
    shows(120, 82)
    told = [one for one in clinic.transitions if one.rule == "desaturation"]
    assert told[0].transition == "raised"
    assert seconds(told[0].at) - 600 <= (90 if pulse == 35 else 15) + 2 * beat_s


def test_a_reading_on_each_side_of_a_loss_proves_nothing_of_the_time_between() -> None:
    clinic = Scene()
    clinic.chair("3").starts("ect", None)
    lines(clinic, [1] * 60, spo2=96, pulse=70)
    lines(clinic, [1, 300], spo2=82, pulse=70)
    assert clinic.told("desaturation") == []
    clinic.chair("3").shows(12, spo2=82, pulse=70)
    assert clinic.told("desaturation") == ["6:11 high desaturation raised (P-3)"]


# ---- no blind window


gaps = st.lists(st.sampled_from([0.25, 1, 5, 29, 30, 30.5, 45, 121, 200]), min_size=1, max_size=12)
shown = st.sampled_from(
    [
        {"spo2": 97.0},
        {"spo2": 88.0},
        {"spo2": 0.0},
        {"hr": 70.0},
        {"spo2": 96.0, "hr": 71.0},
        {},
        {"status": {"spo2": "probe-off"}},
    ]
)


@pytest.mark.parametrize("clock", ["received", "observed"])
@given(steps=st.lists(st.tuples(gaps, shown), min_size=1, max_size=8))
def test_at_every_instant_a_value_can_alarm_or_its_absence_is_up(
    clock: str, steps: list[tuple[list[float], dict[str, Any]]]
) -> None:
    """For each channel that ever had a good reading; validity and staleness share one instant."""
    clinic = Scene(clock="received" if clock == "received" else "observed")
    three = clinic.chair("3")
    three.starts()
    for waits, fields in steps:
        for wait in waits:
            clinic.now_s += wait
            if clock == "received":
                clinic.send()  # what falls due before now has fallen due
            else:
                clinic.send(clinic.chair("9").vitals(spo2=97))
            _no_blind_window(clinic)
            clinic.send(three.vitals(**fields))
            _no_blind_window(clinic)


def _no_blind_window(clinic: Scene) -> None:
    ward = clinic.shard.ward
    up = {alert.rule for alert in clinic.shard.desk.open.values() if alert.subject.patient == "P-3"}
    (card,) = [card for card in clinic.shard.chairs("main")["chairs"] if card["patient"] == "P-3"]
    for name, value in card["values"].items():
        if value["value"] is not None and value["age_s"] is not None and value["age_s"] > value["stale_after_s"] + 1:
            assert up & ABSENT, (
                f"{name} is {value['age_s']} s old at {(ward.clock_us - START_US) / SECOND} s and nobody says so"
            )
            assert value["stale_after_s"] <= 2 * SLOWEST_BEAT // SECOND + 10, "no beat is slower than what is watched"


def test_ticks_alone_find_what_is_absent() -> None:
    clinic = Scene()
    clinic.chair("3").starts()
    clinic.send(clinic.chair("3").vitals(spo2=97))
    shard = clinic.shard
    told = [shard.step(shard.next_offset, START_US + second * SECOND, pack([])).effects for second in range(1, 33)]
    assert [len(effects) for effects in told] == [0] * 30 + [1, 0], "due at 0:30, found by the first tick after it"


def test_a_probe_that_comes_and_goes_neither_raises_nor_pages_an_answered_alert_again() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(20, spo2=88, hr=breathing(70, 20))
    clinic.acknowledges("desaturation")
    told, pages = clinic.told("desaturation"), len(clinic.pages)
    for _ in range(8):
        for second in range(45):
            clinic.send(three.vitals(hr=70 + second % 2, status={"spo2": "probe-off"}))
            clinic.now_s += 1
        three.shows(45, spo2=88, hr=breathing(70, 45))
    assert clinic.told("desaturation") == told
    assert len(clinic.pages) == pages
    assert len([line for line in clinic.told("probe-off") if "raised" in line]) == 8, "and each loss is on record"


def test_what_is_past_its_limit_from_the_first_reading_is_raised_and_a_restart_keeps_it_with_its_answer() -> None:
    """No reading inside the limit comes before it, neither at the start nor after the restarts."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    for answer in (False, True):
        three.shows(10, spo2=88, hr=breathing(70, 10))
        clinic.shard = Shard.restore(clinic.shard.snapshot())
        three.shows(10, spo2=88, hr=breathing(70, 10))
        if not answer:
            assert clinic.told() == ["0:15 medium desaturation raised (P-3)"]
            clinic.acknowledges("desaturation")
    clinic.shard = Shard.restore(clinic.shard.snapshot())
    three.shows(31 * 60, spo2=88, hr=breathing(70, 31 * 60))
    assert [line.split(" (")[0] for line in clinic.told("desaturation")] == [
        "0:15 medium desaturation raised", "0:20 medium desaturation acknowledged", "30:20 medium desaturation expired",
    ]  # fmt: skip
    assert [seconds(page.at) for page in clinic.pages] == [15, 30 * 60 + 20]


def test_a_gateway_s_whole_alarm_in_one_frame_is_raised_paged_and_ended_in_that_order() -> None:
    """What begins and ends between two frames is neither lost nor turned round, and its page is owed all the same."""
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    three.starts()
    readings = [97] * 30 + [80] * 30 + [97] * 60
    clinic.send(*(three.vitals(at_s=second, spo2=spo2, hr=70 + second % 2) for second, spo2 in enumerate(readings)))
    assert [line.split(" ", 1)[1] for line in clinic.told("desaturation")] == [
        "high desaturation raised (P-3)", "high desaturation latched (P-3)",
    ]  # fmt: skip
    raised, latched = (one for one in clinic.transitions if one.rule == "desaturation")
    (page,) = clinic.pages
    assert (page.priority, page.alerts) == ("high", (raised.alert,))
    assert (latched.alert, latched.seq) == (raised.alert, raised.seq + 1)
