"""The registry of rules: what judges each, after what it is asked, and what ends it.

A rule is enrolled by its row here, at every start: a row without its rule, or a rule without its row, stops it. A rule of a
session that has a module of its own is asked from here, after what its row names; the others are asked where their
module says. Every row is run through one contract (tests/streams/ward/test_rule_contract.py): it has a title, a category and a
place on the board; a scene makes it begin, with a source, a sentence and evidence that the wire takes; and it ends as its row
says. A rule without a scene fails that test by name.
Never here: what a rule says (`models/tables/rules.py`), its limits, its code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from models.tables.limits import CUFF_RULES, LIMITS, Limit
from models.tables.rules import RULES
from streams.ward.conclusions import Conclusion
from streams.ward.rules.dose_check import judge_dose
from streams.ward.rules.lasting import judge_lasting
from streams.ward.rules.predose import judge_predose
from streams.ward.rules.pressure_ahead import look_ahead
from streams.ward.state import Here, WardState

Ending = Literal["by itself", "by a person"]
"""Over once its condition is, or only when somebody closes the alert: of what happened once, there is no end to see."""
Occasion = Literal["cuff", "check-in", "dose", "two hours"]
"""What a session has just had, folded into it already: a new cuff, a check-in, a dose (given, corrected or stopped);
or two hours since its dose began."""
Judge = Callable[[WardState, int, int, Here], Conclusion | None]
"""(state, row of the session, µs at which it happened, place) → the rule's conclusion; None: it has none now."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One rule. `module` concludes it: one within `streams.ward`, or one of `alerts` by its whole name, which the desk asks.
    `judge` is what is asked for that from here, if anything is.
    """

    rule: str
    module: str
    ends: Ending = "by itself"
    judge: Judge | None = None
    after: tuple[Occasion, ...] = ()


def _asked(rule: str, judge: Judge, *after: Occasion) -> Enrolment:
    """The row of a rule that is asked from here."""
    if not after:
        raise TypeError(f"{rule}: after what is it asked? One or more of {get_args(Occasion)}")
    return Enrolment(rule, judge.__module__.removeprefix("streams.ward."), judge=judge, after=after)


def _module_of(limit: Limit) -> str:
    if limit.rule in CUFF_RULES:
        return "rules.cuffs"
    return "rules.checkins" if limit.channel in {"moaas", "cadss"} else "rules.thresholds"


# fmt: off
_TABLE: Final = (
    *dict.fromkeys(Enrolment(limit.rule, _module_of(limit)) for limit in LIMITS),
    _asked("pressure-forecast",         look_ahead, "cuff"),
    _asked("prolonged-dissociation",    judge_lasting, "check-in", "two hours"),
    _asked("predose-pressure",          judge_predose, "cuff", "dose"),
    _asked("dose-check",                judge_dose, "dose"),
    Enrolment("suicidal-ideation",      "rules.checkins", "by a person"),
    Enrolment("answers-unread",         "rules.checkins", "by a person"),
    Enrolment("mood-worsening",         "home.worsening"),
    Enrolment("vitals-overdue",         "timers"),
    Enrolment("checkin-overdue",        "timers"),
    Enrolment("observation-incomplete", "rules.readiness", "by a person"),
    Enrolment("contraindication",       "rules.contraindications"),
    Enrolment("entry-unread",           "rules.unread", "by a person"),
    Enrolment("help-asked",             "rules.help_asked", "by a person"),
    Enrolment("unscheduled",            "sessions"),
    Enrolment("unknown-devices",        "rules.crowding", "by a person"),
    Enrolment("other-site",             "rules.other_site", "by a person"),
    Enrolment("two-at-once",            "rules.two_at_once"),
    Enrolment("session-forgotten",      "rules.forgotten"),
    Enrolment("entry-refused",          "rules.entry_refused", "by a person"),
    Enrolment("no-data",                "absence"),
    Enrolment("never-started",          "absence"),
    Enrolment("probe-off",              "absence"),
    Enrolment("artefact",               "absence"),
    Enrolment("implausible",            "absence"),
    Enrolment("clock-skew",             "absence"),
    Enrolment("integrity",              "rules.integrity", "by a person"),
    Enrolment("page-failing",           "rules.destinations"),
    Enrolment("host-clock",             "rules.host_clock"),
    Enrolment("disk-full",              "rules.host_disk"),
    Enrolment("glass-broken",           "rules.glass", "by a person"),
    Enrolment("nobody-on-call",         "alerts.rota.watch"),
    Enrolment("maintenance-due",        "home.forecasts"),
    Enrolment("relapse-risk",           "home.forecasts"),
)
# fmt: on

REGISTRY: Final = {enrolment.rule: enrolment for enrolment in _TABLE}

if REGISTRY.keys() != RULES.keys():
    raise TypeError(
        f"streams/ward/rules/registry.py lacks {sorted(RULES.keys() - REGISTRY.keys())} and has "
        f"{sorted(REGISTRY.keys() - RULES.keys())} besides: a rule is a row there and one in models/tables/rules.py, or a limit"
    )

_AFTER: Final[dict[Occasion, tuple[Judge, ...]]] = {
    occasion: tuple(row.judge for row in _TABLE if row.judge is not None and occasion in row.after)
    for occasion in get_args(Occasion)
}


def judge_after(occasion: Occasion, state: WardState, row: int, at_us: int, here: Here) -> None:
    """Ask the rules that are to be asked after this of a session, and file what they conclude. `at_us`: when it happened."""
    session = state.association.sessions[row]
    for judge in _AFTER[occasion]:
        conclusion = judge(state, row, at_us, here)
        if conclusion is not None:
            state.file(session, conclusion, here)
