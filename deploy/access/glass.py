"""Breaking the glass: a clinician of one site of a network reads one patient of another, for an hour, and that site is told.

Kept beside the sessions, so that every edge knows; the entry for the audits of both sites is written with it. In one clinic every
clinician sees every patient: there is no glass.
Never here: telling the other site (`glass_route.py`), what a request reaches (`gate.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from deploy.access.database import AccessDatabase, change
from deploy.access.sessions import SignedPerson
from models.instants import MINUTE, iso
from models.staff import StaffRole

BROKEN_FOR: Final = 60 * MINUTE
"""Chosen by us: a call and a treatment begun. Whoever needs it longer says why once more."""
BREAKER: Final[StaffRole] = "clinician"
BEHIND_GLASS: Final = frozenset(
    f"/v1/patients/{{patient:path}}{page}" for page in ("", "/registration", "/record.fhir.json")
)
"""The routes that it opens, for reading: the patient's page and record. Nothing of their sessions' screens, and no command."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A patient of another site whom somebody may read, until when in µs, and why as they wrote it."""

    site: str
    patient: str
    until_us: int
    reason: str


class Glass:
    """Who has broken it, before whom."""

    def __init__(self, database: AccessDatabase) -> None:
        self._database = database

    def break_(self, person: SignedPerson, site: str, patient: str, reason: str) -> int:
        """Let a person read a patient of another site from now on; until when, in µs. Both sites' audits have it."""
        now_us = self._database.now_us()
        until_us = now_us + BROKEN_FOR
        about = {
            "patient": patient, "of": person.site, "patient_of": site, "reason": reason, "until": iso(until_us),
        }  # fmt: skip
        mine = {"account_site": person.site, "account": person.name, "site": site, "patient": patient}
        with self._database.writing() as connection:
            change(connection, "delete from access_glass where until_us <= :now", now=now_us)
            change(
                connection,
                "insert into access_glass (account_site, account, site, patient, until_us, reason) "
                "values (:account_site, :account, :site, :patient, :until_us, :reason) "
                "on conflict (account_site, account, site, patient) do update set until_us = excluded.until_us, "
                "reason = excluded.reason",
                until_us=until_us, reason=reason, **mine,
            )  # fmt: skip
            for whose in (person.site, site):
                self._database.note(connection, whose, "glass.broken", person.name, about)
        return until_us

    def is_broken(self, person: SignedPerson, site: str, patient: str) -> bool:
        """Whether a person may read a patient of another site now."""
        found = self._database.row(
            "select until_us from access_glass where account_site = :account_site and account = :account and site = :site "
            "and patient = :patient",
            account_site=person.site, account=person.name, site=site, patient=patient,
        )  # fmt: skip
        return found is not None and self._database.now_us() < found.until_us

    def opened(self, person: SignedPerson) -> list[Opened]:
        """Whom a person may read of other sites now, the newest first."""
        found = self._database.rows(
            "select site, patient, until_us, reason from access_glass where account_site = :account_site "
            "and account = :account and until_us > :now order by until_us desc",
            account_site=person.site, account=person.name, now=self._database.now_us(),
        )  # fmt: skip
        return [Opened(row.site, row.patient, row.until_us, row.reason) for row in found]
