"""A treatment under way: a session whose dose was given, and what the board says of it."""

from __future__ import annotations

from typing import Any

import pytest

from models.tables.drugs import TREATMENTS
from models.wire.observations import Dose
from tests.support.scenes import Chair, Scene, moment

GIVEN = [(drug, route) for (drug, route), treatment in TREATMENTS.items() if treatment.usual is not None and route]
every_treatment = pytest.mark.parametrize(("drug", "route"), GIVEN)


def dosed(
    drug: str = "ketamine", route: str = "iv", cuff: tuple[int, int] | None = (122, 76), **more: Any
) -> tuple[Scene, Chair]:
    """A session whose dose began at minute 5, after a good cuff."""
    clinic = Scene()
    three = clinic.chair("3")
    three.starts(drug, route)
    clinic.send(three.vitals(spo2=97, hr=72))
    if cuff is not None:
        three.cuff(*cuff)
    clinic.now_s = 300
    gives(three, drug=drug, route=route, **more)
    return clinic, three


def gives(chair: Chair, at_min: float | None = None, **fields: Any) -> None:
    at_s = chair.scene.now_s if at_min is None else at_min * 60
    who = {"at": moment(at_s), "patient": chair.patient, "session": chair.session}
    chair.scene.send(Dose.model_validate({**who, "drug": "ketamine", "route": "iv", **fields}))


def at(clinic: Scene, minutes: float) -> None:
    clinic.now_s = minutes * 60
    clinic.send()


def card(clinic: Scene) -> dict[str, Any]:
    (found,) = clinic.shard.chairs("main")["chairs"]
    return dict(found)
