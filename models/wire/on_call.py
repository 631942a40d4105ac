"""What goes out about who is on call, and about the configuration that says so, each as a typed document (see `live.py`)."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from models.wire.live import WHOLE_DOCUMENT, Instant


@WHOLE_DOCUMENT
class RefusedConfigurationOut(TypedDict):
    """A configuration file that cannot be used, so that what it said before stays in force; `problems` name field and reason."""

    file: str
    since: Instant
    problems: list[str]


@WHOLE_DOCUMENT
class WeakenedLimitOut(TypedDict):
    """A limit that watches less than the built-in one, and why the site wants that."""

    limit: str
    reason: str | None


@WHOLE_DOCUMENT
class SiteOut(TypedDict):
    """`GET /v1/site`: how to show time, where pages go, which limits watch less, and whether the site's file is refused."""

    site: str
    timezone: str
    clock: Literal["received", "observed"]
    pages_to: list[str]
    weakened: list[WeakenedLimitOut]
    configuration_refused: RefusedConfigurationOut | None


SITE_ADAPTER: Final[TypeAdapter[SiteOut]] = TypeAdapter(SiteOut)
