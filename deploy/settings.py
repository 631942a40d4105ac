"""Settings: one TOML file a site, read by `serve` and checked by `check-config`.

Limits and policies do not act from here: they are appended to the journal as `site.configured`, so that a replay has them too.
So do people, schedules, policies and routes, by name. What stays here is about this process only: where pages go, and by which
destinations a person is reached. Where it listens and where its data is are options of the command.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import tomllib
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from alerts.notify.destination import Destination
from alerts.notify.notifiers import open_destination, open_destinations
from alerts.store.outbox import Recipients, everybody
from deploy.foreign import host_of
from deploy.oidc_part import OidcPart
from deploy.refused_fields import problems_of
from models.instants import EPOCH
from models.oncall import NOWHERE, Colleague, OnCall, Override, Policy, Routing, Schedule
from models.relapse.policies import CheckIns, Maintenance
from models.relapse.recalibration import recalibration_from
from models.tables.limits import CALLED, LIMITS, Limit, LimitRefused, flatten, with_overrides
from models.tables.weakened import weakened_limits
from models.wire.bounds import MANY, Name
from models.wire.observations import SITE_HERE, LimitChanges, SiteConfigured
from models.wire.on_call import BoardOut
from streams.intake.folder import FolderPart
from streams.intake.mqtt_part import MqttPart
from streams.intake.present import PresentFile
from streams.intake.selfreport.contacts import HomePart


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SitePart(_Strict):
    """The site's name and time zone. `hosts`: names by which browsers reach the service, beside that of `pages.link`."""

    name: Name = SITE_HERE
    timezone: str = "UTC"
    hosts: Annotated[tuple[Name, ...], Field(max_length=MANY)] = ()

    @field_validator("timezone")
    @classmethod
    def _a_known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"unknown time zone {zone!r}; for example Europe/Berlin")
        return ZoneInfo(zone).key


class PagesPart(_Strict):
    """Where pages go: ``console:`` or any Apprise URL. `link` is where a phone finds the board.

    `heartbeat`: an address that is called each minute while all is well (deploy/auditor.py).
    `scheduler`: where the daily digest of who is due goes, and nothing else; without one it goes to `destinations`.
    """

    destinations: tuple[str, ...] = ("console:",)
    scheduler: tuple[str, ...] = ()
    link: str | None = None
    heartbeat: Annotated[str, Field(pattern="^https?://")] | None = None

    @property
    def addresses(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.destinations, self.scheduler

    def opened(self) -> tuple[list[Destination], list[str]]:
        """All destinations, and the names of those for whoever plans the visits."""
        opened = open_destinations((*self.destinations, *self.scheduler))
        return opened, [each.name for each in opened[len(self.destinations) :]]

    @field_validator("destinations", "scheduler")
    @classmethod
    def _openable(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        open_destinations(urls)
        return urls


class BoardPart(_Strict):
    """What this site's boards show. `chairs`: every chair, in the order of the cards, so that an empty one keeps its
    place. `sound`: boards sound by themselves, also after a reload. `theme`: `auto` follows the screen's own setting.
    """

    chairs: Annotated[tuple[Name, ...], Field(max_length=MANY)] = ()
    sound: bool = False
    theme: Literal["dark", "light", "auto"] = "dark"

    @field_validator("chairs")
    @classmethod
    def _each_once(cls, chairs: tuple[str, ...]) -> tuple[str, ...]:
        twice = [chair for n, chair in enumerate(chairs) if chair in chairs[:n]]
        if twice:
            raise ValueError(f"{twice[0]} is there twice: each chair has one place")
        return chairs

    def document(self) -> BoardOut:
        """As boards get it."""
        return {"chairs": list(self.chairs), "sound": self.sound, "theme": self.theme}


class Hl7Part(_Strict):
    """Where monitors' gateways and record systems send HL7 v2 over MLLP; without a port nobody listens.

    senders: the addresses and networks that may connect. certificate, key: with them TLS is spoken, and nothing else;
    senders_ca: only senders with a certificate of this authority come in.
    """

    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    host: str = "127.0.0.1"
    senders: Annotated[tuple[str, ...], Field(max_length=MANY)] = ("127.0.0.0/8", "::1")
    certificate: PresentFile | None = None
    key: PresentFile | None = None
    senders_ca: PresentFile | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.certificate is None) != (self.key is None) or (self.senders_ca and self.certificate is None):
            raise ValueError("TLS takes certificate and key; senders_ca comes on top of them")
        self.networks()
        return self

    def networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks that may connect.

        Raises:
            ValueError: one is no address and no network.
        """
        return [ip_network(sender) for sender in self.senders]

    def tls(self) -> ssl.SSLContext | None:
        """How TLS is spoken; None: not at all.

        Raises:
            OSError, ssl.SSLError: the certificate or its key cannot be used.
        """
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.senders_ca)
        context.load_cert_chain(self.certificate, self.key)
        context.verify_mode = ssl.CERT_REQUIRED if self.senders_ca else ssl.CERT_NONE
        return context


class AccessPart(_Strict):
    """Whether people must sign in, and how long they stay: `idle_minutes` without input, `hours` at all (docs/access.md).
    `lock_minutes`: on shared tablets, after how many without input a session locks until its person types their PIN; it is not
    ended then for want of input. `oidc`: the clinic's provider, by which they may too.

    Half an hour and twelve hours are NIST SP 800-63B's (revision 3, 4.2.3) for whoever has another's health before them.
    """

    sign_in: bool = False
    idle_minutes: Annotated[int, Field(ge=1, le=12 * 60)] = 30
    hours: Annotated[int, Field(ge=1, le=24)] = 12
    lock_minutes: Annotated[int, Field(ge=2, le=60)] | None = None
    oidc: OidcPart | None = None


class DataPart(_Strict):
    """How long the journal's frames, with every sample, are kept. What they led to is kept for ever (docs/data.md).

    90 days, chosen by us: who looks into what happened in a treatment does so within a quarter.
    """

    raw_days: Annotated[int, Field(ge=1, le=3660)] = 90


class NamesPart(_Strict):
    """Whether patients' names are kept, apart from everything else (docs/privacy.md): `key` is the file with the key that seals
    them, outside the data directory. `on_boards`: boards show who sits in a chair.
    """

    key: Path | None = None
    on_boards: bool = False


class ReachedColleague(Colleague):
    """Somebody who can be called, and by which of `destinations`, the first one first; and their id in PagerDuty, if they answer
    there.
    """

    methods: Annotated[tuple[Name, ...], Field(max_length=MANY)] = ()
    pagerduty: Name | None = None

    def named(self) -> Colleague:
        """What the journal has of them."""
        return Colleague(display=self.display, role=self.role, timezone=self.timezone)


class Settings(_Strict):
    """A site's configuration file. `destinations`, by name, are those that people are reached by: any Apprise URL."""

    site: SitePart = SitePart()
    board: BoardPart = BoardPart()
    pages: PagesPart = PagesPart()
    hl7: Hl7Part = Hl7Part()
    access: AccessPart = AccessPart()
    data: DataPart = DataPart()
    names: NamesPart = NamesPart()
    home: HomePart = HomePart()
    folder: FolderPart = FolderPart()
    mqtt: MqttPart = MqttPart()
    destinations: Annotated[dict[Name, str], Field(max_length=MANY)] = Field(default_factory=dict)
    people: Annotated[dict[Name, ReachedColleague], Field(max_length=MANY)] = Field(default_factory=dict)
    schedules: dict[Name, Schedule] = Field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    policies: dict[Name, Policy] = Field(default_factory=dict)
    routes: tuple[Routing, ...] = ()
    maintenance: Maintenance = Maintenance()
    checkins: CheckIns = CheckIns()
    recalibration: dict[str, Any] | None = None
    limits: LimitChanges = Field(default_factory=dict)

    @field_validator("recalibration")
    @classmethod
    def _usable(cls, stored: dict[str, Any] | None) -> dict[str, Any] | None:
        if stored is not None:
            recalibration_from(stored)
        return stored

    @field_validator("destinations")
    @classmethod
    def _openable(cls, addresses: dict[str, str]) -> dict[str, str]:
        for name, address in addresses.items():
            try:
                open_destination(address, name)
            except ValueError as wrong:
                raise ValueError(f"{name}: {wrong}") from wrong
        return addresses

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        problems = [
            f"people.{name}.methods: there is no {method!r} under destinations"
            for name, person in self.people.items() for method in person.methods if method not in self.destinations
        ]  # fmt: skip
        if self.names.key is not None and not self.access.sign_in:
            problems.append("names.key: names are for people who have signed in: [access] sign_in = true")
        if problems:
            raise ValueError("; ".join(problems))
        self.on_call()
        return self

    @property
    def addresses(self) -> tuple[object, ...]:
        """Every address and who is reached by it: what the pager and the auditor go by, and the journal does not have."""
        people = {name: each.methods for name, each in self.people.items()}
        return (*self.pages.addresses, self.pages.heartbeat, self.destinations, people)

    @property
    def hosts(self) -> set[str]:
        """The names by which browsers reach the service, beside addresses and names that nobody outside can own."""
        return {host.lower() for host in self.site.hosts} | host_of(self.pages.link)

    def on_call(self) -> OnCall:
        """Who is on call and who is called about what, as the journal gets it."""
        return OnCall(
            timezone=self.site.timezone, people={name: person.named() for name, person in self.people.items()},
            schedules=self.schedules, overrides=self.overrides, policies=self.policies, routes=self.routes,
        )  # fmt: skip

    def recipients(self, destinations: Sequence[Destination], schedulers: Sequence[str]) -> Recipients:
        """Whom a page is for, of the people of this configuration and these destinations."""
        people = {name: each.methods for name, each in self.people.items()}
        return everybody([each.name for each in destinations], schedulers, people)

    def opened(self) -> tuple[list[Destination], list[str]]:
        """All destinations, those of people by their name, and the names of those for whoever plans the visits.

        Raises:
            ValueError: a name of `destinations` is that of one under `pages`.
        """
        opened, schedulers = self.pages.opened()
        named = [open_destination(address, name) for name, address in self.destinations.items()]
        twice = {each.name for each in opened} & set(self.destinations)
        if twice:
            raise ValueError(f"destinations: {min(twice)} is the name of one under pages")
        return [*opened, *named], schedulers

    def pagerduty_people(self) -> dict[str, str]:
        """PagerDuty's id of somebody → their name here."""
        return {each.pagerduty: name for name, each in self.people.items() if each.pagerduty is not None}

    def limit_table(self) -> tuple[Limit, ...]:
        """The limits with the site's changes.

        Raises:
            LimitRefused: a change that cannot be put in force.
        """
        return with_overrides(LIMITS, self.limits)

    def weakened(self) -> list[tuple[str, str | None]]:
        """Each limit that watches less than the built-in one: how, and the reason that the file gives."""
        given = {(*named[:2], CALLED.get(named[2], named[2])): change.reason for named, change in flatten(self.limits)}
        return [(each.words, given.get(each.key)) for each in weakened_limits(self.limit_table())]

    def record(self) -> SiteConfigured:
        """The `site.configured` record: limits and policies, with a hash that changes when they do."""
        limits = {
            rule: {p: {c: change.model_dump(exclude_none=True) for c, change in cs.items()} for p, cs in ps.items()}
            for rule, ps in self.limits.items()
        }
        policies: dict[str, Any] = {
            "timezone": self.site.timezone,
            "maintenance": self.maintenance.model_dump(mode="json"),
            "checkins": self.checkins.model_dump(mode="json"),
        }
        if self.recalibration is not None:
            policies["recalibration"] = self.recalibration
        if self.pages.link is not None:
            policies["link"] = self.pages.link
        if not self.pages.destinations and not self.destinations:
            policies["pages"] = NOWHERE
        rota: dict[str, Any] = {}
        if self.people or self.schedules or self.policies or self.routes:
            rota = self.on_call().model_dump(mode="json", exclude_defaults=True) | {"timezone": self.site.timezone}
        hashed = [limits, policies, rota] if rota else [limits, policies]
        policies["hash"] = hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16]
        return SiteConfigured(
            at=EPOCH, site=self.site.name, limits=self.limits, policies=policies, rota=rota, hash=policies["hash"],
            source="configuration",
        )  # fmt: skip


class BadConfiguration(ValueError):
    """A configuration file that cannot be used. `problems` are lines that name the field and the reason."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path, self.problems = path, problems


def load(path: Path) -> Settings:
    """Read and check a configuration file.

    Raises:
        BadConfiguration: the file is missing, empty, no TOML, makes no sense somewhere, or weakens a limit without a reason.
    """
    return parse(path, text_of(path))


def text_of(path: Path) -> str:
    """A configuration file's text.

    Raises:
        BadConfiguration: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except OSError as wrong:
        raise BadConfiguration(path, [f"cannot be read: {wrong.strerror}"]) from wrong
    except UnicodeDecodeError as wrong:
        raise BadConfiguration(path, [f"not TOML: {wrong}"]) from wrong


def parse(path: Path, text: str) -> Settings:
    """The settings of a configuration file's text; `path` is for what is said of it.

    Raises:
        BadConfiguration: as `load`.
    """
    settings = _parsed(path, text)
    silent = [
        f'limits: {words}: give a reason, for example reason = "…"'
        for words, reason in settings.weakened()
        if not reason
    ]
    if silent:
        raise BadConfiguration(path, silent)
    return settings


def _parsed(path: Path, text: str) -> Settings:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise BadConfiguration(path, [f"not TOML: {wrong}"]) from wrong
    if not document:
        # A disk that was full, or an editor that was cut short: nobody means the defaults by it.
        raise BadConfiguration(path, ["it is empty, which is no configuration: name the site at least"])
    try:
        settings = Settings.model_validate(_floats(document))
        settings.limit_table()
        settings.opened()
    except ValidationError as wrong:
        raise BadConfiguration(path, problems_of(wrong, Settings)) from wrong
    except LimitRefused as wrong:
        raise BadConfiguration(path, [str(wrong)]) from wrong
    except ValueError as wrong:
        raise BadConfiguration(path, [str(wrong)]) from wrong
    return settings


def limits_only(path: Path) -> SiteConfigured:
    """The `site.configured` of a limits file: what `replay --limits` puts in force. A whole configuration will do too.

    Nobody is watched by it, so a limit that is weakened needs no reason.
    """
    return _parsed(path, text_of(path)).record()


def _floats(node: Any) -> Any:
    """TOML writes 90 where a limit means 90.0; numbers under `limits` are measurements."""
    if isinstance(node, dict):
        return {key: _floats(value) for key, value in node.items()}
    return float(node) if isinstance(node, int) and not isinstance(node, bool) else node
