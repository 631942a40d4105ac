"""For so many seconds: the ward's holds against the text of the limits, told again sample by sample without any of its code."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from tests.support.scenes import Scene, breathing, seconds

HOLD_S, VALID_S, SLOWEST_S = 15.0, 30.0, 300.0

waits = st.sampled_from([0.5, 1, 1, 1, 1, 2, 2, 5, 10, 15, 30, 31, 60])
readings = st.sampled_from([88.0, 88.0, 89.0, 89.0, 89.0, 90.0, 91.0, 0.0, None])
"""Below the limit, at or above it, nothing that can be believed, and no reading: no two of them a step apart."""


class Beat:
    """The longest gap of late between two lines; each shorter one shortens it by a quarter, a first loss teaches 55 s at most."""

    def __init__(self) -> None:
        self.known_us, self.lost = 0, 0

    def valid_s(self) -> float:
        return max(VALID_S, self.known_us / 500_000 + 10) if self.known_us else SLOWEST_S

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


def raised_s(samples: list[tuple[float, float | None]]) -> float | None:
    """When SpO2 has been below 90 for 15 s, by the text: (second, reading) of each line, in order of arrival."""
    newest_s, believed_before = float("-inf"), True
    held_s, inside, runs = 0.0, 0, False
    missed_s, beat = float("-inf"), Beat()
    for at_s, reading in samples:
        if at_s <= newest_s:
            continue  # late, or sent again: it starts and ends nothing
        if reading is None:
            missed_s = max(missed_s, at_s)  # a line of this device that lacks the channel
            continue
        since_s = at_s - newest_s
        if since_s > beat.valid_s():
            since_s = 1.0  # a loss lies between
        if newest_s > float("-inf"):
            beat.learns(at_s - newest_s)
        if not believed_before or newest_s < missed_s < at_s:
            since_s = min(since_s, 1.0)  # what lies before was not seen
        newest_s, believed_before = at_s, reading >= 40
        if reading < 40:
            continue  # not believed: it pauses
        if reading < 90:
            held_s = held_s + (since_s if inside == 0 else 0.0) if runs else 0.0
            runs, inside = True, 0
            if held_s >= HOLD_S:
                return at_s
        elif runs:
            inside += 1
            runs = inside < 3
            inside = inside if runs else 0
    return None


@pytest.mark.parametrize("cut", [1, 7])
@example(series=[(10, 89.0), (10, 89.0), (10, None), (10, 88.0)], again=[(0, 2)])
@example(series=[(1, 89.0)] * 9 + [(1, 91.0)] * 2 + [(1, 89.0), (1, 0.0)] * 9, again=[])
@given(
    series=st.lists(st.tuples(waits, readings), min_size=2, max_size=60),
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
    told = [seconds(one.at) for one in clinic.transitions if one.rule == "desaturation" and one.transition == "raised"]
    expected = raised_s(samples)
    event(f"raised: {expected is not None}")
    assert told[:1] == ([] if expected is None else [expected])


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
