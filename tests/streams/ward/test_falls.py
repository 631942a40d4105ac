"""A saturation that falls in steps is told as soon as one that slides, and one sample from the future blinds no channel."""

from __future__ import annotations

import pytest

from models.instants import from_iso
from tests.support.scenes import START_US, Scene, breathing


def told_after_s(levels: list[float], ahead_s: float | None = None) -> float:
    """How long after the fall begins low oxygen is told, s."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(60, spo2=breathing(96, 60), hr=breathing(70, 60), rr=breathing(14, 60))
    if ahead_s is not None:
        clinic.send(three.vitals(at_s=clinic.now_s + ahead_s, spo2=97, hr=71))
    three.shows(len(levels), spo2=levels, hr=breathing(70, len(levels)), rr=breathing(14, len(levels)))
    first = next(one for one in clinic.transitions if one.rule == "desaturation")
    return (from_iso(first.at) - START_US) / 1_000_000 - 60


@pytest.mark.parametrize(("step", "every_s"), [(2, 4), (3, 6), (4, 8), (5, 10), (6, 12)])
def test_a_fall_in_steps_is_told_as_soon_as_one_that_slides(step: int, every_s: int) -> None:
    slope = step / every_s
    slides = [max(97 - slope * second, 70) for second in range(90)]
    falls = [max(97.0 - step * (1 + second // every_s), 70) for second in range(90)]
    assert told_after_s(falls) <= told_after_s(slides)


@pytest.mark.parametrize("ahead_s", [5, 40, 55, 300])
def test_a_sample_stamped_ahead_blinds_no_channel(ahead_s: float) -> None:
    slides = [max(97.0 - second, 80) for second in range(90)]
    assert told_after_s(slides, ahead_s) <= told_after_s(slides) + 5
