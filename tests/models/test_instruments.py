"""The instruments: a score is what the publication says it is, or it is refused, with the field named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tables.forms import ScoreRefused, score_of
from models.tables.instruments import INSTRUMENTS, Instrument, meaning

every_instrument = pytest.mark.parametrize("scale", INSTRUMENTS.values(), ids=INSTRUMENTS)
TOTALS = {"cadss": 92, "cadss-6": 24, "moaas": 5, "phq-9": 27, "phq-2": 6, "qids-sr16": 27, "madrs": 60, "mood-vas": 10,
          "cssrs-screen": 6, "bprs-4": 24, "distress": 10}  # fmt: skip
"""The highest total of each, from its publication: typed here a second time, on purpose."""


def test_no_instrument_is_without_its_highest_total() -> None:
    assert set(TOTALS) == set(INSTRUMENTS)


@every_instrument
def test_the_worst_answers_make_the_highest_score_and_the_best_the_lowest(scale: Instrument) -> None:
    lowest, highest = scale.item_range
    assert score_of(scale.name, [highest] * scale.items, None) == scale.score_range[1] == TOTALS[scale.name]
    assert score_of(scale.name, [lowest] * scale.items, None) == scale.score_range[0]


@every_instrument
def test_one_item_too_few_or_out_of_range_is_refused_never_filled_in(scale: Instrument) -> None:
    lowest, highest = scale.item_range
    # The screener may have a seventh answer: whether the behaviour of its sixth question was recent.
    more = 2 if scale.name == "cssrs-screen" else 1
    for items in (
        [lowest] * (scale.items - 1),
        [lowest] * (scale.items + more),
        [lowest] * (scale.items - 1) + [highest + 1],
    ):
        with pytest.raises(ScoreRefused) as refused:
            score_of(scale.name, items, None)
        assert refused.value.field == "items"


@every_instrument
def test_a_score_outside_the_range_is_refused_never_clamped(scale: Instrument) -> None:
    low, high = scale.score_range
    for score in (low - 1, high + 1, None):
        with pytest.raises(ScoreRefused) as refused:
            score_of(scale.name, None, score)
        assert refused.value.field == "score"


@every_instrument
def test_every_possible_score_means_something(scale: Instrument) -> None:
    low, high = (int(bound) for bound in scale.score_range)
    assert [lowest for lowest, _ in scale.cuts] == sorted(lowest for lowest, _ in scale.cuts)
    assert all(meaning(scale.name, score) for score in range(low, high + 1))


@given(st.lists(st.integers(0, 3), min_size=16, max_size=16))
def test_qids_counts_the_worst_of_sleep_appetite_and_movement(items: list[int]) -> None:
    expected = max(items[:4]) + items[4] + max(items[5:9]) + sum(items[9:14]) + max(items[14:])
    assert score_of("qids-sr16", items, None) == expected


def test_items_by_name_count_like_items_in_order() -> None:
    assert score_of("phq-2", {"interest": 2, "mood": 3}, None) == 5
    assert score_of("cssrs-screen", [True, False, False, False, False, False], None) == 1


def test_items_go_before_a_score_that_was_sent_with_them() -> None:
    assert score_of("phq-2", [1, 1], 6) == 2


def test_symptoms_are_words_and_have_no_number() -> None:
    assert score_of("symptoms", {"nausea": True}, None) is None
