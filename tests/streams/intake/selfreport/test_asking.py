"""When a patient is written to: as often as the clinic says, by day where they are, once more, and then left to the clinic."""

from __future__ import annotations

import pytest

from models.relapse.policies import CheckIns
from streams.intake.selfreport.asking import Asked, Asking, decide_asking

WEEKLY = CheckIns(every_days=7, grace_days=2)
HOURS = (9, 20)


@pytest.mark.parametrize(
    ("answered", "asked", "today", "hour", "sent"),
    [
        (None, None, 100, 10, "link"),  # nobody has heard of them yet
        (None, None, 100, 8, None),  # it is early where they are
        (None, None, 100, 20, None),  # and late
        (100, None, 106, 10, None),  # answered six days ago
        (100, None, 107, 10, "link"),
        (100, Asked(107), 107, 19, None),  # asked today
        (100, Asked(107), 108, 10, "reminder"),
        (100, Asked(107), 108, 3, None),
        (100, Asked(107, reminded=True), 109, 10, None),  # from here on it is the clinic's
        (100, Asked(107, reminded=True), 113, 10, None),
        (100, Asked(107, reminded=True), 114, 10, "link"),  # a week later they are asked again
        (108, Asked(107, reminded=True), 114, 10, None),  # answered meanwhile
        (108, Asked(107, reminded=True), 115, 10, "link"),
        (107, Asked(107), 114, 10, "link"),  # answered on the very day
    ],
)
def test_what_is_sent_when(
    answered: int | None, asked: Asked | None, today: int, hour: int, sent: Asking | None
) -> None:  # fmt: skip
    decision = decide_asking(WEEKLY, HOURS, 1, answered, asked, today, hour)
    assert decision.send == sent
    assert decision.why


def test_nobody_is_asked_where_check_ins_are_switched_off() -> None:
    assert decide_asking(CheckIns(enabled=False), HOURS, 1, None, None, 100, 10).send is None
