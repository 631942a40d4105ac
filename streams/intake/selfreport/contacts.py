"""How a site asks its patients at home: `[home]` of its file, and the file of contacts that this names.

Contacts are for this process alone: where somebody is reached never goes into the journal, a log line or an answer. The file is
read anew when it changes, so that a patient is added without a restart; one that cannot be used changes nothing, and is told.
Never here: sending, when somebody is asked.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from alerts.notify.destination import Destination
from alerts.notify.notifiers import open_destination
from models.calendar import zone_of
from models.tables.crisis_lines import CRISIS_LINES, CountryLines, CrisisLine
from models.wire.bounds import Name
from streams.intake.present import PresentPath
from streams.intake.selfreport.words import BadLanguage, languages

log = logging.getLogger(__name__)

NO_LINKS: Final = frozenset({"twilio-call", "pagerduty-events"})
"""Channels that say or raise something, where a link is of no use."""
AskedForm = Literal["phq-9", "phq-2", "qids-sr16"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnLine(_Strict):
    """A crisis line that a site names itself."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    number: Annotated[str, Field(min_length=2, max_length=40)]


class HomePart(_Strict):
    """How patients at home are asked. Without `country` or lines of its own a site sends no link and shows no page.

    country: whose crisis lines a patient is shown (models/tables/crisis_lines.py); crisis_lines, emergency: in their place.
    phone: the clinic's own number. contacts: the file of `PatientContact`s. languages: a folder with more languages, and with
    texts that the site has the licence for. hours: of the patient's clock, in which something is sent.
    link_days: how long a link holds. remind_days: after how many without an answer it is sent once more.
    """

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    emergency: Annotated[str, Field(min_length=2, max_length=20)] | None = None
    crisis_lines: Annotated[tuple[OwnLine, ...], Field(max_length=10)] = ()
    phone: Annotated[str, Field(min_length=2, max_length=40)] | None = None
    contacts: PresentPath | None = None
    languages: PresentPath | None = None
    language: Name = "en"
    form: AskedForm = "phq-9"
    hours: tuple[Annotated[int, Field(ge=0, le=23)], Annotated[int, Field(ge=1, le=24)]] = (9, 20)
    link_days: Annotated[int, Field(ge=1, le=14)] = 3
    remind_days: Annotated[int, Field(ge=1, le=14)] = 1

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if self.country is not None and self.country not in CRISIS_LINES and not (self.crisis_lines and self.emergency):
            known = ", ".join(sorted(CRISIS_LINES))
            raise ValueError(
                f"country: no lines are known of {self.country} (of {known}): give crisis_lines and emergency"
            )
        if self.crisis_lines and self.emergency is None and self.country is None:
            raise ValueError("emergency: say the emergency number beside crisis_lines")
        if self.hours[0] >= self.hours[1]:
            raise ValueError("hours: the first is before the second, for example [9, 20]")
        try:
            known_languages = languages(self.languages)
            if self.contacts is not None:
                contacts_in(self.contacts, self)
        except (BadLanguage, BadContacts) as bad:
            raise ValueError(str(bad)) from bad
        if self.language not in known_languages:
            raise ValueError(f"language: there is no {self.language}; there are {', '.join(known_languages)}")
        if self.contacts is not None and self.lines() is None:
            raise ValueError("country: say whose crisis lines patients are shown, before a link is sent")
        return self

    def lines(self) -> CountryLines | None:
        """Whom a patient can call; None: nobody was named, so nobody is asked."""
        theirs = None if self.country is None else CRISIS_LINES.get(self.country)
        own = tuple(CrisisLine(each.name, each.number) for each in self.crisis_lines)
        emergency = self.emergency or (None if theirs is None else theirs.emergency)
        if emergency is None or not (own or theirs):
            return None
        return CountryLines(emergency, own or (theirs.lines if theirs else ()), "the site's file" if own else "country")


class PatientContact(_Strict):
    """How one patient is reached: `to` is any address that pages may go to; the first that takes a message is enough."""

    to: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    language: Name | None = None
    timezone: Name | None = None
    form: AskedForm | None = None
    paused: bool = False

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_more(cls, to: object) -> object:
        return (to,) if isinstance(to, str) else to

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone_of(zone) is None:
            raise ValueError(f"unknown time zone {zone!r}; for example Europe/Berlin")
        return zone

    def destinations(self, patient: str) -> list[Destination]:
        """Where a message goes, in order.

        Raises:
            ValueError: an address that nobody here can send to. The message holds no secret.
        """
        for address in self.to:
            scheme = urlsplit(address).scheme.lower()
            if scheme in NO_LINKS:
                raise ValueError(f"{scheme} cannot bring a link")
        return [open_destination(address, f"patient {patient}") for address in self.to]


class BadContacts(ValueError):
    """A contacts file that cannot be used; the text names the patient and the reason, never an address."""


def contacts_in(path: Path, home: HomePart) -> Mapping[str, PatientContact]:
    """The contacts of a file by alias.

    Raises:
        BadContacts: it cannot be used.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as wrong:
        raise BadContacts(f"{path}: {wrong}") from wrong
    found: dict[str, PatientContact] = {}
    for patient, entry in document.items():
        try:
            contact = found[patient] = PatientContact.model_validate(entry)
            contact.destinations(patient)
        except ValidationError as wrong:
            error = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, (patient, *error["loc"])))
            raise BadContacts(f"{path}: {where}: {error['msg'].removeprefix('Value error, ')}") from wrong
        except ValueError as wrong:
            raise BadContacts(f"{path}: {patient}.to: {wrong}") from wrong
        if contact.language is not None and contact.language not in languages(home.languages):
            raise BadContacts(f"{path}: {patient}.language: there is no {contact.language}")
    return found


class WatchedContacts:
    """The contacts as they are now: read anew when the file has changed."""

    def __init__(self) -> None:
        self._read: tuple[Path, int, int] | None = None
        self._contacts: Mapping[str, PatientContact] = {}
        self.refused: str | None = None
        """Why the file as it is now is not in force; None: it is."""

    def now(self, home: HomePart) -> Mapping[str, PatientContact]:
        """Who is reached how."""
        if home.contacts is None:
            self._read, self._contacts, self.refused = None, {}, None
            return self._contacts
        try:
            stat = home.contacts.stat()
            seen = (home.contacts, stat.st_mtime_ns, stat.st_size)
            if seen != self._read:
                self._contacts, self._read, self.refused = contacts_in(home.contacts, home), seen, None
        except (OSError, BadContacts) as bad:
            if self.refused != str(bad):
                log.error("patients' contacts stay as they were: %s", bad)
            self.refused = str(bad)
        return self._contacts
