"""Whatever is sent, in whatever order: the same forecasts, all of them whole."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from deploy.cli.forecast import WORTH_A_PROCESS, Patients, Question, forecast_lines
from models.wire.live import FORECAST_ADAPTER

FIRST = datetime(2026, 1, 5, tzinfo=UTC)


def wild(seed: int) -> list[str]:
    """Lines that a careless sender might send of one patient."""
    chance = random.Random(seed)
    lines = []
    for _ in range(chance.choice([1, 4, 40, 120])):
        zone = timezone(timedelta(hours=chance.randint(-11, 12)))
        at = (FIRST + timedelta(days=chance.uniform(-30, chance.choice([5, 200])))).astimezone(zone)
        line: dict[str, Any] = {"at": at.isoformat(), "patient": "P1"}
        kind = chance.choice(
            ["dose", "dose", "phq-9", "phq-9", "madrs", "mood-vas", "phq-2", "cadss", "change", "stop", "who"]
        )
        if kind == "dose":
            drug = chance.choice(["ketamine", "Esketamine", "ect", "tms", "a-new-one"])
            line |= {"kind": "dose", "drug": drug, "amount_mg": chance.choice([0, 1e9, -1, 35, 84, 1e-9])}
        elif kind == "change":
            line |= {"kind": "intervention", "what": chance.choice(["ect", "oxygen", "moved house"])}
        elif kind == "stop":
            line |= {"kind": "dose.stopped", "given_mg": chance.choice([0, 5])}
        elif kind == "who":
            line |= {
                "kind": "patient.registered",
                "timezone": chance.choice(["Asia/Tokyo", "no/where", "America/New_York"]),
            }
        else:
            line |= {"kind": "checkin", "instrument": kind, "score": chance.choice([0, 1, 6, 10, 27, 60])}
        for field in ("id", "replaces"):
            if chance.random() < 0.2:
                line[field] = str(chance.randint(0, 9))
        if chance.random() < 0.3:
            line["received_at"] = (at + timedelta(days=chance.uniform(-3, 40))).isoformat()
        lines.append(json.dumps(line))
    return lines


def told(folder: Path, lines: list[str], question: Question) -> list[str]:
    path = folder / "wild.ndjson"
    path.write_text("\n".join(lines))
    patients = Patients()
    patients.read(path, lambda bad: None)
    return list(forecast_lines(patients, question))


@pytest.mark.parametrize("seed", range(6))
def test_careless_lines_in_any_order_give_the_same_whole_forecasts(tmp_path: Path, seed: int) -> None:
    lines = wild(seed)
    question = Question(FIRST.toordinal() - 35, FIRST.toordinal() + 240, 25, 84, with_cdf=True)
    said = told(tmp_path, lines, question)
    random.Random(seed).shuffle(lines)
    assert told(tmp_path, lines, question) == said
    for line in said:
        document = json.loads(line)
        FORECAST_ADAPTER.validate_python(document)
        if document["cdf"] is not None:
            assert document["cdf"] == sorted(document["cdf"])
            assert 0 <= document["cdf"][0] <= document["cdf"][-1] <= 1


def test_several_processes_say_what_one_says(tmp_path: Path) -> None:
    lines = []
    for number in range(40):
        for day, kind in (
            (-3, {"kind": "checkin", "instrument": "phq-9", "score": 20}),
            (40, {"kind": "dose", "drug": "ketamine"}),
        ):
            lines.append(
                json.dumps({"at": (FIRST + timedelta(days=day)).isoformat(), "patient": f"P{number:02}", **kind})
            )
    first = FIRST.toordinal()
    many = Question(first, first + 40, 1, 84, with_cdf=True)
    assert 40 * len(many.origins) >= WORTH_A_PROCESS
    few = told(tmp_path, lines, Question(first + 40, first + 40, 1, 84, with_cdf=True))
    assert told(tmp_path, lines, many)[40::41] == few
