"""`GET /v1/rules`: the rule book of a site, with its limits in force. Made when it is first asked for, and kept for a table.

Never here: what stands in it (`streams/rule_book.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter

from alerts.api.views import AS_MADE, Site
from models.tables.limits import Limit
from models.wire.rules import RulesOut
from streams.rule_book import rule_book


def rule_book_routes(table_of: Callable[[str], tuple[Limit, ...]]) -> APIRouter:
    """The route. `table_of`: a site's limits in force."""
    routes = APIRouter(prefix="/v1", tags=["rules"])

    @routes.get("/rules", response_model=AS_MADE, responses={200: {"model": RulesOut}})
    async def rules(site: Site) -> RulesOut:
        """Every rule in words, with the limits in force, their sources, and an example that this service has played."""
        return await asyncio.to_thread(rule_book, site, table_of(site))

    return routes
