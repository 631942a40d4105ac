"""The routes of the FHIR read API: a resource by its id, a search as a Bundle with links to its pages, and what there is at all.

Errors are OperationOutcomes. Whose resource was read is told to the audit by the request's state (`deploy/audit/reads.py`).
Never here: what a resource says (`alerts/fhir/`), who may read it (`deploy/access/roles.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request

from alerts.api.fhir_answers import FHIR_JSON, FhirAnswer, outcome
from alerts.api.views import Site
from alerts.fhir.capability import capability_statement
from alerts.fhir.reading import Resources
from alerts.fhir.resources import Found
from alerts.fhir.search import EVERYWHERE, PARAMETERS, SearchRefused, search_of
from alerts.store.store import Store

_CONTENT: Final = {"content": {FHIR_JSON: {"schema": {"type": "object"}}}}
_PAGING: Final = {
    "_count": "Resources of a page, 500 at the most.",
    "_after": "Where a page begins: of the link `next`.",
    "_format": "`json`; there is no other.",
    "_pretty": "Not looked at.",
}


def fhir_read_routes(store: Store, zone_at: Callable[[str], str]) -> APIRouter:
    """The routes, of what the store has. `zone_at`: a site's zone, for dates without one."""
    routes = APIRouter(prefix="/fhir", tags=["FHIR R4"])
    resources = Resources(store.database)

    @routes.get("/metadata", response_class=FhirAnswer, responses={200: _CONTENT})
    async def metadata(request: Request) -> FhirAnswer:
        """The CapabilityStatement: which resources there are, and what they are searched by. It holds nothing of a patient."""
        return FhirAnswer(capability_statement(_address(request), version("chairside")))

    for kind in PARAMETERS:
        _add(routes, kind, resources, zone_at)

    @routes.get("/{kind}", response_class=FhirAnswer, responses={404: _CONTENT})
    async def no_such_type(kind: str) -> FhirAnswer:
        """A type of resource that is not there to be read."""
        return _not_read(kind)

    @routes.get("/{kind}/{id}", response_class=FhirAnswer, responses={404: _CONTENT})
    async def none_of_such_type(kind: str, id_: Annotated[str, Path(alias="id")]) -> FhirAnswer:
        """A resource of a type that is not there to be read."""
        return _not_read(kind)

    return routes


def _not_read(kind: str) -> FhirAnswer:
    there = ", ".join(sorted(PARAMETERS))
    return refusal(404, "not-supported", f"{kind[:60]} cannot be read here: there are {there}")


def _add(routes: APIRouter, kind: str, resources: Resources, zone_at: Callable[[str], str]) -> None:
    """Add the two routes of a type of resource."""
    named = {each.name: each.words for each in PARAMETERS[kind]} | {n: w for n, w in _PAGING.items() if n in EVERYWHERE}
    parameters = [
        {"name": name, "in": "query", "required": False, "description": words, "schema": {"type": "string"}}
        for name, words in named.items()
    ]

    @routes.get(
        f"/{kind}", response_class=FhirAnswer, responses={200: _CONTENT, 400: _CONTENT, 406: _CONTENT},
        openapi_extra={"parameters": parameters}, name=f"search {kind}",
    )  # fmt: skip
    async def search(request: Request, site: Site) -> FhirAnswer:
        if (refused := _not_json(request)) is not None:
            return refused
        pairs = request.query_params.multi_items()
        try:
            wanted = search_of(kind, pairs, zone_at(site))
        except SearchRefused as wrong:
            return refusal(400, "invalid", str(wrong), wrong.parameter)
        answer = await asyncio.to_thread(resources.search, site, wanted)
        request.state.read_of = sorted({each.patient for each in answer.found if each.patient})
        address = _address(request)
        kept = [(name, value) for name, value in pairs if name != "_after"]
        links = [{"relation": "self", "url": f"{address}/{kind}?{urlencode(pairs)}".rstrip("?")}]
        if answer.more:
            last = answer.found[-1]
            links.append(
                {
                    "relation": "next",
                    "url": f"{address}/{kind}?{urlencode([*kept, ('_after', f'{last.order}~{last.id}')])}",
                }
            )
        return FhirAnswer({
            "resourceType": "Bundle", "type": "searchset", "link": links,
            "entry": [
                {"fullUrl": f"{address}/{kind}/{each.id}", "resource": each.resource, "search": {"mode": "match"}} for each in answer.found
            ],
        })  # fmt: skip

    @routes.get(
        f"/{kind}/{{id}}", response_class=FhirAnswer, responses={200: _CONTENT, 404: _CONTENT, 406: _CONTENT}, name=f"read {kind}"
    )  # fmt: skip
    async def read(request: Request, site: Site, id_: Annotated[str, Path(alias="id")]) -> FhirAnswer:
        if (refused := _not_json(request)) is not None:
            return refused
        found: Found | None = await asyncio.to_thread(resources.read, site, kind, id_)
        if found is None:
            return refusal(404, "not-found", f"there is no {kind} {id_[:80]}")
        request.state.read_of = [found.patient] if found.patient else []
        return FhirAnswer(found.resource)

    search.__doc__ = f"{kind}s that a search finds, in order, as a Bundle; the link `next` goes on."
    read.__doc__ = f"One {kind}."


def _not_json(request: Request) -> FhirAnswer | None:
    wanted = request.query_params.get("_format", "json")
    if wanted in {"json", "application/json", FHIR_JSON, "text/json"}:
        return None
    return refusal(406, "not-supported", f"{wanted[:60]} is not made here: there is json", "_format")


def _address(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/fhir"


def refusal(status: int, code: str, words: str, where: str = "") -> FhirAnswer:
    """An OperationOutcome of one error."""
    return outcome(status, [("error", code, where, words)])
