"""For so many seconds: the ward's holds against the text of the limits, told again sample by sample without any of its code."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.support.scenes import Scene, breathing, seconds

HOLD_S, LEAVE_S, VALID_S, SLOWEST_S = 15.0, 30.0, 30.0, 300.0

waits = st.sampled_from([0.5, 1, 1, 1, 1, 2, 2, 5, 10, 15, 30, 31, 60])
low = st.sampled_from([88.0, 88.0, 89.0, 89.0, 89.0, 90.0, 91.0, 0.0, None])
"""Below the limit, at or above it, nothing that can be believed, and no reading: no two of them a step apart."""
back = st.sampled_from([89.0, 91.0, 92.0, 92.0, 92.0, 92.0, 93.0, 93.0, 0.0, None])
"""The same, about where the limit is left."""
stretches = st.one_of(
    st.lists(st.tuples(waits, low), min_size=1, max_size=40), st.lists(st.tuples(waits, back), min_size=1, max_size=40)
)


class Beat:
    """The longest gap of late between two lines; each shorter one shortens it by a quarter, a first loss teaches 55 s at most."""

    def __init__(self) -> None:
        self.known_us, self.lost = 0, 0

    def valid_s(self) -> float:
        return max(VALID_S, self.known_us / 500_000 + 10) if self.known_us else SLOWEST_S

    def is_its_own(self, gap_s: float) -> bool:
        """Whether a channel that comes rarely comes at its beat, so that the lines between did not lack it."""
        return self.known_us >= 5_000_000 and 0.75 * self.known_us <= gap_s * 1_000_000 <= 1.25 * self.known_us

    def learns(self, gap_s: float) -> None:
        gap_us = round(min(gap_s, SLOWEST_S) * 1_000_000)
        if not self.known_us:
            self.known_us = gap_us
        elif gap_us > self.valid_s() * 1_000_000:
            self.lost += 1
            self.known_us = gap_us if self.lost >= 2 else min(gap_us, 55_000_000)
        else:
            self.lost = 0
            self.known_us = max(gap_us, self.known_us - max(self.known_us - gap_us, 0) // 4)


def turns_s(samples: list[tuple[float, float | None]]) -> list[float]:
    """When SpO2 has been below 90 for 15 s, then back at 92 for 30 s, and so on, by the text: (second, reading) of each line."""
    newest_s, believed_before = float("-inf"), True
    held_s, inside, runs = 0.0, 0, False
    turns: list[float] = []
    missed_s, beat = float("-inf"), Beat()
    for at_s, reading in samples:
        if at_s <= newest_s:
            continue  # late, or sent again: it starts and ends nothing
        if reading is None:
            missed_s = max(missed_s, at_s)  # a line of this device that lacks the channel
            continue
        since_s = gap_s = at_s - newest_s
        if since_s > beat.valid_s():
            since_s = 1.0  # a loss lies between
        at_beat = beat.is_its_own(gap_s)
        if newest_s > float("-inf"):
            beat.learns(gap_s)
        if not believed_before or (newest_s < missed_s < at_s and not at_beat):
            since_s = min(since_s, 1.0)  # what lies before was not seen
        newest_s, believed_before = at_s, reading >= 40
        if reading < 40:
            continue  # not believed: it pauses
        over = len(turns) % 2 == 1
        if reading >= 92 if over else reading < 90:
            held_s = held_s + (since_s if inside == 0 else 0.0) if runs else 0.0
            runs, inside = True, 0
            if held_s >= (LEAVE_S if over else HOLD_S):
                turns.append(at_s)
                runs = False
        elif runs:
            inside += 1
            runs = inside < 3
            inside = inside if runs else 0
    return turns


@pytest.mark.parametrize("cut", [1, 7])
@example(series=[(10, 89.0), (10, 89.0), (10, None), (10, 88.0)], again=[(0, 2)])
@example(series=[(0.5, 88.0), (0.5, 88.0), (31, 88.0), (0.5, None), (30, 88.0)], again=[])
@example(series=[(1, 89.0)] * 16 + [(1, 92.0)] * 31 + [(1, 89.0)] * 16, again=[])
@example(series=[(1, 89.0)] * 9 + [(1, 91.0)] * 2 + [(1, 89.0), (1, 0.0)] * 9, again=[])
@given(
    series=st.lists(stretches, min_size=1, max_size=3).map(lambda some: [line for one in some for line in one]),
    again=st.lists(st.tuples(st.integers(0), st.integers(0)), max_size=6),
)
def test_a_limit_is_held_as_its_text_says_on_any_spacing_late_repeated_and_missing(
    cut: int, series: list[tuple[float, float | None]], again: list[tuple[int, int]]
) -> None:
    times = accumulate(wait for wait, _ in series)
    samples = [(at_s, reading) for at_s, (_, reading) in zip(times, series, strict=True)]
    for which, where in again:
        first = which % len(samples)
        samples.insert(first + 1 + where % (len(samples) - first), samples[first])
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    for start in range(0, len(samples), cut):
        lines = [
            three.vitals(at_s=at_s, spo2=reading, etco2=38 + n % 2)
            for n, (at_s, reading) in enumerate(samples[start : start + cut], start)
        ]
        clinic.send(*lines)
    turns = [
        each for each in clinic.transitions if each.rule == "desaturation" and each.transition in {"raised", "latched"}
    ]
    expected = turns_s(samples)
    event(f"turns: {len(expected)}")
    assert [seconds(each.at) for each in turns] == expected


def test_a_limit_that_is_off_is_never_in_force() -> None:
    clinic = Scene()
    clinic.configures({"desaturation": {"medium": {"spo2": {"enabled": False}}}})
    clinic.chair("3").shows(120, spo2=breathing(88, 120), etco2=breathing(38, 120))
    assert clinic.told("desaturation") == []


def test_of_two_probes_the_monitor_s_rate_is_held() -> None:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(70, hr=breathing(144, 70), pulse=breathing(132, 70))
    assert clinic.told("tachycardia") == ["1:00 medium tachycardia raised (P-3)"]


@pytest.mark.parametrize("ahead_s", [-2, 0, 0.5, 2])
def test_an_oximeter_s_pulse_beside_a_monitor_s_rate_does_not_count_the_same_seconds_twice(ahead_s: float) -> None:
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    three.starts()
    for second in range(90):
        rate = min(75 + 5 * second, 150 + second % 2)
        monitor = three.vitals(at_s=second, patient="P-3", hr=rate)
        oximeter = three.vitals(at_s=second + ahead_s, patient="P-3", pulse=rate).model_copy(
            update={"device": "oximeter"}
        )
        clinic.send(monitor, oximeter)
        if second == 73:
            assert not clinic.told("tachycardia")
    assert clinic.told("tachycardia") == ["1:14 medium tachycardia raised (P-3)"]


def test_a_pulse_takes_over_from_a_rate_that_is_lost() -> None:
    clinic = Scene(clock="observed")
    three = clinic.chair("3")
    three.starts()
    three.shows(40, hr=breathing(75, 40), pulse=breathing(75, 40))
    three.shows(120, pulse=[75.0 + 5 * second for second in range(15)] + breathing(150, 105))
    assert clinic.told("tachycardia") == ["1:54 medium tachycardia raised (P-3)"]
