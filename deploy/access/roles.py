"""Who may do what: every route and every kind of observation beside the roles that may use it. One table, read by one gate.

A route that is not here is nobody's: the gate refuses it, and a test that walks the application's routes fails. What a role may
enter, and what a device's token may send, is the second table: kinds of observations. Nothing else decides.
Never here: who somebody is (`accounts.py`), how a request shows it (`gate.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from models.staff import ROLES, StaffRole

NETWORK_ROLES: Final[tuple[StaffRole, ...]] = ("operator", "auditor")
"""Who may be of a whole network of clinics (site `~`): whoever treats is of one site."""

SCRAPE: Final = "metrics"
"""What a token may, that Prometheus has."""
SEND: Final = "observations"
"""What a token may, that a device or another system has: the kinds that its entry names."""

READ_FHIR: Final = "fhir"
"""What a token may, that a record system has: read the FHIR resources of its site, but not the audit."""

_ALL: Final = frozenset(ROLES)
_TREATING: Final[frozenset[StaffRole]] = frozenset(("nurse", "clinician"))
_PATIENTS: Final[frozenset[StaffRole]] = _TREATING | {"scheduler", "auditor"}
"""Patients at home, their answers and forecasts: a screen on a wall, and whoever runs the machine, need none of it."""
_LINKED: Final[frozenset[StaffRole]] = _TREATING | {"scheduler", "operator"}
"""Those who are on call, and who plan it."""
_RUNNING: Final[frozenset[StaffRole]] = frozenset(("operator", "auditor"))


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may use a route: the roles, whoever has a token for `token`, or with `anybody` everyone, signed in or not.

    `of_network`: where many sites are served, only those who run the network.
    """

    roles: frozenset[StaffRole] = frozenset()
    token: str | None = None
    anybody: bool = False
    of_network: bool = False


_ANYBODY: Final = Allowed(anybody=True)

HISTORY_ROUTE: Final = "/v1/history"
WITH_ENTRIES: Final = Allowed(_PATIENTS)
"""Who may ask `HISTORY_ROUTE` for entries too: answers to questionnaires, doses, notes and diagnoses, of anybody."""

ROUTES: Final[Mapping[tuple[str, str], Allowed]] = {
    # Pages and files: they hold no data, which comes from /v1. A page of somebody who is not signed in asks them to.
    **{("GET", page): _ANYBODY for page in (
        "/", "/chair", "/chair/{chair:path}", "/alert/{alert}", "/oncall", "/clinic", "/rules", "/patient/{patient:path}", "/enter/{patient:path}", "/session/{session:path}", "/audit", "/welcome",
        "/assets", "/manifest.webmanifest", "/icon.svg", "/sw.js",
        "/schema/{name}.json", "/healthz",
    )},
    # Links that are signed themselves, for one alert and one person.
    ("GET", "/answer/{token}"): _ANYBODY,
    ("POST", "/answer/{token}"): _ANYBODY,
    # A calendar programme cannot sign in: whoever has the link reads one person's turns.
    ("GET", "/calendar/{token}"): _ANYBODY,
    # A patient's own pages: each link is signed for one check-in, or one session's tablet.
    **{("GET", path): _ANYBODY for path in ("/checkin/{token}", "/tablet/{token}", "/tablet/{token}/state")},
    **{("POST", path): _ANYBODY for path in ("/checkin/{token}/answers", "/tablet/{token}/answers", "/tablet/{token}/help")},
    ("GET", "/v1/sessions/{session:path}/tablet"): Allowed(_TREATING),
    # What providers tell: each request is signed by its provider.
    **{("POST", path): _ANYBODY for path in (
        "/hooks/twilio/status", "/hooks/twilio/pressed", "/hooks/twilio/sms", "/hooks/pagerduty",
    )},
    # Signing in and out.
    ("GET", "/v1/access/me"): Allowed(_ALL),
    ("POST", "/v1/access/sign-in"): _ANYBODY,
    **{("GET", path): _ANYBODY for path in ("/v1/access/ways", "/v1/access/oidc", "/v1/access/oidc/back")},
    ("POST", "/v1/access/link"): _ANYBODY,
    ("POST", "/v1/access/welcome"): _ANYBODY,
    ("POST", "/v1/access/sign-out"): Allowed(_ALL),
    ("POST", "/v1/access/unlock"): _ANYBODY,
    ("POST", "/v1/access/lock"): Allowed(_ALL),
    ("POST", "/v1/access/pin"): Allowed(_ALL),
    ("POST", "/v1/access/here"): Allowed(_ALL),
    # The day's sessions and alerts.
    ("GET", "/v1/site"): Allowed(_ALL),
    ("GET", "/v1/rules"): Allowed(_ALL),
    ("GET", "/v1/chairs"): Allowed(_ALL),
    ("GET", "/v1/sessions"): Allowed(_ALL),
    ("GET", "/v1/sessions/{session:path}/trace"): Allowed(_PATIENTS),
    ("GET", "/v1/alerts"): Allowed(_ALL),
    ("GET", "/v1/transitions"): Allowed(_ALL),
    ("GET", "/v1/live"): Allowed(_ALL),
    ("GET", "/v1/destinations"): Allowed(_ALL),
    ("GET", "/v1/rota"): Allowed(_ALL),
    ("GET", "/v1/rota.ics"): Allowed(_ALL),
    ("GET", "/v1/ladders"): Allowed(_ALL),
    ("GET", "/v1/alerts/{alert}/why"): Allowed(_ALL),
    ("POST", "/v1/rota/overrides"): Allowed(_TREATING),
    # Their own; a scheduler or an operator anybody's (deploy/calendar_links.py).
    ("GET", "/v1/rota/links"): Allowed(_LINKED),
    ("POST", "/v1/rota/links"): Allowed(_LINKED),
    ("DELETE", "/v1/rota/links/{person}"): Allowed(_LINKED),
    # The curve of who sits there, which hangs on the wall; what was entered of somebody is below.
    ("GET", HISTORY_ROUTE): Allowed(_ALL),
    ("POST", "/v1/alerts/{alert}/{verb}"): Allowed(_TREATING),
    ("POST", "/v1/observations"): Allowed(_TREATING | {"scheduler"}, token=SEND),
    # Record systems, each with its token.
    ("POST", "/fhir"): Allowed(token=SEND),
    ("POST", "/fhir/{kind}"): Allowed(token=SEND),
    # What they read, with people who may read a patient's page; and what there is to read, which holds nothing of anybody.
    **{("GET", f"/fhir/{kind}{one}"): Allowed(_PATIENTS, token=READ_FHIR) for one in ("", "/{id}") for kind in (
        "Patient", "Observation", "QuestionnaireResponse", "Flag", "Communication", "RiskAssessment",
    )},
    **{("GET", f"/fhir/AuditEvent{one}"): Allowed(_RUNNING) for one in ("", "/{id}")},
    **{("GET", f"/fhir/{{kind}}{one}"): Allowed(_ALL, token=READ_FHIR) for one in ("", "/{id}")},
    ("GET", "/fhir/metadata"): _ANYBODY,
    # Patients at home.
    ("GET", "/v1/patients"): Allowed(_PATIENTS),
    ("GET", "/v1/patients/{patient:path}"): Allowed(_PATIENTS),
    ("GET", "/v1/patients/{patient:path}/registration"): Allowed(_PATIENTS),
    ("GET", "/v1/patients/{patient:path}/record.fhir.json"): Allowed(_PATIENTS),
    **{("GET", f"/v1/sessions/{{session:path}}/{form}"): Allowed(_PATIENTS) for form in (
        "record", "record.csv", "record.fhir.json", "rems", "rems.pdf",
    )},
    # One patient of another site of a network, for an hour, and that site is told (deploy/access/glass.py).
    **{(verb, "/v1/break-glass"): Allowed(frozenset(("clinician",))) for verb in ("GET", "POST")},
    # Who they are: for those who treat and plan. A board shows it where the site wants that.
    ("GET", "/v1/names"): Allowed(_TREATING | {"viewer", "scheduler"}),
    **{(verb, "/v1/names/{patient:path}"): Allowed(_TREATING | {"scheduler"}) for verb in ("GET", "PUT", "DELETE")},
    ("GET", "/v1/forecasts"): Allowed(_PATIENTS),
    ("GET", "/v1/burden"): Allowed(_PATIENTS | {"operator"}),
    # How it runs.
    ("GET", "/v1/dead-letters"): Allowed(_RUNNING | {"clinician"}),
    ("GET", "/v1/audit"): Allowed(_RUNNING),
    ("GET", "/metrics"): Allowed(_RUNNING, token=SCRAPE, of_network=True),
    **{("GET", page): Allowed(_ALL) for page in ("/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json")},
    ("GET", "/static-offline-docs"): _ANYBODY,
}  # fmt: skip

WHILE_LOCKED: Final = frozenset(("/v1/access/me", "/v1/access/sign-out", "/v1/access/lock"))
"""What a locked session may beside reading what a screen on a wall reads."""

ANSWER: Final = ("POST", "/v1/alerts/{alert}/{verb}")


def may_answer(role: StaffRole) -> bool:
    """Whether a role may answer an alert, and is offered what only such a role may."""
    return role in ROUTES[ANSWER].roles


def may_audit(role: StaffRole) -> bool:
    """Whether a role may read the audit."""
    return role in ROUTES["GET", "/v1/audit"].roles


def may_name(role: StaffRole) -> bool:
    """Whether a role may read and enter who is behind an alias."""
    return role in ROUTES["PUT", "/v1/names/{patient:path}"].roles


def may_break_glass(role: StaffRole) -> bool:
    """Whether a role may read one patient of another site of a network, with a reason."""
    return role in ROUTES["POST", "/v1/break-glass"].roles


ENTERED_BY: Final[Mapping[str, frozenset[StaffRole]]] = {
    **dict.fromkeys(
        ("session.started", "session.ended", "dose", "dose.stopped", "vitals", "cuff.corrected", "monitor.alarm", "device.assigned",
         "checkin", "intervention"), _TREATING,
    ),
    "patient.registered": _TREATING | {"scheduler"},
    # It cannot be taken back: two people who were made one by mistake stay so.
    "patient.merged": frozenset(("clinician",)),
}  # fmt: skip
"""The kinds of observations that a person may enter. A kind that is not here is nobody's."""

VISITS_PLANNED_BY: Final[frozenset[StaffRole]] = _TREATING | {"scheduler"}
"""Who may plan, move and call off a visit: of interventions the bookings of a patient at home, and nothing else."""

LIMITS_SET_BY: Final[frozenset[StaffRole]] = frozenset(("clinician",))
"""Who may set a person's own limits: they decide what is told."""

FROM_DEVICES: Final = ("vitals", "monitor.alarm")
"""What a token may send unless its entry says otherwise: readings with what the device says of them, and its own alarms."""
CORRECTS: Final = "corrections"
"""What the entry of a token says that may also replace what was entered before, by whoever it was: a record system's."""
SENDABLE: Final = (*ENTERED_BY, CORRECTS)
"""What an entry may say at the most. Never a command, a configuration, or a person's own limits."""


def enterable(role: StaffRole | None) -> list[str]:
    """What a role may enter, by kind; `booking` and `limits` where it may plan visits or set a person's own limits; None: nobody
    need sign in, so everything.
    """
    parts = {"booking": VISITS_PLANNED_BY, "limits": LIMITS_SET_BY}
    return [name for name, roles in {**ENTERED_BY, **parts}.items() if role is None or role in roles]
