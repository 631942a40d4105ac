"""A clinic with hundreds of patients at home: each stands in the scheduler's list once, in order; a list that is cut says so."""

from __future__ import annotations

from datetime import timedelta
from time import process_time
from typing import Any, Final

from alerts.api.lists import page_of_list
from models.instants import to_us
from models.wire.observations import OBSERVATION
from streams.forecasts.pages import patient_list
from tests.streams.ward.test_home import NOON, Practice

HUNDREDS: Final = 600


def test_each_of_hundreds_is_listed_once_the_likeliest_first_and_who_was_treated_just_now_last() -> None:
    clinic = Practice()
    names = [f"P-{n:03d}" for n in range(HUNDREDS)]
    given = {"drug": "esketamine", "route": "intranasal", "amount_mg": 84}
    doses = [
        {"kind": "dose", "at": (NOON - timedelta(days=1 if n % 10 == 0 else 30 + n % 50)).isoformat(), "patient": name, **given}
        for n, name in enumerate(names)
    ]  # fmt: skip
    clinic.send(*(OBSERVATION.validate_python(dose, strict=False) for dose in doses))
    home = clinic.shard.ward.home
    forecasts: list[Any] = [
        {"patient": name, "as_of": "2026-03-02", "relapse_probability": dict.fromkeys(("7d", "14d", "28d"), n * 7 % 100 / 100)}
        for n, name in enumerate(names)
    ]  # fmt: skip
    began_s = process_time()
    listed = patient_list("main", home.patients.values(), forecasts, {}, home.policies("main").checkins, to_us(NOON))
    assert process_time() - began_s < 1, "a tenth of it on an idle machine"
    rows = listed["patients"]
    assert sorted(row["patient"] for row in rows) == names
    early = [row["judged_from"] is not None for row in rows]
    assert early == sorted(early)
    assert sum(early) == HUNDREDS // 10
    shares = [
        row["relapse_probability"]["14d"] for row in rows if row["judged_from"] is None and row["relapse_probability"]
    ]
    assert shares == sorted(shares, reverse=True)

    first, following = page_of_list(rows, 0, 400)
    rest, end = page_of_list(rows, following or 0, 400)
    assert (following, end) == (400, None)
    assert [*first, *rest] == rows
