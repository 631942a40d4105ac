"""The audit's route: who did, saw and was told what, the last first, a page at a time."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from alerts.api.views import AS_MADE, Site
from alerts.store.store import Store
from models.wire.audit import AuditOut
from models.wire.bounds import Name

MOST_ENTRIES = 500


def audit_routes(store: Store) -> APIRouter:
    """The route, of what the store answers."""
    routes = APIRouter(prefix="/v1", tags=["audit"])

    @routes.get("/audit", response_model=AS_MADE, responses={200: {"model": AuditOut}})
    async def audit(
        site: Site,
        before: Annotated[int | None, Query(ge=1, lt=2**63, description="Entries below this number.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
        kind: Annotated[Name | None, Query(description="Of this kind, or of all that begin with it.")] = None,
        who: Name | None = None,
        patient: Name | None = None,
    ) -> AuditOut:
        """Every transition, command, entry, page, configuration, sign-in, refused request and page that was opened."""
        return await asyncio.to_thread(store.audit_page, site, before, limit, kind, who, patient)

    return routes
