"""How long guesses wait: whatever is tried and when, never too little for a guesser, never for good for anybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.access.guesses import FORGOTTEN_S, FREE, LONGEST_S, REMEMBERED_GUESSERS, Guesses
from models.instants import SECOND


@given(st.lists(st.floats(0, 2 * LONGEST_S), min_size=1, max_size=200))
def test_no_wait_is_longer_than_the_longest_and_each_is_over_when_it_has_passed(pauses: list[float]) -> None:
    guesses, now_us = Guesses(), 0
    for pause_s in pauses:
        now_us += round(pause_s * SECOND)
        wait_s = guesses.wait_s("ada", now_us)
        assert 0 <= wait_s <= LONGEST_S
        assert guesses.wait_s("ada", now_us + round(wait_s * SECOND) + 1) == 0
        guesses.attempt("ada", now_us)


def test_a_day_of_guessing_as_fast_as_it_goes_is_a_few_hundred_guesses() -> None:
    guesses, now_us, made = Guesses(), 0, 0
    while now_us < 24 * 3600 * SECOND:
        now_us += round(guesses.wait_s("ada", now_us) * SECOND)
        guesses.attempt("ada", now_us)
        made += 1
    assert made < FREE + 10 + 24 * 3600 / LONGEST_S


def test_whoever_knows_it_or_comes_a_day_later_begins_anew() -> None:
    guesses = Guesses()
    for _ in range(50):
        guesses.attempt("ada", 0)
    assert guesses.wait_s("ada", 0) == LONGEST_S
    assert guesses.wait_s("ben", 0) == 0
    later_us = round((FORGOTTEN_S + 1) * SECOND)
    guesses.attempt("ada", later_us)
    assert guesses.wait_s("ada", later_us) == 0
    for _ in range(50):
        guesses.attempt("ada", later_us)
    guesses.succeeded("ada")
    assert guesses.wait_s("ada", later_us) == 0


def test_made_up_names_take_no_memory_without_bound() -> None:
    guesses = Guesses()
    for number in range(REMEMBERED_GUESSERS + 100):
        guesses.attempt(f"nobody-{number}", 0)
    assert guesses.remembered == REMEMBERED_GUESSERS
