"""The FHIR routes: resources of record systems in, an OperationOutcome that names the element out.

`POST /fhir` takes a Bundle, `POST /fhir/TYPE` a resource. Created (201) means durable. Of a batch each entry stands alone; of a
transaction all or none, as FHIR has it. What cannot be used is kept with the others that were set aside.
Never here: what a resource means (resources.py).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from alerts.api.fhir_answers import FHIR_JSON, FhirAnswer, Issue, outcome
from streams.intake.admission import Admission
from streams.intake.append import Records
from streams.intake.fhir.resources import Translated, translate
from streams.intake.http import admission_of, body_of
from streams.intake.json import Reading, read_packable
from streams.intake.post import arranged
from streams.journal.frame import Sample


def fhir_routes(
    append: Callable[[Records], Awaitable[None]], counted: Callable[[int, int], None], admission: Admission
) -> APIRouter:
    """The routes.

    Args:
        append: durable when it returns. counted: told how many were accepted and set aside. admission: what may come in.
    """
    routes = APIRouter(prefix="/fhir", tags=["FHIR R4"])
    described: dict[int | str, dict[str, Any]] = {
        201: {"description": "All that could be used is durable; the OperationOutcome says what could not"},
        400: {"description": "Not JSON"},
        403: {"description": "Known, but not somebody who may enter any of this"},
        413: {"description": "Too large"},
        422: {"description": "Nothing could be used, or of a transaction not all"},
        503: {"description": "Not durable: send again"},
    }

    taken = {
        "requestBody": {
            "required": True,
            "content": {each: {"schema": {"type": "object"}} for each in (FHIR_JSON, "application/json")},
        }
    }
    for status in described.values():
        status["content"] = {FHIR_JSON: {}}

    @routes.post("", status_code=201, responses=described, response_class=FhirAnswer, openapi_extra=taken)
    @routes.post("/{kind}", status_code=201, responses=described, response_class=FhirAnswer, openapi_extra=taken)
    async def create(request: Request, kind: str = "Bundle") -> JSONResponse:
        """Take a Bundle, or one Observation, QuestionnaireResponse or Patient."""
        try:
            document = json.loads(await body_of(request))
        except (ValueError, RecursionError) as wrong:
            return outcome(400, [("fatal", "structure", "", f"not JSON: {str(wrong)[:200]}")])
        said = document.get("resourceType") if isinstance(document, dict) else None
        if said != kind:
            return outcome(
                400, [("fatal", "structure", "resourceType", f"{str(said)[:60]} was sent where a {kind} goes")]
            )
        translated = translate(document)
        admits = admission_of(request, admission)
        reading = read_translated(translated, admits)
        whole = said == "Bundle" and document.get("type") == "transaction"
        issues = _issues(translated, reading)
        if whole and reading.bad and reading.accepted:
            # All or none: what could be used is not taken, and what could not is not kept either. The sender has it all.
            return outcome(
                422,
                [
                    *issues,
                    ("error", "processing", "Bundle", "a transaction is taken whole or not at all: nothing was taken"),
                ],
            )
        await append(arranged(reading.records))
        counted(reading.accepted, len(reading.bad))
        if not issues:
            issues = [("information", "informational", "", f"{reading.accepted} taken")]
        return outcome(201 if reading.accepted or not reading.bad else admits.status_of_nothing(), issues)

    return routes


def read_translated(translated: Translated, admission: Admission) -> Reading[Sample]:
    """The records of translated resources; what could not be translated is set aside after those that could not be read."""
    reading = read_packable([json.dumps(line).encode() for _, line in translated.lines], admission)
    for where, reason, line in translated.issues:
        reading.set_aside(0, where, reason, line)
    return reading


def _issues(translated: Translated, reading: Reading[Sample]) -> list[Issue]:
    """What could not be used, by element."""
    found: list[Issue] = []
    for number, aside in reading.bad:
        if number:
            where = f"{translated.lines[number - 1][0]}"
            found.append(("error", "invalid", where, f"{aside.field}: {aside.reason}" if aside.field else aside.reason))
        else:
            found.append(
                ("error", "not-supported" if "not taken" in aside.reason else "invalid", aside.field, aside.reason)
            )
    for number, part in reading.parts:
        found.append(("warning", "invalid", translated.lines[number - 1][0], f"{part.field}: {part.reason}"))
    return found
