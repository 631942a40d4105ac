"""A service with sign-in on, and people and devices at its door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
from argon2 import PasswordHasher

from deploy.access.access import Access
from deploy.settings import AccessPart, PagesPart, Settings
from models.staff import StaffRole
from tests.support.service import PATIENCE_S, Inside, serving

PASSWORD: Final = "a chair by the window"
LOCKED: Final = Settings(pages=PagesPart(destinations=()), access=AccessPart(sign_in=True))


def access_of(inside: Inside) -> Access:
    access = inside.service.access
    assert access is not None
    return access


def account(inside: Inside, name: str, role: StaffRole) -> None:
    """Somebody who can sign in with `PASSWORD`."""
    accounts = access_of(inside).accounts
    accounts.choose_password(accounts.link(name, role), name, PASSWORD)


def as_an_edge(inside: Inside, site: str) -> Access:
    """Make a door as a network's edge has it: people are of the site that they name, or of this one. Its access."""
    access = access_of(inside)
    access.served, access.site_at = None, lambda host, said: said or site
    return access


@asynccontextmanager
async def browser(inside: Inside, name: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on the board's page, in which somebody has signed in."""
    async with httpx.AsyncClient(
        base_url=inside.address, headers={"origin": inside.address}, timeout=PATIENCE_S
    ) as client:
        if name is not None:
            answer = await client.post("/v1/access/sign-in", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
        yield client


@asynccontextmanager
async def locked(
    data: Path, settings: Settings = LOCKED, now_us: Callable[[], int] | None = None
) -> AsyncIterator[Inside]:
    """A service with sign-in on. Its own client sends with a token, as Prometheus and a monitor would together.

    `now_us`: the time by which people stay signed in and guesses wait; the ward has its own.
    """
    async with serving(data, settings) as inside:
        if now_us is not None:
            access_of(inside).now_us = access_of(inside).accounts.database.now_us = now_us
        # As a password is hashed in earnest, each takes a twentieth of a second of a whole core.
        access_of(inside).accounts.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        token = access_of(inside).accounts.tokens.add("everything", ["vitals", "monitor.alarm", "metrics"])
        inside.http.headers["authorization"] = f"Bearer {token}"
        yield inside
        inside.web.should_exit = True
