"""Who is on call, and who is called about what: people, schedules, policies and routes, as a site configures them.

Read from a site's TOML (`deploy/settings.py`), put in force through the journal (`rota` of `site.configured`), used by the rota
(`alerts/rota/`) and the desk. Names only: where a person can be reached stays in the process that sends.
Never here: who is on call at an instant, an address, a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from models.calendar import zone_of
from models.tables.rules import RULES, Category, Priority, PriorityName
from models.wire.bounds import MANY, Name

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)

EVERYBODY: Final = "everybody"
NOWHERE: Final = "nowhere"
"""`pages` of a site's policies, where it has no destination at all."""
REPEAT_MINUTES: Final = 5.0
"""How long the last rung waits before it calls everybody again. Chosen by us: half of what an acknowledgement of a high alert
lasts, so that silence is asked sooner than an answer."""
RUNG_MINUTES: Final = 2.0
"""How long a rung waits for an answer. Chosen by us: as long as RespiraWorks' ventilator lets an alarm's sound be paused at the
most (120 s, `latching_alarm.cpp`), because no silence about a high one should be longer."""


def _zone(name: str) -> str:
    if zone_of(name) is None:
        raise ValueError(f"unknown time zone {name!r}; for example Europe/Berlin")
    return name


def _wall_time(value: object) -> object:
    if isinstance(value, str) and len(value) == len("08:00"):
        return f"{value}:00"
    return value


Zone = Annotated[Name, Field(description="IANA")]
WallTime = Annotated[time, BeforeValidator(_wall_time)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hours(_Strict):
    """A part of each of these days by the wall clock; until midnight or the next day where `until` is not after `since`."""

    days: tuple[Weekday, ...] = WEEKDAYS
    since: WallTime = time(0)
    until: WallTime = time(0)


class Colleague(_Strict):
    """Somebody who can be called. `display` is what others read; a page holds neither."""

    display: Name | None = None
    role: Name | None = None
    timezone: Zone | None = None

    @field_validator("timezone")
    @classmethod
    def _known(cls, zone: str | None) -> str | None:
        return None if zone is None else _zone(zone)


class Rotation(_Strict):
    """People on call one after the other, from `since` on. They hand over at `handoff` by the wall clock: on `days` of the week,
    every `every_days` days, or every `every_hours` hours; without any of these, each day.

    A hand-off in an hour that the clock skips is when the skipping ends; one in an hour that it has twice is in the first.
    """

    people: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MANY)]
    since: date
    until: date | None = None
    handoff: WallTime = time(8)
    days: tuple[Weekday, ...] = ()
    every_days: Annotated[int, Field(ge=1, le=366)] | None = None
    every_hours: Annotated[int, Field(ge=1, le=168)] | None = None
    hours: tuple[Hours, ...] = ()
    """When the person whose turn it is is on call; empty: always."""

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if sum(map(bool, (self.days, self.every_days, self.every_hours))) > 1:
            raise ValueError("give one of days, every_days and every_hours")
        if self.until is not None and self.until <= self.since:
            raise ValueError("until is not after since")
        return self


class Override(_Strict):
    """`who` is on call instead of `covers` from `since` to `until`. Without `covers`: instead of everybody on that schedule;
    without `who`: nobody takes their place. A later one wins. A swap is two of them.
    """

    schedule: Name
    who: Name | None = None
    covers: Name | None = None
    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.until <= self.since:
            raise ValueError("until is not after since")
        return self


class Schedule(_Strict):
    """Who is on call: each rotation puts one person there, in order. `expected`: when somebody should be; empty: always."""

    timezone: Zone
    rotations: Annotated[tuple[Rotation, ...], Field(max_length=20)] = ()
    expected: tuple[Hours, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _known(cls, zone: str) -> str:
        return _zone(zone)


class Rung(_Strict):
    """Who is called, and how long before the next rung: people, ``schedule:NAME``, ``role:NAME``, or ``everybody``."""

    who: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MANY)]
    minutes: Annotated[float, Field(ge=0.25, le=240)] = RUNG_MINUTES


class Policy(_Strict):
    """A ladder. After its last rung everybody is called, again every `repeat_minutes`, until `answers` people have answered."""

    rungs: Annotated[tuple[Rung, ...], Field(min_length=1, max_length=10)]
    repeat_minutes: Annotated[float, Field(ge=0.25, le=240)] = REPEAT_MINUTES
    answers: Annotated[int, Field(ge=1, le=2)] = 1


class Routing(_Strict):
    """Alerts that are all of what is named here go by `policy`; what is not named may be anything."""

    policy: Name
    categories: tuple[Category, ...] = ()
    priorities: tuple[PriorityName, ...] = ()
    rules: tuple[Name, ...] = ()
    chairs: tuple[Name, ...] = ()
    hours: tuple[Hours, ...] = ()
    """By the site's clock, when the alert is raised."""

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule not in RULES:
                raise ValueError(f"there is no rule {rule!r}")
        return rules

    def why_not(self, rule: str, priority: Priority, chair: str | None) -> str | None:
        """Why an alert cannot go this way, whatever the hour; None if it can."""
        for what, asked, has in (
            ("rules", self.rules, rule), ("categories", self.categories, RULES[rule].category),
            ("priorities", self.priorities, priority.word), ("chairs", self.chairs, chair),
        ):  # fmt: skip
            if asked and has not in asked:
                return f"its {what} are {', '.join(asked)}"
        return None


class OnCall(_Strict):
    """All of it, for one site. Empty: every page goes to every destination."""

    timezone: Zone = "UTC"
    people: Annotated[dict[Name, Colleague], Field(max_length=MANY)] = Field(default_factory=dict)
    schedules: Annotated[dict[Name, Schedule], Field(max_length=MANY)] = Field(default_factory=dict)
    overrides: Annotated[tuple[Override, ...], Field(max_length=10 * MANY)] = ()
    policies: Annotated[dict[Name, Policy], Field(max_length=MANY)] = Field(default_factory=dict)
    routes: Annotated[tuple[Routing, ...], Field(max_length=MANY)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        """What names somebody or something that is not there."""
        for name in self.people:
            if name == EVERYBODY or ":" in name:
                yield f"people.{name}: everybody, and names with a colon, mean something else in a policy"
        for name, schedule in self.schedules.items():
            for place, rotation in enumerate(schedule.rotations):
                for person in rotation.people:
                    if person not in self.people:
                        yield f"schedules.{name}.rotations.{place}.people: there is no {person!r} under people"
        for place, override in enumerate(self.overrides):
            why = self.why_not(override)
            if why is not None:
                yield f"overrides.{place}.{why}"
        for name, policy in self.policies.items():
            for place, rung in enumerate(policy.rungs):
                for who in rung.who:
                    if not self._is_somebody(who):
                        yield f"policies.{name}.rungs.{place}.who: there is no {who!r}: write a name of people, schedule:NAME, role:NAME or {EVERYBODY}"
        for place, route in enumerate(self.routes):
            if route.policy not in self.policies:
                yield f"routes.{place}.policy: there is no {route.policy!r} under policies"

    def why_not(self, override: Override) -> str | None:
        """Why an override cannot be, as field and reason; None if it can."""
        if override.schedule not in self.schedules:
            return f"schedule: there is no {override.schedule!r} under schedules"
        for field, person in (("who", override.who), ("covers", override.covers)):
            if person is not None and person not in self.people:
                return f"{field}: there is no {person!r} under people"
        return None

    def _is_somebody(self, who: str) -> bool:
        kind, colon, name = who.partition(":")
        if not colon:
            return who == EVERYBODY or who in self.people
        if kind == "schedule":
            return name in self.schedules
        return kind == "role" and any(person.role == name for person in self.people.values())

    def person_called(self, by: str) -> str:
        """Who it is that signs as `by`, by their name or as others read it; `by` itself where nobody is."""
        if by in self.people:
            return by
        return next((name for name, person in self.people.items() if person.display == by), by)


NOBODY_CONFIGURED: Final = OnCall()


class OnCallRefused(ValueError):
    """People, schedules, policies or routes that cannot be put in force; `field` says which, `reason` why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def on_call_of(rota: Mapping[str, Any]) -> OnCall:
    """The `rota` of a `site.configured` record, checked.

    Raises:
        OnCallRefused: something in it makes no sense.
    """
    try:
        return OnCall.model_validate(dict(rota))
    except ValidationError as wrong:
        error = wrong.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in ("rota", *error["loc"]))
        raise OnCallRefused(where, error["msg"].removeprefix("Value error, ")) from wrong
