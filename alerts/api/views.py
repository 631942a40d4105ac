"""`Views`: what boards and queries ask of the ward and the desk, wherever those run.

The routes and the live feed get a `Views` as an argument and know of no shard. In the embedded process it is answered by
the shard beside it (`deploy/board_views.py`); an edge in another process answers from what the workers publish and store.
So every question is asynchronous and names its site, and every answer is a document as it goes out.
Never here: what the store answers by itself (alerts, transitions, entries, stored forecasts), since every process that
serves boards has the store; and commands, which go through the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import Depends, Query, Request

from alerts.rota.shown import RotaInForce
from models.wire.bounds import Name
from models.wire.home import PatientOut, PatientsOut
from models.wire.live import ChairsOut, Series
from models.wire.observations import SITE_HERE
from models.wire.on_call import LadderOut


def asked_site(
    request: Request,
    site: Annotated[Name, Query(description="The site; one clinic has one, and need not say it.")] = SITE_HERE,
) -> str:
    """The site that a request asks for. Who names none (or `main`) means their own, or the one whose boards are shown here."""
    own: str | None = getattr(request.state, "site", None)
    return (own or request.app.state.site) if site == SITE_HERE else site


Site = Annotated[str, Depends(asked_site)]
"""Every route's query parameter `site`."""

AS_MADE: Final = dict[str, Any]
"""The response model of routes whose documents are typed where they are made: nothing is validated again on the way out."""

RETRY_AFTER_S: Final = 5
"""Seconds after which a client may ask again what could not be answered. Chosen by us: a worker process is back in one."""


class NotNow(RuntimeError):
    """A question that cannot be answered just now; asking again may help. The routes answer 503 with the reason."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a host has of open sessions, of observations by fate since its journal began, and of open alerts by priority."""

    open_sessions: int
    observations: Mapping[str, int]
    open_alerts: Mapping[str, int]


class Views(Protocol):
    """What boards and queries ask. Any question may raise `NotNow`."""

    async def clock(self, site: str) -> Literal["received", "observed"]:
        """Whether a site's time is that of arrival, or that of the observations (a demonstration, a recording)."""

    async def now_us(self, site: str) -> int:
        """The site's time in microseconds: what a command is stamped with and what "the last days" count back from."""

    async def chairs(self, site: str) -> ChairsOut:
        """Every open session with its latest values, limits, estimates and readiness."""

    async def series(self, site: str, session: str | None, patient: str | None, minutes: int) -> Series:
        """The last minutes of an open session's channels; the session is named, or is the patient's. Empty without one."""

    async def patients(self, site: str) -> PatientsOut:
        """Everybody at home, the likeliest to be due first."""

    async def patient(self, site: str, patient: str) -> PatientOut | None:
        """One patient's course; None if nobody is known by that alias."""

    async def rota(self, site: str) -> RotaInForce:
        """Who a site has configured to be on call, and the overrides made since."""

    async def ladders(self, site: str) -> list[LadderOut]:
        """Of a site's open alerts: how far the ladder of each has been climbed, and the next call."""

    async def counts(self) -> Counts:
        """How much there is, for health and metrics."""
