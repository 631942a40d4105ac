"""A patient's answers: what a page of theirs posts in, the observation that it is out.

A page sends the answers to one instrument, each time it has something new to say, with a number that counts its tries: so what is
sent again after a lost connection is the same entry, and a changed answer corrects the one before.
A positive answer about suicide is sent at once (`early`), before the form is whole: it cannot be scored yet, and is heard.
Times are told as "so long ago" by the phone's own clock, which need not be right. Never here: HTTP, links.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from models.instants import DAY, to_datetime
from models.tables.instruments import INSTRUMENTS
from models.wire.observations import CheckIn, Intervention
from streams.ward.rules.checkins import ANSWERED_ALONE
from streams.ward.rules.help_asked import ASKED_AGAIN, HELP_ASKED

CHECKIN_PAGE: Final = "checkin-page"
TABLET: Final = ANSWERED_ALONE
"""The `source` of what comes from a patient's pages."""
RESPONDENT: Final = "patient"

_Milliseconds = Annotated[int, Field(ge=0, le=30 * DAY // 1000)]


class AnswersBody(BaseModel):
    """Answers to one instrument: item number → value. `prompted_ago_ms`: when the first of its questions was shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    instrument: Annotated[str, Field(max_length=40)]
    answers: Annotated[
        dict[Annotated[int, Field(ge=1, le=99)], Annotated[int, Field(ge=0, le=99)]], Field(max_length=99)
    ]
    revision: Annotated[int, Field(ge=0, le=99)] = 0
    early: bool = False
    ago_ms: _Milliseconds = 0
    prompted_ago_ms: _Milliseconds | None = None
    round: Annotated[int, Field(ge=0, le=999)] = 0
    """At the chair: which round of questions."""


class HelpBody(BaseModel):
    """A call for somebody. `press`: counts them, so that a repeat after a lost connection is one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    press: Annotated[int, Field(ge=0, le=999)] = 0
    nonce: Annotated[str, Field(min_length=8, max_length=40, pattern="^[0-9a-zA-Z-]+$")]
    again: bool = False


class AnswersRefused(ValueError):
    """Answers that are not those of the form; the text names the field and the reason."""


def checkin_of(
    body: AnswersBody, asked: tuple[str, ...], *, site: str, patient: str, session: str | None, occasion: str, source: str, now_us: int,
) -> CheckIn:  # fmt: skip
    """The observation of what a page posted.

    Args:
        asked: the instruments that its link asks. occasion: what makes the entry's id its own.

    Raises:
        AnswersRefused: they are not answers to what was asked, or not all of them.
    """
    if body.instrument not in asked:
        raise AnswersRefused(f"instrument: this link asks {', '.join(asked)}")
    scale = INSTRUMENTS[body.instrument]
    low, high = scale.item_range
    for item, value in body.answers.items():
        if item > scale.items:
            raise AnswersRefused(f"answers.{item}: {scale.title} has {scale.items} items")
        if not low <= value <= high:
            raise AnswersRefused(f"answers.{item}: an answer is {low} to {high}")
    whole = len(body.answers) == scale.items
    if not body.answers or not (whole or body.early):
        raise AnswersRefused(f"answers: {scale.title} has {scale.items} items; not all are answered")
    items: list[int] | dict[str, int] = (
        [body.answers[item] for item in range(1, scale.items + 1)] if whole
        else {f"q{item}": value for item, value in sorted(body.answers.items())}
    )  # fmt: skip
    name = f"{occasion}-{body.round}-{body.instrument}"
    at_us = now_us - body.ago_ms * 1000
    prompted_us = None if body.prompted_ago_ms is None else min(at_us, now_us - body.prompted_ago_ms * 1000)
    return CheckIn.model_validate({
        "at": to_datetime(at_us), "site": site, "patient": patient, "session": session, "instrument": body.instrument, "items": items,
        "respondent": RESPONDENT, "prompted_at": None if prompted_us is None else to_datetime(prompted_us), "source": source,
        "id": f"{name}-{body.revision}{'-early' if body.early else ''}",
        "replaces": f"{name}-{body.revision - 1}" if body.revision and not body.early else None,
    })  # fmt: skip


def help_of(body: HelpBody, *, site: str, patient: str, session: str, now_us: int) -> Intervention:
    """The observation that somebody at a chair asks for help."""
    return Intervention(
        at=to_datetime(now_us), site=site, patient=patient, session=session, what=HELP_ASKED, detail=ASKED_AGAIN if body.again else None,
        source=TABLET, id=f"{body.nonce}-{body.press}",
    )  # fmt: skip
