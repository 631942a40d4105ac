"""Settings: one TOML file a site, read by `serve` and checked by `check-config`.

Limits and policies do not act from here: they are appended to the journal as `site.configured`, so that a replay has them too.
What stays here is about this process only: where pages go. Where it listens and where its data is are options of the command.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from alerts.notify.destination import Destination
from alerts.notify.notifiers import open_destinations
from models.instants import EPOCH
from models.relapse.policies import CheckIns, Maintenance
from models.relapse.recalibration import recalibration_from
from models.tables.limits import LIMITS, Limit, LimitRefused, with_overrides
from models.wire.bounds import Name
from models.wire.observations import LimitChanges, SiteConfigured


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SitePart(_Strict):
    """The site's name and time zone."""

    name: Name = "main"
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _a_known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(f"unknown time zone {zone!r}; for example Europe/Berlin")
        return ZoneInfo(zone).key


class PagesPart(_Strict):
    """Where pages go: ``console:`` or any Apprise URL. `link` is where a phone finds the board.

    `heartbeat`: an address that is called each minute while all is well (deploy/auditor.py).
    `scheduler`: where the daily digest of who is due goes, and nothing else; without one it goes to `destinations`.
    """

    destinations: tuple[str, ...] = ("console:",)
    scheduler: tuple[str, ...] = ()
    link: str | None = None
    heartbeat: Annotated[str, Field(pattern="^https?://")] | None = None

    @property
    def addresses(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.destinations, self.scheduler

    def opened(self) -> tuple[list[Destination], list[str]]:
        """All destinations, and the names of those for whoever plans the visits."""
        opened = open_destinations((*self.destinations, *self.scheduler))
        return opened, [each.name for each in opened[len(self.destinations) :]]

    @field_validator("destinations", "scheduler")
    @classmethod
    def _openable(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        open_destinations(urls)
        return urls


class Settings(_Strict):
    """A site's configuration file."""

    site: SitePart = SitePart()
    pages: PagesPart = PagesPart()
    maintenance: Maintenance = Maintenance()
    checkins: CheckIns = CheckIns()
    recalibration: dict[str, Any] | None = None
    limits: LimitChanges = Field(default_factory=dict)

    @field_validator("recalibration")
    @classmethod
    def _usable(cls, stored: dict[str, Any] | None) -> dict[str, Any] | None:
        if stored is not None:
            recalibration_from(stored)
        return stored

    def limit_table(self) -> tuple[Limit, ...]:
        """The limits with the site's changes.

        Raises:
            LimitRefused: a change that cannot be put in force.
        """
        return with_overrides(LIMITS, self.limits)

    def record(self) -> SiteConfigured:
        """The `site.configured` record: limits and policies, with a hash that changes when they do."""
        limits = {
            rule: {p: {c: change.model_dump(exclude_none=True) for c, change in cs.items()} for p, cs in ps.items()}
            for rule, ps in self.limits.items()
        }
        policies: dict[str, Any] = {
            "timezone": self.site.timezone,
            "maintenance": self.maintenance.model_dump(mode="json"),
            "checkins": self.checkins.model_dump(mode="json"),
        }
        if self.recalibration is not None:
            policies["recalibration"] = self.recalibration
        if self.pages.link is not None:
            policies["link"] = self.pages.link
        policies["hash"] = hashlib.sha256(json.dumps([limits, policies], sort_keys=True).encode()).hexdigest()[:16]
        return SiteConfigured(
            at=EPOCH, site=self.site.name, limits=self.limits, policies=policies, hash=policies["hash"],
            source="configuration",
        )  # fmt: skip


class BadConfiguration(ValueError):
    """A configuration file that cannot be used. `problems` are lines that name the field and the reason."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = problems


def load(path: Path) -> Settings:
    """Read and check a configuration file.

    Raises:
        BadConfiguration: the file is missing, no TOML, or has a value that makes no sense.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as wrong:
        raise BadConfiguration(path, [f"cannot be read: {wrong.strerror}"]) from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadConfiguration(path, [f"not TOML: {wrong}"]) from wrong
    try:
        settings = Settings.model_validate(_floats(document))
        settings.limit_table()
    except ValidationError as wrong:
        problems = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in wrong.errors()]
        raise BadConfiguration(path, problems) from wrong
    except LimitRefused as wrong:
        raise BadConfiguration(path, [str(wrong)]) from wrong
    return settings


class WatchedSettings:
    """A configuration file that is checked for changes since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def changed(self) -> Settings | None:
        """The new settings; None if the file is as it was, or away for a moment, as when an editor replaces it.

        Raises:
            BadConfiguration: it changed to something that cannot be used; raised once a change.
        """
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return None
        self._seen = stamp
        return load(self.path)


def limits_only(path: Path) -> SiteConfigured:
    """The `site.configured` of a limits file: what `replay --limits` puts in force. A whole configuration will do too."""
    return load(path).record()


def _floats(node: Any) -> Any:
    """TOML writes 90 where a limit means 90.0; numbers under `limits` are measurements."""
    if isinstance(node, dict):
        return {key: _floats(value) for key, value in node.items()}
    return float(node) if isinstance(node, int) and not isinstance(node, bool) else node
