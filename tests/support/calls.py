"""Plays of nights and shifts: who is called, when and why, until somebody answers."""

from __future__ import annotations

from typing import Any, Final

from tests.support.plays import Stage, play

_PEOPLE: Final[dict[str, Any]] = {
    "ada": {"role": "nurse"}, "ben": {"role": "nurse"}, "cem": {"role": "doctor"}, "dora": {"role": "lead"},
}  # fmt: skip
_PHONES: Final = {"ada": ["ada push", "ada sms"], "ben": ["ben push"], "cem": ["cem push"], "dora": ["dora push"]}
MINUTE: Final = 60.0
_MOAAS: Final = "moaas"


def _always(*people: str, **more: Any) -> dict[str, Any]:
    return {
        "timezone": "UTC",
        "rotations": [{"people": list(people), "since": "2026-11-01", "handoff": "16:00", **more}],
    }


def _clinic(on: Stage, words: str, rungs: list[tuple[list[str], float]], answers: int = 1, **schedules: Any) -> None:
    policy = {"rungs": [{"who": who, "minutes": minutes} for who, minutes in rungs], "answers": answers}
    on.configures(
        words,
        {"people": _PEOPLE, "schedules": schedules, "policies": {"all": policy}, "routes": [{"policy": "all"}]},
        _PHONES,
    )


def _thoughts(on: Stage) -> None:
    """Somebody at home answers that they have some intent to act."""
    yes = {"q1": True, "q2": True, "q3": False, "q4": True, "q5": False, "q6": False}
    on.answers("7", "cssrs-screen", yes, "yes to 1, 2 and 4")


@play("answered-too-late", "A night with one answer too late: the next rung was called before it")
def _(on: Stage) -> None:
    on.scene.now_s = 12 * 3600
    words = "First the nurse on call for 2 minutes, then the doctor for 3, then everybody. Tonight ada is on call"
    _clinic(on, words, [(["schedule:nurses"], 2), (["role:doctor"], 3)], nurses=_always("ada"))
    on.passes(14, MINUTE)
    _thoughts(on)
    on.passes(3, MINUTE)
    on.acknowledges("suicidal-ideation", "ada")
    on.passes(7, MINUTE)
    on.closes("suicidal-ideation", "talked to, her sister is with her", "ada")
    on.passes(20, MINUTE)


@play(
    "hand-off-during-an-alert",
    "A hand-off while an alert is unanswered: whoever has come on is called, not who has gone home",
)
def _(on: Stage) -> None:
    on.scene.now_s = 2 * 3600 - 90
    words = "The nurse on call for 2 minutes, twice, then everybody. At 16:00 (120:00) ben takes over from ada"
    _clinic(on, words, [(["schedule:nurses"], 2)] * 2, nurses=_always("ben", "ada"))
    on.starts("3")
    on.passes(1, 10)
    on.scores("3", _MOAAS, 1)
    on.passes(3, 10)
    on.acknowledges("unresponsive", "ben")
    on.passes(1, 10)


@play("two-must-answer", "Two must answer: one answer alone does not stop the ladder")
def _(on: Stage) -> None:
    on.scene.now_s = 12 * 3600
    words = "Two people must answer. First the doctor for 5 minutes, then the nurse on call for 5, then everybody"
    _clinic(on, words, [(["role:doctor"], 5), (["schedule:nurses"], 5)], answers=2, nurses=_always("ada"))
    on.passes(1, MINUTE)
    _thoughts(on)
    on.passes(2, MINUTE)
    on.acknowledges("suicidal-ideation", "cem")
    on.passes(5, MINUTE)
    on.acknowledges("suicidal-ideation", "ada")
    on.passes(2, MINUTE)
    on.closes("suicidal-ideation", "ada went there, cem spoke to her", "cem")
    on.passes(10, MINUTE)


@play(
    "nobody-on-call",
    "Nobody is on call from 18:00: told when the rota is made, told again when it begins, and filled by an override",
)
def _(on: Stage) -> None:
    words = "The nurse on call for 2 minutes, then the lead for 3, then everybody. On weekdays ada is on call from 08:00 to 18:00 (240:00)"
    day = [{"since": "08:00", "until": "18:00"}]
    expected = [{"days": ["mon"]}]
    _clinic(
        on, words, [(["schedule:nurses"], 2), (["dora"], 3)],
        nurses={"expected": expected, **_always("ada", hours=day)},
    )  # fmt: skip
    on.passes(30, MINUTE)
    on.acknowledges("nobody-on-call", "dora")
    on.passes(211, MINUTE)
    _thoughts(on)
    on.passes(1, MINUTE)
    on.acknowledges("suicidal-ideation", "dora")
    on.covers("nurses", "ben", 8)
    on.passes(1, MINUTE)
    on.closes("suicidal-ideation", "dora spoke to her", "dora")
    on.passes(5, MINUTE)


@play(
    "battery-dead", "The phone's battery is dead: the next method of that person, and as nobody answers, the next rung"
)
def _(on: Stage) -> None:
    words = "First the nurse on call (ada) for 2 minutes, then the doctor for 3, then everybody"
    _clinic(on, words, [(["schedule:nurses"], 2), (["role:doctor"], 3)], nurses=_always("ada"))
    on.switches_off("ada push")
    on.passes(1, MINUTE)
    _thoughts(on)
    on.passes(3, MINUTE)
    on.acknowledges("suicidal-ideation", "cem")
    on.passes(1, MINUTE)


@play(
    "acknowledgement-runs-out",
    "Somebody answers, nothing changes, and the answer runs out: the ladder begins at its first rung",
)
def _(on: Stage) -> None:
    words = "First the nurse on call (ada) for 2 minutes, then the doctor for 3, then everybody"
    _clinic(on, words, [(["schedule:nurses"], 2), (["role:doctor"], 3)], nurses=_always("ada"))
    on.passes(1, MINUTE)
    _thoughts(on)
    on.passes(1, MINUTE)
    on.acknowledges("suicidal-ideation", "ada")
    on.passes(13, MINUTE)
    on.acknowledges("suicidal-ideation", "cem")
    on.passes(4, MINUTE)
    on.closes("suicidal-ideation", "cem spoke to her", "cem")
    on.passes(3, MINUTE)
