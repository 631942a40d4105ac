"""What Chairside cannot see: one table, and its page, its words on a board and in readiness."""

from __future__ import annotations

import pytest

from deploy.schema import BLIND_SPOTS_PAGE
from models.tables.blind_spots import BLIND_SPOTS, BY_SENSOR, rendered_page
from models.wire.observations import Intervention
from tests.support.scenes import Scene, breathing, moment


def test_the_page_is_what_the_table_says() -> None:
    assert BLIND_SPOTS_PAGE.read_text("utf-8") == rendered_page(), "run `make schema`"


def test_every_row_says_what_is_not_seen_what_still_is_and_why() -> None:
    assert all(row.unseen and row.still and row.source for row in BLIND_SPOTS)
    assert all(bool(row.card) is bool(row.words) is bool(row.when) for row in BLIND_SPOTS)


def gives_oxygen(clinic: Scene, detail: str) -> None:
    at = moment(clinic.now_s)
    clinic.send(Intervention(at=at, site="main", patient="P-3", session="S-3", what="oxygen", detail=detail))


def unseen(clinic: Scene) -> list[str]:
    (chair,) = clinic.shard.chairs("main")["chairs"]
    by_card = {row.card.split("{", 1)[0]: row for row in BLIND_SPOTS if row.card}
    for card, words in zip(chair["unseen"], chair["readiness"]["unseen"], strict=True):
        (row,) = [row for start, row in by_card.items() if card.startswith(start)]
        assert words.startswith(row.words.split("{", 1)[0]), "the card and readiness say the same"
    return list(chair["readiness"]["unseen"])


def monitored(**channels: float) -> Scene:
    clinic = Scene()
    three = clinic.chair("3")
    three.starts()
    three.shows(10, spo2=breathing(97, 10), **channels)
    return clinic


def test_oxygen_without_capnography_says_that_a_pause_cannot_be_seen_until_either_changes() -> None:
    clinic = monitored(hr=72)
    assert unseen(clinic) == []
    gives_oxygen(clinic, "2 L/min by nasal cannula")
    assert unseen(clinic) == ["No capnography here: a pause in breathing cannot be seen"]
    clinic.shard = type(clinic.shard).restore(clinic.shard.snapshot())
    assert unseen(clinic) == ["No capnography here: a pause in breathing cannot be seen"]
    clinic.chair("3").shows(10, etco2=breathing(38, 10), hr=72)
    assert unseen(clinic) == []
    clinic.chair("3").shows(40, spo2=breathing(97, 40), hr=breathing(72, 40))
    assert unseen(clinic) == [BY_SENSOR["capnograph"].words], "a capnograph that is lost is none"
    gives_oxygen(clinic, "off")
    assert unseen(clinic) == []


def test_who_is_sedated_without_capnography_is_said_to_be_blind_as_well() -> None:
    clinic = monitored(hr=72)
    clinic.chair("3").scores("moaas", 3)
    assert unseen(clinic) == [BY_SENSOR["capnograph"].words]
    clinic.chair("3").scores("moaas", 5)
    assert unseen(clinic) == []


def test_a_pulse_without_an_ecg_says_so() -> None:
    assert unseen(monitored(pulse=72)) == [BY_SENSOR["ECG"].words]
    assert unseen(monitored(pulse=72, hr=72)) == []


@pytest.mark.parametrize(
    ("apart_min", "words"), [(15, []), (30, ["Cuff every 30 min: what pressure does between is not seen"])]
)
def test_a_slow_cuff_says_how_slow_it_is(apart_min: int, words: list[str]) -> None:
    clinic = monitored(hr=72)
    clinic.chair("3").cuff(124, 78)
    clinic.now_s += apart_min * 60
    clinic.chair("3").cuff(122, 76)
    assert unseen(clinic) == words
