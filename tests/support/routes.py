"""Who is let through at which route: the table that the tests hold a clinic's service and a network's edges against."""

from __future__ import annotations

from typing import Any

import httpx

from models.staff import ROLES
from tests.support.service import sample

WHO = ("nobody", *ROLES, "monitor", "prometheus", "record system")
NOBODY = {"nobody"}
SIGNED: set[str] = set(ROLES)
DEVICES = {"monitor", "prometheus", "record system"}
TREATING = {"nurse", "clinician"}
HOOKS = ("/hooks/twilio/status", "/hooks/twilio/pressed", "/hooks/twilio/sms", "/hooks/pagerduty")
"""Signed by their providers: let through by the gate, and refused by themselves in words of their own."""
EXPECTED: dict[tuple[str, str], set[str]] = {
    **{("GET", path): set(WHO) for path in (
        "/", "/chair", "/chair/{chair:path}", "/alert/{alert}", "/oncall", "/clinic", "/rules", "/patient/{patient:path}", "/enter/{patient:path}", "/session/{session:path}", "/audit", "/welcome",
        "/assets", "/manifest.webmanifest", "/icon.svg", "/sw.js",
        "/v1/access/ways", "/v1/access/oidc", "/v1/access/oidc/back",
        "/static-offline-docs", "/schema/{name}.json", "/healthz", "/answer/{token}",
    )},
    **{("POST", path): set(WHO) for path in ("/answer/{token}", "/v1/access/sign-in", "/v1/access/link", "/v1/access/welcome")},
    **{("POST", path): set(WHO) for path in HOOKS},
    **{("GET", path): SIGNED for path in (
        "/v1/site", "/v1/rules", "/v1/chairs", "/v1/sessions", "/v1/history", "/v1/alerts", "/v1/transitions", "/v1/live", "/v1/destinations",
        "/v1/rota", "/v1/rota.ics", "/v1/ladders", "/v1/alerts/{alert}/why",
        "/v1/access/me", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json",
    )},
    # Signed links of patients: what they may is in them.
    **{("GET", path): set(WHO) for path in ("/checkin/{token}", "/tablet/{token}", "/tablet/{token}/state")},
    **{("POST", path): set(WHO) for path in ("/checkin/{token}/answers", "/tablet/{token}/answers", "/tablet/{token}/help")},
    ("GET", "/v1/sessions/{session:path}/tablet"): TREATING,
    ("POST", "/v1/access/here"): SIGNED,
    ("POST", "/v1/access/sign-out"): SIGNED,
    ("POST", "/v1/access/unlock"): set(WHO),
    ("POST", "/v1/access/lock"): SIGNED,
    ("POST", "/v1/access/pin"): SIGNED,
    ("POST", "/v1/alerts/{alert}/{verb}"): TREATING,
    ("POST", "/v1/rota/overrides"): TREATING,
    ("POST", "/v1/observations"): TREATING | {"scheduler", "monitor"},
    **{("GET", path): TREATING | {"scheduler", "auditor"} for path in (
        "/v1/patients", "/v1/patients/{patient:path}", "/v1/patients/{patient:path}/registration", "/v1/patients/{patient:path}/record.fhir.json", "/v1/forecasts",
        "/v1/sessions/{session:path}/trace", "/v1/sessions/{session:path}/record", "/v1/sessions/{session:path}/record.csv",
        "/v1/sessions/{session:path}/record.fhir.json", "/v1/sessions/{session:path}/rems", "/v1/sessions/{session:path}/rems.pdf",
    )},
    **{(verb, "/v1/break-glass"): {"clinician"} for verb in ("GET", "POST")},
    ("GET", "/v1/names"): TREATING | {"viewer", "scheduler"},
    **{(verb, "/v1/names/{patient:path}"): TREATING | {"scheduler"} for verb in ("GET", "PUT", "DELETE")},
    ("GET", "/calendar/{token}"): set(WHO),
    **{key: TREATING | {"scheduler", "operator"} for key in (("GET", "/v1/rota/links"), ("POST", "/v1/rota/links"), ("DELETE", "/v1/rota/links/{person}"))},
    ("POST", "/fhir"): {"monitor"},
    ("POST", "/fhir/{kind}"): {"monitor"},
    ("GET", "/fhir/metadata"): set(WHO),
    **{("GET", f"/fhir/{kind}{one}"): TREATING | {"scheduler", "auditor", "record system"} for one in ("", "/{id}") for kind in (
        "Patient", "Observation", "QuestionnaireResponse", "Flag", "Communication", "RiskAssessment",
    )},
    **{("GET", f"/fhir/AuditEvent{one}"): {"operator", "auditor"} for one in ("", "/{id}")},
    **{("GET", f"/fhir/{{kind}}{one}"): SIGNED | {"record system"} for one in ("", "/{id}")},
    ("GET", "/v1/burden"): TREATING | {"scheduler", "auditor", "operator"},
    ("GET", "/v1/dead-letters"): {"clinician", "operator", "auditor"},
    ("GET", "/v1/audit"): {"operator", "auditor"},
    ("GET", "/metrics"): {"operator", "auditor", "prometheus"},
}  # fmt: skip
"""Who is let through. Written out here too, so that nobody changes what a role may by one slip in the table."""


def filled(path: str) -> str:
    return path.replace("{verb}", "acknowledge").replace("{name}", "observation").replace("{", "").replace("}", "")


async def status_of(client: httpx.AsyncClient, method: str, path: str) -> int:
    body: dict[str, Any] = {"json": sample(0, patient="P-1", spo2=97)} if method == "POST" else {}
    async with client.stream(method, filled(path), **body) as answer:
        if path in HOOKS and answer.headers["content-type"].startswith("text/plain"):
            return 422
        return answer.status_code


def fits_the_table(who: str, let_through: bool, path: str, status: int) -> bool:
    """Whether an answer's status is that of somebody whom the table lets through, or does not."""
    # Who sends a scheduler's reading is let in at the route, and refused for its kind.
    if (who, path) == ("scheduler", "/v1/observations"):
        return status == 403
    # A link of somebody else's: they are let in for their own (test_calendar_links.py).
    if who in TREATING and path == "/v1/rota/links/{person}":
        return status == 403
    if path == "/v1/access/sign-in":
        return status == 422
    return status not in {401, 403} and status < 500 if let_through else status == (401 if who == "nobody" else 403)
