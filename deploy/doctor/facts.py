"""What `chairside doctor` sees of an installation: data alone. Never here: what any of it means (`findings.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

UNTRUSTED: Final = "its certificate is not trusted"
"""How an address's error begins where its certificate is the reason."""


@dataclass(frozen=True, slots=True)
class HeardAddress:
    """The answer of an address: its status, its clock (`date_us`), and when its certificate ends; or why there is none."""

    url: str
    status: int = 0
    date_us: int | None = None
    certificate_until_us: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class TriedDestination:
    """A destination: what the store has of its last tries, what became of one made now (empty: taken; None: not tried), and when
    it last took a test page.
    """

    name: str
    last_success_us: int | None = None
    failing_since_us: int | None = None
    last_error: str = ""
    refused_now: str | None = None
    tried_now: bool = False
    last_test_us: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was seen. None, or empty: it could not be seen, or is not there to be seen."""

    now_us: int
    version: str
    config: str | None = None
    problems: Sequence[str] = ()
    sign_in: bool = False
    has_operator: bool | None = None
    weakened: Sequence[tuple[str, str | None]] = ()
    unwatched: Sequence[str] = ()
    data: str = ""
    data_exists: bool = False
    too_open: Sequence[tuple[str, str]] = ()
    foreign_owner: Sequence[str] = ()
    writable: bool = True
    free_bytes: int = 0
    total_bytes: int = 1
    in_use: bool = False
    running_version: str | None = None
    store: str = ""
    health: HeardAddress | None = None
    stranger: HeardAddress | None = None
    link: HeardAddress | None = None
    clocks: Sequence[tuple[str, float]] = ()
    synchronised: bool | None = None
    certificates: Sequence[tuple[str, int | None, str]] = ()
    destinations: Sequence[TriedDestination] = ()
    console_only: bool = False
    backup_us: int | None = None
