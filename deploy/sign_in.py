"""Opening sign-in where a configuration asks for it: the accounts of one clinic, or of a network, in; an `Access` on them out.

Never here: who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.access.access import Access
from deploy.access.accounts import Accounts
from deploy.access.database import ACCOUNTS_FILE
from deploy.access.sessions import Stay
from deploy.audit.trail import Trail
from deploy.metrics import Metrics
from deploy.network.sites import Sites
from deploy.settings import AccessPart, Settings
from models.instants import HOUR, MINUTE


def open_access(
    data: Path, settings: Callable[[], Settings], metrics: Metrics, trail: Trail, now_us: Callable[[], int]
) -> Access | None:  # fmt: skip
    """The sign-in of one clinic, audited by its trail; None: nobody need sign in. `settings`: as they are now."""
    if not settings().access.sign_in:
        return None
    accounts = Accounts(data / ACCOUNTS_FILE, now_us, lambda site: _stay(settings().access))
    trail.accounts = accounts.database
    return Access(
        accounts, now_us, metrics.sign_ins, metrics.refused, trail.note,
        served=settings().site.name, provider_of=lambda site: settings().access.oidc,
        base_of=lambda site: settings().pages.link, secure=lambda: (settings().pages.link or "").startswith("https://"),
    )  # fmt: skip


def open_network_access(
    database: str, sites: Sites, shown: str, metrics: Metrics, trail: Trail, now_us: Callable[[], int]
) -> Access:  # fmt: skip
    """The sign-in at a network's edge. `shown`: the site of whoever comes by an address that is no site's and names none."""

    def of(site: str) -> Settings:
        return sites.configured.get(site, sites.operators)

    def site_at(host: str, said: str | None) -> str:
        if said is not None:
            return said
        named = (name for name, settings in sites.configured.items() if host.lower() in settings.hosts)
        return next(named, shown)

    accounts = Accounts(database, now_us, lambda site: _stay(of(site).access))
    trail.accounts = accounts.database
    return Access(
        accounts, now_us, metrics.sign_ins, metrics.refused, trail.note, served=None, site_at=site_at,
        provider_of=lambda site: of(site).access.oidc if site in sites.configured else None, base_of=lambda site: of(site).pages.link,
        secure=lambda: (of(shown).pages.link or "").startswith("https://"),
    )  # fmt: skip


def _stay(part: AccessPart) -> Stay:
    lock_us = None if part.lock_minutes is None else part.lock_minutes * MINUTE
    return Stay(part.idle_minutes * MINUTE, part.hours * HOUR, lock_us)
