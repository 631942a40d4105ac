"""The frontier of crises by one cuff: who is judged how, nothing known that comes later, and where the bars lie on a curve."""

from __future__ import annotations

import numpy as np

from bench.detection.cuff_frontier import at_bars, curve, judged, rule_point, scores
from bench.detection.cuff_series import CuffRow, crises_told
from models.arrays import Floats

NAN = float("nan")


def _rows(*cuffs: tuple[int, float, float]) -> list[CuffRow]:
    return [CuffRow(minute, sbp, dbp, NAN if sbp < dbp else dbp + (sbp - dbp) / 3) for minute, sbp, dbp in cuffs]


STAYS = {
    "borne-out-before": _rows((0, 150, 80), (15, 185, 95), (30, 207, 100), (45, 150, 80)),
    "borne-out-after": _rows((0, 150, 80), (15, 207, 100), (30, 190, 95)),
    "refuted": _rows((0, 128, 82), (15, 139, 134), (30, 131, 83)),
    "alone": _rows((0, 150, 80), (90, 207, 100), (180, 150, 80)),
    "quiet": _rows((0, 150, 80), (15, 151, 81)),
}


def test_a_crisis_is_borne_out_by_either_neighbour_within_half_an_hour_and_by_nothing_without_one() -> None:
    crises = {each.stay: each for each in judged(STAYS, crises_told(STAYS))}
    assert {stay: each.borne_out for stay, each in crises.items()} == {
        "borne-out-before": True, "borne-out-after": True, "refuted": False, "alone": None,
    }  # fmt: skip
    assert {stay for stay, each in crises.items() if each.before} == {"borne-out-before"}
    assert {stay for stay, each in crises.items() if each.believed} == {"borne-out-before", "borne-out-after", "alone"}
    assert rule_point(list(crises.values())) == (0.0, 1.0)


def test_what_is_known_at_a_crisis_holds_nothing_of_what_comes_after_it() -> None:
    cut = {stay: [row for row in rows if row.minute <= 30] for stay, rows in STAYS.items()}
    told = crises_told(STAYS)
    later = {each.stay: each.known for each in judged(STAYS, told)}
    assert {each.stay: each.known for each in judged(cut, told)}["borne-out-before"] == later["borne-out-before"]
    other = {**STAYS, "refuted": _rows((0, 128, 82), (15, 139, 134), (30, 205, 121), (45, 210, 100))}
    assert {each.stay: each.known for each in judged(other, told)}["refuted"] == later["refuted"]


def test_a_stay_is_scored_only_by_what_the_others_taught() -> None:
    class Names:
        """Answers 1 for what it was taught, 0 for the rest."""

        def fit(self, known: Floats, verdict: Floats) -> Names:
            del verdict
            self.taught = {tuple(row) for row in known}
            return self

        def predict_proba(self, known: Floats) -> Floats:
            return np.array([[0.0, float(tuple(row) in self.taught)] for row in known])

    crises = judged(STAYS, crises_told(STAYS))
    assert scores(crises, [each.borne_out for each in crises], lambda _: Names()).tolist() == [0.0] * 4


def test_the_bars_are_read_off_the_curve() -> None:
    refuted, kept = curve(np.array([9.0, 8, 7, 6, 5, 4]), [True, True, None, False, True, False])
    assert kept.tolist() == [1 / 3, 2 / 3, 2 / 3, 2 / 3, 1, 1]
    assert refuted.tolist() == [0, 0, 0, 1 / 4, 1 / 5, 1 / 3]
    assert at_bars(refuted, kept) == (1 / 5, 2 / 3)
    assert at_bars(refuted, kept, most=0.2) == (1 / 5, 1)
