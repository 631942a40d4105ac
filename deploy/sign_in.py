"""Opening sign-in where a site's configuration asks for it: its settings in, an `Access` on the file of accounts out.

Never here: who may do what.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.access.access import Access
from deploy.access.accounts import ACCOUNTS_FILE, Accounts
from deploy.audit.trail import Trail
from deploy.metrics import Metrics
from deploy.settings import Settings
from models.instants import HOUR, MINUTE


def open_access(
    data: Path, settings: Settings, metrics: Metrics, trail: Trail, now_us: Callable[[], int]
) -> Access | None:  # fmt: skip
    """The sign-in of a service, audited by its trail; None: nobody need sign in."""
    part, link = settings.access, settings.pages.link
    if not part.sign_in:
        return None
    accounts = Accounts(data / ACCOUNTS_FILE, now_us, part.idle_minutes * MINUTE, part.hours * HOUR)
    trail.accounts = accounts
    return Access(
        accounts, now_us, metrics.sign_ins, metrics.refused, trail.note,
        site=settings.site.name, secure=link is not None and link.startswith("https://"),
    )  # fmt: skip
