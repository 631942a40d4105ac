"""What a FHIR server here can do: an address and a version in, its CapabilityStatement out.

Never here: the routes (`alerts/api/fhir.py`), what is searched by (`search.py`).
"""

from __future__ import annotations

from typing import Any, Final

from alerts.fhir.search import PARAMETERS

_TAKEN: Final = ("Observation", "Patient", "QuestionnaireResponse")
"""Types that may be sent (streams/intake/fhir)."""
_SINCE: Final = "2026-11-27"
"""When what is here last changed in kind."""


def capability_statement(address: str, version: str) -> dict[str, Any]:
    """The statement of a server at an address (`https://…/fhir`)."""
    return {
        "resourceType": "CapabilityStatement", "status": "active", "date": _SINCE, "kind": "instance", "fhirVersion": "4.0.1",
        "format": ["json"], "software": {"name": "Chairside", "version": version},
        "implementation": {"description": "Chairside: what it watched, whom it paged and what it forecasts", "url": address},
        "rest": [{
            "mode": "server",
            "documentation": "Read by people of the clinic and by systems with a token; of one site alone. Every reading of a patient is audited.",
            "security": {"description": "A session of somebody who signed in, or a token as `Authorization: Bearer`"},
            "interaction": [{"code": "transaction"}, {"code": "batch"}],
            "resource": [
                {
                    "type": kind,
                    "interaction": [{"code": code} for code in ("read", "search-type", *(("create",) if kind in _TAKEN else ()))],
                    "searchParam": [
                        {"name": each.name, "type": each.kind, "documentation": each.words} for each in parameters
                    ],
                }
                for kind, parameters in sorted(PARAMETERS.items())
            ],
        }],
    }  # fmt: skip
