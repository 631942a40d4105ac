"""Reads resources out of the store: a search or an id in, resources by their order out, no more than were asked for.

All of a search is read in one transaction, of one site alone. A page costs what its patient's entries and alerts cost to read,
and of vitals the hours from its cursor on.
Bad at: a patient's minutes that came late, behind the cursor of somebody who is reading. Never here: who may ask, HTTP.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from alerts.effects import ChannelMinute, page_of
from alerts.fhir.resources import (
    CHANNEL_OF,
    MINUTE_CODES,
    PRESSURE,
    Found,
    audit_found,
    entered_found,
    flag_found,
    forecast_found,
    form_found,
    minute_found,
    page_found,
    patient_found,
)
from alerts.fhir.search import Search
from alerts.record.fhir_resources import PRESSURES
from alerts.record.session import is_accepted, record_entry
from alerts.store import archive, resource_rows
from alerts.store.aliases import aliases_at, names_of, stored_names
from alerts.store.database import Database
from alerts.store.ledger import clean
from alerts.store.minutes import UNNAMED_SESSION
from alerts.store.vitals_hour import unpack_hour
from models.aliases import Aliases
from models.instants import HOUR, MINUTE, from_iso
from models.wire.fhir_ids import fhir_id, name_behind
from models.wire.home import KeptForecastOut
from models.wire.live import AlertOut

_ENTRY: Final = re.compile(r"e-(\d{1,9})-(\d{1,18})-(\d{1,9})", re.ASCII)
_FORECAST: Final = re.compile(r"f-(\d{1,9})-(\d{1,18})-(\d{1,9})", re.ASCII)
_MINUTE: Final = re.compile(r"m-([0-9a-f]{16})-([a-z0-9]{1,10})-(\d{1,10})", re.ASCII)
_OBSERVED: Final = ("vitals", "cuff.corrected", "checkin")


class SearchAnswer(NamedTuple):
    """What a search found, in order; `more`: there is more behind the last."""

    found: list[Found]
    more: bool


class Resources:
    """The resources of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, site: str, search: Search) -> SearchAnswer:
        """The next resources that a search finds."""
        with self._database.reading() as connection:
            patient = search.patient
            if patient is not None:
                patient = name_behind(patient, lambda: resource_rows.aliases(connection, site)) or patient
                if search.kind not in ("Patient", "AuditEvent"):
                    patient = aliases_at(connection, site).survivor(site, patient)
            if search.ids is not None:
                each = (self._read(connection, site, search.kind, id_) for id_ in dict.fromkeys(search.ids))
                candidates: Iterable[Found] = sorted((one for one in each if one is not None), key=_order)
            else:
                candidates = _all(connection, site, search, patient)
            found: list[Found] = []
            for one in candidates:
                if _fits(one, search, patient):
                    found.append(one)
                    if len(found) > search.count:
                        return SearchAnswer(found[:-1], True)
            return SearchAnswer(found, False)

    def read(self, site: str, kind: str, id_: str) -> Found | None:
        """One resource; None: there is none of that id at the site."""
        with self._database.reading() as connection:
            return self._read(connection, site, kind, id_)

    def _read(self, connection: Connection, site: str, kind: str, id_: str) -> Found | None:
        match kind:
            case "Patient":
                alias = name_behind(id_, lambda: resource_rows.aliases(connection, site))
                aliases = aliases_at(connection, site)
                same = alias is not None and len(aliases.all_of(site, alias)) > 1
                if alias is None or not (same or resource_rows.is_known(connection, site, alias)):
                    return None
                return _patient(connection, site, alias, aliases)
            case "Observation" if matched := _MINUTE.fullmatch(id_):
                return _minute_of(connection, site, *matched.groups())
            case "Observation" | "QuestionnaireResponse":
                matched = _ENTRY.fullmatch(id_)
                row = matched and resource_rows.stored_entry(connection, site, *map(int, matched.groups()))
                return next(iter(_of_entries(connection, site, kind, [row] if row else [])), None)
            case "Flag":
                row = resource_rows.alert(connection, site, name_behind(id_, tuple) or "")
                return (
                    None if row is None else flag_found(_stays(json.loads(row.doc), site, aliases_at(connection, site)))
                )
            case "Communication":
                rows = resource_rows.pages(
                    connection, site, key=name_behind(id_, lambda: resource_rows.page_keys(connection)) or ""
                )
                return next(iter(_pages(connection, site, rows)), None)
            case "RiskAssessment":
                matched = _FORECAST.fullmatch(id_)
                row = matched and resource_rows.forecast(connection, site, *map(int, matched.groups()))
                return _forecast(row, site, aliases_at(connection, site)) if row else None
            case _:
                if not (id_.isascii() and id_.isdecimal() and len(id_) < 19):
                    return None
                number = int(id_)
                found = resource_rows.audited(connection, site, number - 1, 1)
                return audit_found(found[0]) if found and found[0]["number"] == number else None


def _order(one: Found) -> tuple[int, str]:
    return one.order, one.id


def _fits(one: Found, search: Search, patient: str | None) -> bool:
    """Whether a search finds a resource, and it is behind the cursor."""
    if search.after is not None and _order(one) <= search.after:
        return False
    if patient is not None and one.patient != patient:
        return False
    if not all(moment.fits(one.start_us, one.end_us) for moment in search.when):
        return False
    if not all(moment.fits(one.updated_us, one.updated_us) for moment in search.updated):
        return False
    return all(
        any(token.fits(one.codes.get(name, ())) for token in tokens)
        for name, lists in search.tokens.items() for tokens in lists
    )  # fmt: skip


def _all(connection: Connection, site: str, search: Search, patient: str | None) -> Iterator[Found]:
    """Every resource of a type that the search may find, by order."""
    from_us, until_us = search.from_us(), search.until_us()
    aliases = aliases_at(connection, site)
    names = None if patient is None else names_of(aliases, site, patient)
    match search.kind:
        case "Patient":
            asked = [token.code for lists in search.tokens.get("identifier", ()) for token in lists] or None
            for alias in sorted(resource_rows.aliases(connection, site), key=fhir_id):
                if asked is None or alias in asked:
                    yield _patient(connection, site, alias, aliases)
        case "Observation" | "QuestionnaireResponse" if patient is not None and names is not None:
            kinds = _OBSERVED if search.kind == "Observation" else ("checkin",)
            rows = resource_rows.entries(connection, site, names, kinds, from_us, until_us)
            entered = sorted(_of_entries(connection, site, search.kind, rows), key=_order)
            channels = _wanted(search) if search.kind == "Observation" else frozenset()
            if channels:
                since_us = from_us if search.after is None else max(from_us, search.after[0])
                yield from heapq.merge(
                    entered, _minutes(connection, site, patient, since_us, until_us, channels), key=_order
                )
            else:
                yield from entered
        case "Flag":
            yield from sorted(
                (
                    flag_found(_stays(json.loads(row.doc), site, aliases))
                    for row in resource_rows.alerts(connection, site, names)
                ),
                key=_order,
            )
        case "Communication" if names is not None:
            yield from sorted(_pages(connection, site, resource_rows.pages(connection, site, names=names)), key=_order)
        case "RiskAssessment" if names is not None:
            rows = resource_rows.forecasts(connection, site, names)
            yield from sorted((_forecast(row, site, aliases) for row in rows), key=_order)
        case "AuditEvent":
            after = 0 if search.after is None else search.after[0]
            # Who opened the page of an alias: as it was, under that alias.
            audited = None if patient is None else [clean(patient)]
            while page := resource_rows.audited(connection, site, after, search.count + 1, audited, from_us, until_us):
                yield from map(audit_found, page)
                after = page[-1]["number"]


def _patient(connection: Connection, site: str, alias: str, aliases: Aliases) -> Found:
    """A patient; of an alias that has gone only into which one."""
    survivor = aliases.survivor(site, alias)
    if survivor != alias:
        return patient_found(site, alias, {}, replaced_by=survivor)
    gone = aliases.all_of(site, alias)[1:]
    return patient_found(site, alias, archive.registration(connection, site, alias), replaces=gone)


def _stays(alert: AlertOut, site: str, aliases: Aliases) -> AlertOut:
    """An alert's document, of the alias that stays of its patient."""
    return {**alert, "patient": aliases.survivor(site, alert["patient"])}


# ---- observations ----------------------------------------------------------------------------------------------------


def _of_entries(connection: Connection, site: str, kind: str, rows: Sequence[sa.Row[Any]]) -> list[Found]:
    """The resources of stored entries; one that a later one took the place of is said to be wrong."""
    aliases = aliases_at(connection, site)
    replaced: dict[str, set[str]] = {}
    found = []
    for row in rows:
        stored = json.loads(row.doc)
        patient = stored["patient"] and aliases.survivor(site, stored["patient"])
        if patient is None or not is_accepted(stored["outcome"]):
            continue
        if patient not in replaced:
            replaced[patient] = resource_rows.replaced(connection, site, names_of(aliases, site, patient))
        entry = record_entry(stored, stored["doc"].get("id") in replaced[patient])
        make = entered_found if kind == "Observation" else form_found
        made = make(f"e-{row.shard}-{row.offset_}-{row.n}", patient, stored["session"], entry)
        if made is not None:
            found.append(made)
    return found


def _wanted(search: Search) -> frozenset[str]:
    """Of which channels a search may find minutes, `PRESSURE` among them: of the others none is made."""
    return frozenset(
        name for name in (*CHANNEL_OF, PRESSURE) if name not in PRESSURES
        and all(any(token.fits(codes) for token in tokens) for kind, codes in MINUTE_CODES[name].items() for tokens in search.tokens.get(kind, ()))
    )  # fmt: skip


def _minutes(
    connection: Connection, site: str, patient: str, from_us: int, until_us: int, names: frozenset[str]
) -> Iterator[Found]:
    """The minutes of a patient, by order; hours are unpacked as they are needed."""
    names_of = stored_names(connection, site, patient)
    rows = resource_rows.hours(connection, site, names_of, max(from_us, 0) // HOUR * HOUR, until_us)
    by_hand = _cuffs_by_hand(connection, site, patient)
    same_hour: list[sa.Row[str, str, int]] = []
    for row in [*rows, None]:
        if same_hour and (row is None or row.hour_us != same_hour[0].hour_us):
            made = (one for each in same_hour for one in _hour(connection, site, patient, each, by_hand, names))
            yield from sorted(made, key=_order)
            same_hour = []
        if row is not None:
            same_hour.append(row)


def _cuffs_by_hand(connection: Connection, site: str, patient: str) -> set[int]:
    """The minutes in which somebody entered a cuff, which is a resource of its own."""
    rows = resource_rows.entries(
        connection, site, stored_names(connection, site, patient), ("vitals", "cuff.corrected")
    )
    return {from_iso(json.loads(row.doc)["at"]) // MINUTE for row in rows}


def _hour(
    connection: Connection,
    site: str,
    patient: str,
    row: sa.Row[str, str, int],
    by_hand: set[int],
    names: frozenset[str],
) -> Iterator[Found]:
    """The minutes of an hour of a session, of these channels."""
    before, hour, after = (
        unpack_hour(resource_rows.hour(connection, site, row.session, row.patient, row.hour_us + n * HOUR))
        for n in (-1, 0, 1)
    )
    session = None if row.session == UNNAMED_SESSION else row.session
    digest = digest_of(site, row.session, row.patient)
    first = row.hour_us // MINUTE

    def made(name: str, minute: int, readings: Mapping[str, ChannelMinute]) -> Found:
        number = first + minute
        return minute_found(f"m-{digest}-{name}-{number}", patient, session, name, number * MINUTE, readings)

    for name in (*hour, *(before.keys() & after.keys() - hour.keys())):
        if name not in names or name not in CHANNEL_OF:
            continue
        minutes = hour.get(name, {})
        spanned = sorted(minutes)
        if CHANNEL_OF[name].continuous:
            # Where it had none between two in which it had, a reading is missing. Before the first, after the last nobody knows.
            begins = 0 if name in before else min(minutes)
            ends = 59 if name in after else max(minutes)
            spanned = list(range(begins, ends + 1))
        for minute in spanned:
            yield made(name, minute, {name: minutes[minute]} if minute in minutes else {})
    measured = [name for name in PRESSURES if name in hour and PRESSURE in names]
    for minute in sorted({minute for name in measured for minute in hour[name]}):
        if first + minute not in by_hand:
            yield made(PRESSURE, minute, {name: hour[name][minute] for name in measured if minute in hour[name]})


def digest_of(site: str, session: str, patient: str) -> str:
    """What stands for a session in the id of its minutes."""
    return sha256(f"{site}\x1f{session}\x1f{patient}".encode()).hexdigest()[:16]


def _minute_of(connection: Connection, site: str, digest: str, name: str, minute: str) -> Found | None:
    id_ = f"m-{digest}-{name}-{minute}"
    for row in resource_rows.sessions_in_hour(connection, site, int(minute) * MINUTE // HOUR * HOUR):
        if digest_of(site, row.session, row.patient) == digest:
            patient = aliases_at(connection, site).survivor(site, row.patient)
            by_hand = _cuffs_by_hand(connection, site, patient)
            made = _hour(connection, site, patient, row, by_hand, frozenset((name,)))
            return next((one for one in made if one.id == id_), None)
    return None


# ---- the rest --------------------------------------------------------------------------------------------------------


def _pages(connection: Connection, site: str, rows: Sequence[sa.Row[Any]]) -> list[Found]:
    """Pages about one patient. What speaks of several at once (the day's list) is no one's, and not here."""
    aliases = aliases_at(connection, site)
    tried, live = resource_rows.deliveries(connection, [row.key for row in rows])
    found = []
    for row in rows:
        page = page_of(json.loads(row.doc))
        if page.site == site and page.audience == "watch":
            reached, failed = tried.get(row.key, ([], []))
            waiting = not row.addressed or row.key in live
            page = replace(page, patient=aliases.survivor(site, page.patient))
            found.append(page_found(page, row.sent_us, waiting, reached, failed))
    return found


def _forecast(row: sa.Row[Any], site: str, aliases: Aliases) -> Found:
    stored = json.loads(row.doc)
    forecast: KeptForecastOut = archive.kept_forecast(stored)
    forecast["patient"] = aliases.survivor(site, forecast["patient"])
    return forecast_found(f"f-{row.shard}-{row.offset_}-{row.n}", forecast)
