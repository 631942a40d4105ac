"""When a patient at home is sent a link or reminded: what is known of them and the hour of their own clock in, a decision out.

Pure. Asked as often as the clinic's policy says, at hours that the clinic chose, by the patient's clock; once more if no answer
comes. After that `checkin-overdue` is the clinic's (`streams/ward/home/silence.py`): a patient is not written to every hour.
Bad at: a patient who is on holiday; the clinic pauses them. Never here: sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.relapse.policies import CheckIns

Asking = Literal["link", "reminder"]


@dataclass(frozen=True, slots=True)
class Asked:
    """When a patient was last sent a link, as their own day, and whether they were reminded since."""

    day: int
    reminded: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to send, or nothing; and why, in words."""

    send: Asking | None
    why: str


def decide_asking(
    policy: CheckIns, hours: tuple[int, int], remind_days: int, answered_day: int | None, asked: Asked | None, today: int, hour: int
) -> Decision:  # fmt: skip
    """What a patient is to be sent now.

    Args:
        hours: from and to which hour of the patient's day something is sent. answered_day: of their last answer, None: never.
        today, hour: by the patient's clock.
    """
    if not policy.enabled:
        return Decision(None, "check-ins are switched off")
    if answered_day is not None and today < answered_day + policy.every_days:
        return Decision(None, f"answered {today - answered_day} days ago, asked every {policy.every_days}")
    if not hours[0] <= hour < hours[1]:
        return Decision(None, f"it is {hour}:00 where they are, and they are written to from {hours[0]} to {hours[1]}")
    open_since = None if asked is None or (answered_day is not None and asked.day <= answered_day) else asked
    if open_since is None or today - open_since.day >= policy.every_days:
        return Decision("link", "an answer is due")
    if not open_since.reminded and today - open_since.day >= remind_days:
        return Decision("reminder", f"no answer for {today - open_since.day} days")
    return Decision(None, "asked already")
