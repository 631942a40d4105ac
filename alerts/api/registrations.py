"""The route of what is registered of a patient, with what of it speaks against each drug: read before a session is started.

Never here: who may ask (`deploy/access/roles.py`), what a condition weighs (`models/tables/conditions.py`).
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path
from fastapi.responses import Response

from alerts.api.views import AS_MADE, Site
from alerts.record.patient_bundle import patient_bundle
from alerts.record.session import session_record
from alerts.store.session_record import StoredSession
from alerts.store.store import Store
from models.arrays import Document
from models.tables.conditions import Contraindication, Weight, interactions_of, weigh_conditions
from models.tables.drugs import TREATMENTS
from models.wire.bounds import Name
from models.wire.home import ObjectionOut, RegistrationOut

_DRUGS = tuple(dict.fromkeys(treatment.drug for treatment in TREATMENTS.values() if treatment.usual))


def registration_routes(store: Store) -> APIRouter:
    """The route, of what the store has."""
    routes = APIRouter(prefix="/v1", tags=["patients"])

    @routes.get(
        "/patients/{patient:path}/registration", response_model=AS_MADE, responses={200: {"model": RegistrationOut}}
    )
    async def registration(site: Site, patient: Annotated[Name, Path()]) -> RegistrationOut:
        """Weight, conditions, medication and own limits of a patient, and what of it speaks against each drug."""
        return registration_document(site, patient, await asyncio.to_thread(store.registration, site, patient))

    @routes.get(
        "/patients/{patient:path}/record.fhir.json", response_class=Response,
        responses={200: {"content": {"application/fhir+json": {}}}, 404: {}},
    )  # fmt: skip
    async def whole_record(site: Site, patient: Annotated[Name, Path()]) -> Response:
        """All that is known of a patient, every session and what came between, as one FHIR R4 Bundle: for them to have."""
        found = await asyncio.to_thread(store.stored_patient, site, patient)
        if found is None:
            raise HTTPException(404, f"nothing was ever entered of a patient {patient}")
        text = await asyncio.to_thread(_bundle_text, site, patient, found)
        name = quote(f"{patient}.fhir.json", safe="")
        headers = {"Content-Disposition": f"inline; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
        return Response(text, media_type="application/fhir+json", headers=headers)

    return routes


def _bundle_text(site: str, patient: str, found: list[StoredSession]) -> str:
    records = [
        session_record(
            site, part.trace["session"], patient, part.entered, part.steps, part.registered, part.trace, part.configured
        )
        for part in found
    ]
    return json.dumps(patient_bundle(records, found[0].registered))


def registration_document(site: str, patient: str, fields: Document) -> RegistrationOut:
    """The document of a patient's registered fields; empty fields: nobody has registered them."""
    conditions, medications = fields.get("conditions"), fields.get("medications")
    return {
        "site": site,
        "patient": patient,
        "registered_at": fields.get("at"),
        "weight_kg": fields.get("weight_kg"),
        "birth_year": fields.get("birth_year"),
        "sex": fields.get("sex"),
        "timezone": fields.get("timezone"),
        "conditions": conditions,
        "medications": medications,
        "limits": fields.get("limits"),
        "objections": {drug: _objections(drug, conditions or (), medications or ()) for drug in _DRUGS},
    }


def _objections(drug: str, conditions: list[str] | tuple[()], medications: list[str] | tuple[()]) -> list[ObjectionOut]:
    weighed = weigh_conditions(drug, conditions)
    found = [_objection(weight, row) for weight, row in (*weighed.found, *interactions_of(drug, medications))]
    unknown: list[ObjectionOut] = [
        {"name": name, "weight": "unknown", "words": "in no table here: not judged", "source": "chosen by us"}
        for name in weighed.unknown
    ]
    return found + unknown


def _objection(weight: Weight, row: Contraindication) -> ObjectionOut:
    return {"name": row.name.replace("-", " "), "weight": weight, "words": row.words, "source": row.source}
