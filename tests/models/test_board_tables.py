"""What a board shows comes from the tables: the generated file is in step, and no table has a word that another lacks."""

from __future__ import annotations

from typing import get_args

import pytest

from deploy.schema import BOARD_TABLES
from models.tables.card import DUE_TITLES, QUALITY_NOTES, DueWord, QualityWord
from models.tables.channels import CHANNEL_NAMES
from models.tables.drugs import ROUTE_TITLES, TREATMENTS, Route
from models.tables.instruments import INSTRUMENTS, MOAAS_LEVELS
from models.tables.limits import SENTENCE_DECIMALS
from models.tables.rules import PRIORITY_SHAPES, RULES, Priority
from models.tables.symptoms import HARMLESS, SYMPTOM_BUTTONS, alarming
from models.wire.board_tables import board_tables, rendered_board_tables
from streams.ward.sentences import number
from streams.ward.signal.quality import QUALITIES


def test_the_board_s_tables_are_what_the_models_say() -> None:
    assert BOARD_TABLES.read_text("utf-8") == rendered_board_tables(), "run `make schema`"


def test_a_channel_a_rule_a_drug_and_a_score_reach_the_board_by_being_in_their_table() -> None:
    tables = board_tables()
    assert tuple(tables["channels"]) == CHANNEL_NAMES
    assert tables["rules"].keys() == RULES.keys()
    assert tables["instruments"].keys() == INSTRUMENTS.keys()
    assert set(tables["drugs"]) == {drug for drug, _ in TREATMENTS} - {"ect", "tms"}


def test_every_word_on_the_wire_has_its_words_on_a_board() -> None:
    assert set(ROUTE_TITLES) == set(get_args(Route)) >= {route for _, route in TREATMENTS if route}
    assert set(QUALITY_NOTES) == set(get_args(QualityWord)) == {*QUALITIES, "stale"}
    assert set(DUE_TITLES) == set(get_args(DueWord))
    assert set(PRIORITY_SHAPES) == set(Priority)
    assert {level.score for level in MOAAS_LEVELS} == set(range(6))


@pytest.mark.parametrize("name", SYMPTOM_BUTTONS)
def test_a_symptom_that_a_tablet_asks_for_is_one_that_the_ward_knows(name: str) -> None:
    assert (alarming({name: 1}, None) == ()) is (name in HARMLESS)


def test_a_sentence_shows_as_many_decimals_as_the_channel_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SENTENCE_DECIMALS, "of-no-monitor", 2)
    assert [number(6.02, "of-no-monitor"), number(6.0, "of-no-monitor"), number(6.02), number(88.04, "spo2")] == [
        6.02,
        6,
        6,
        88,
    ]
    assert set(SENTENCE_DECIMALS) - {"of-no-monitor"} == set(CHANNEL_NAMES)
