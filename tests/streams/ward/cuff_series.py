"""Cuffs as they come: readings by level, waits and tables of limits of which a series is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from models.tables.limits import LIMITS, Limit, with_overrides
from models.wire.observations import LIMIT_CHANGES

Changes = dict[str, Any]
_OFF: Final = {"enabled": False}
_BOTH_OFF: Final = {"sbp": _OFF, "dbp": _OFF}

CHANGES: Final[tuple[Changes, ...]] = (
    {},
    {"hypertension": {"low": {"sbp": {"enter": 160, "leave": 160}}, "medium": {"sbp": {"enter": 165, "leave": 160}}}},
    {"hypertensive-crisis": {"high": {"sbp": {"enter": 185, "leave": 185}, "dbp": _OFF}}},
    {"hypertensive-crisis": {"high": _BOTH_OFF}},
    {"hypertension": {"low": _BOTH_OFF}},
    {"hypertension": {"low": _BOTH_OFF, "medium": _BOTH_OFF}, "hypotension": {"low": {"sbp": {"enter": 100, "leave": 100}}}},
    {"pressure-rise": {"low": {"sbp-rise": _OFF}, "medium": {"sbp": _OFF}}},
    {"pressure-rise": {"medium": {"sbp-rise": _OFF, "dbp-rise": _OFF}}},
    {"hypotension": {"low": {"sbp": _OFF}, "medium": {"sbp": _OFF}, "high": {"sbp": _OFF}}},
    {"hypotension": {"medium": {"rate": _OFF}, "high": {"sbp": _OFF}}},
)  # fmt: skip
"""What a site may make of the limits on cuffs: none changed, some moved, some off; and what goes with a row that is off."""


def with_changes(changes: Changes) -> tuple[Limit, ...]:
    """The default table with these changes in it."""
    return with_overrides(LIMITS, LIMIT_CHANGES.validate_python(changes))


# Systolic and diastolic: each limit, where it ends, a reading on either side, and pairs whose distance is what makes a jump.
_ORDINARY: Final = ((95, 96, 110, 120, 125, 139, 140, 149, 150, 151, 159), (59, 60, 70, 80, 90))
_HIGH: Final = ((160, 165, 169, 170, 171, 179, 180, 181, 186, 189), (80, 104, 105, 106, 109, 110, 114))
_VERY_HIGH: Final = ((171, 185, 190, 191, 199, 200, 201, 212, 240, 261), (90, 104, 115, 116, 119, 120, 121, 135))
_CLOSE: Final = ((139, 160, 165, 169, 170, 171, 180), (120, 121, 126, 130, 131, 134))
_FAINT: Final = ((70, 78, 79, 80, 84, 85, 89, 90, 94), (45, 50, 59))
_DOUBTFUL: Final = ((212, 240, 261), (90, 104, 121, 135))
_LEVELS: Final = (*[_ORDINARY] * 3, *[_HIGH] * 2, *[_VERY_HIGH] * 3, *[_CLOSE] * 2, *[_FAINT] * 2)
_PARTS: Final = (*[("sbp", "dbp")] * 6, ("sbp",), ("dbp",))
_WAITS_S: Final = (*[30, 31, 60, 120, 180, 300, 600, 900] * 2, 1, 5, 8, 19, 20, 21, 29, 179, 301, 1799, 1800, 1801)
_KINDS: Final = (
    *["cuff"] * 12, *["correction"] * 2, *["again"] * 2, *["symptoms"] * 2, "no symptoms", "unchecked", "rate", "dose",
    "limits", "restart",
)  # fmt: skip
_RATES: Final[tuple[dict[str, float], ...]] = ({}, {}, {"hr": 48.0}, {"hr": 50.0}, {"pulse": 49.0}, {"pulse": 53.0})


@dataclass(frozen=True)
class Step:
    """What comes next, `wait_s` after what came before: a cuff of these pressures, say, its mean and a rate beside it. A step
    that has no meaning where it comes is none: `baseline` and `symptomatic` are for a cuff that no ward has looked at.
    """

    kind: str
    wait_s: float
    pressures: dict[str, float]
    rate: dict[str, float]
    mean: dict[str, float]
    baseline: tuple[int, int] | None
    symptomatic: bool
    changes: Changes


@st.composite
def _step(
    draw: st.DrawFn, kind: str | None = None, level: tuple[tuple[int, ...], tuple[int, ...]] | None = None
) -> Step:
    kind = draw(st.sampled_from(_KINDS)) if kind is None else kind
    wait_s = draw(st.integers(1, 2400) if draw(st.integers(0, 7)) == 0 else st.sampled_from(_WAITS_S))
    if kind == "correction":
        kind, wait_s = "cuff", draw(st.sampled_from([1, 8, 15, 19]))
    systolic, diastolic = draw(st.sampled_from(_LEVELS)) if level is None else level
    measured = {"sbp": float(draw(st.sampled_from(systolic))), "dbp": float(draw(st.sampled_from(diastolic)))}
    # None, or as far up between the two pressures as it belongs, just past what is believed or not, or outside.
    up = draw(st.sampled_from([None, None, 1 / 3, 1 / 3, 0.4, 0.3, 0.29, 0.25, 0.0, 1.0, -0.1, 1.1]))
    mean = {} if up is None else {"map": float(round(measured["dbp"] + up * (measured["sbp"] - measured["dbp"])))}
    return Step(
        kind, wait_s, {name: measured[name] for name in draw(st.sampled_from(_PARTS))}, draw(st.sampled_from(_RATES)), mean,
        draw(st.sampled_from([None, (105, 65), (120, 75), (140, 90)])), draw(st.sampled_from([False, False, False, True])),
        draw(st.sampled_from(CHANGES)),
    )  # fmt: skip


@st.composite
def series(draw: st.DrawFn) -> list[Step]:
    """A session's steps; every third or so is an ordinary cuff and a doubtful one after it, which is where most can go wrong."""
    steps: list[Step] = []
    for _ in range(draw(st.integers(2, 10))):
        if draw(st.integers(0, 4)):
            steps.append(draw(_step()))
        else:
            steps += [draw(_step("cuff", _ORDINARY)), draw(_step("cuff", _DOUBTFUL))]
    return steps
