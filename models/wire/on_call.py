"""What goes out about who is on call, and about the configuration that says so, each as a typed document (see `live.py`)."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from models.wire.live import WHOLE_DOCUMENT, Instant, TransitionOut


@WHOLE_DOCUMENT
class RefusedConfigurationOut(TypedDict):
    """A configuration file that cannot be used, so that what it said before stays in force; `problems` name field and reason."""

    file: str
    since: Instant
    problems: list[str]


@WHOLE_DOCUMENT
class WeakenedLimitOut(TypedDict):
    """A limit that watches less than the built-in one, and why the site wants that."""

    limit: str
    reason: str | None


@WHOLE_DOCUMENT
class BoardOut(TypedDict):
    """What a site's boards show: its chairs in the order of their places (none named: those that are in use), whether they sound
    by themselves, and whether they are dark.
    """

    chairs: list[str]
    sound: bool
    theme: Literal["dark", "light", "auto"]


@WHOLE_DOCUMENT
class SiteOut(TypedDict):
    """`GET /v1/site`: how to show time, where pages go, which limits watch less, and whether the site's file is refused.

    `lesson`: what a demonstration's scenario says to look at now; null elsewhere.
    """

    site: str
    timezone: str
    clock: Literal["received", "observed"]
    board: BoardOut
    lesson: str | None
    pages_to: list[str]
    weakened: list[WeakenedLimitOut]
    configuration_refused: RefusedConfigurationOut | None


@WHOLE_DOCUMENT
class ColleagueOut(TypedDict):
    """Somebody who can be called; where is not said. `display` is what colleagues read."""

    name: str
    display: str | None
    role: str | None
    timezone: str | None


@WHOLE_DOCUMENT
class TurnOut(TypedDict):
    """These people are on call, perhaps nobody; `since` null: for longer than a month, `until` null: for four weeks at least."""

    people: list[str]
    since: Instant | None
    until: Instant | None


@WHOLE_DOCUMENT
class HoleOut(TypedDict):
    """Somebody should be on call, and nobody is."""

    since: Instant
    until: Instant


@WHOLE_DOCUMENT
class OverrideOut(TypedDict):
    """`who` instead of `covers` (null: of everybody); `who` null: nobody takes their place."""

    who: str | None
    covers: str | None
    since: Instant
    until: Instant


@WHOLE_DOCUMENT
class ScheduleOut(TypedDict):
    """One schedule. `next`: the next turn that somebody has; `turns`: of the days asked for, as are `holes_shown`;
    `holes`: of the next four weeks; `overrides`: what is not over.
    """

    name: str
    timezone: str
    now: TurnOut
    next: TurnOut | None
    turns: list[TurnOut]
    overrides: list[OverrideOut]
    holes: list[HoleOut]
    holes_shown: list[HoleOut]


@WHOLE_DOCUMENT
class RotaOut(TypedDict):
    """`GET /v1/rota`: who is on call, and who could be. Without schedules: every page goes to everybody."""

    site: str
    at: Instant
    timezone: str
    people: list[ColleagueOut]
    schedules: list[ScheduleOut]


@WHOLE_DOCUMENT
class NextCallOut(TypedDict):
    """The call that is made unless somebody answers: of which rung, whom (null: everybody), and when."""

    rung: int
    people: list[str] | None
    at: Instant


@WHOLE_DOCUMENT
class LadderOut(TypedDict):
    """How far an open alert's ladder has been climbed: `rung` of `of`, 0 before the first call.

    `called`: whom pages have called so far (null: everybody); `answered` of `answers` who must; `next` null: none is due.
    """

    alert: str
    policy: str
    rung: int
    of: int
    called: list[str] | None
    answered: list[str]
    answers: int
    next: NextCallOut | None


@WHOLE_DOCUMENT
class LaddersOut(TypedDict):
    """`GET /v1/ladders`: of the open alerts about which a page was decided on."""

    at: Instant
    ladders: list[LadderOut]


TryOutcome = Literal["arrived", "taken", "failed", "reached", "handed on"]
"""Of a try: its destination has it; a provider has it, and tells later; it failed; and told later: a person has it, a network."""


@WHOLE_DOCUMENT
class TryOut(TypedDict):
    """The `attempt`-th try of a delivery, and what was known of it by `at`."""

    at: Instant
    attempt: int
    outcome: TryOutcome
    error: str | None


@WHOLE_DOCUMENT
class DeliveryOut(TypedDict):
    """A page to one person (null: whoever is there) by one destination: its state, how often it was tried, the last error, and
    the last tries.
    """

    person: str | None
    destination: str
    state: str
    attempts: int
    error: str | None
    tries: list[TryOut]


@WHOLE_DOCUMENT
class PageStoryOut(TypedDict):
    """A page about an alert: what for, whom it calls (null: everybody), about which alerts, and its deliveries."""

    at: Instant
    kind: Literal["page", "answered", "over"]
    audience: Literal["watch", "scheduler"]
    to: list[str] | None
    rung: int
    alerts: list[str]
    deliveries: list[DeliveryOut]


@WHOLE_DOCUMENT
class AlertStoryOut(TypedDict):
    """What is written of an alert, in order; `timezone`: of its site's clock."""

    alert: str
    timezone: str
    transitions: list[TransitionOut]
    pages: list[PageStoryOut]


@WHOLE_DOCUMENT
class WhySentenceOut(TypedDict):
    """A decision, or what became of a page, in a sentence."""

    at: Instant
    text: str


@WHOLE_DOCUMENT
class WhyOut(TypedDict):
    """`GET /v1/alerts/{alert}/why`: who was reached or why nobody was, and then each decision. Times in texts are the site's."""

    alert: str
    timezone: str
    answer: str
    sentences: list[WhySentenceOut]


SITE_ADAPTER: Final[TypeAdapter[SiteOut]] = TypeAdapter(SiteOut)
ROTA_ADAPTER: Final[TypeAdapter[RotaOut]] = TypeAdapter(RotaOut)
LADDERS_ADAPTER: Final[TypeAdapter[LaddersOut]] = TypeAdapter(LaddersOut)
WHY_ADAPTER: Final[TypeAdapter[WhyOut]] = TypeAdapter(WhyOut)
