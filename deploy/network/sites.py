"""The sites of a network: one configuration file each in one folder; a file that is added, changed or taken away counts at once.

Their limits and policies act through the journal (`site.configured`), as in one clinic; here is where each site's pages go.
A file that cannot be used changes nothing: what it said before stays, and log, board, `/healthz` and a metric say why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alerts.effects import Page
from alerts.inbound.lines import AnswerLine
from alerts.notify.destination import Destination
from alerts.store.outbox import Method, Recipients, everybody
from deploy.configuration import Refused, named_site, refused
from deploy.settings import BadConfiguration, Settings, load
from streams.journal.topics import OPERATORS

log = logging.getLogger(__name__)

OPERATORS_FILE: Final = "operators.toml"
"""The file of those who run the network: their site gets the pages about shards, and those of sites that have no destination."""


@dataclass(frozen=True, slots=True)
class _Seen:
    stamp: tuple[int, int]
    settings: Settings | None
    refused: Refused | None = None


class Sites:
    """The sites' settings, as their files have them now. `look` reads what has changed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seen: dict[Path, _Seen] = {}
        self.look()

    def look(self) -> bool:
        """Read the files that have changed; whether any has."""
        if self._folder is None:
            return False
        changed = False
        there = sorted(self._folder.glob("*.toml"))
        for gone in self._seen.keys() - set(there):
            del self._seen[gone]
            changed = True
        for path in there:
            try:
                status = path.stat()
            except OSError:
                continue  # an editor is replacing it
            stamp, before = (status.st_mtime_ns, status.st_size), self._seen.get(path)
            if before is not None and before.stamp == stamp:
                continue
            changed = True
            try:
                self._seen[path] = _Seen(stamp, load(path))
            except BadConfiguration as bad:
                log.error("not in force: %s", bad)
                settings, since = (None, None) if before is None else (before.settings, before.refused)
                self._seen[path] = _Seen(stamp, settings, refused(bad, since, time.time_ns() // 1000))
        return changed

    @property
    def refused(self) -> Mapping[str, Refused]:
        """The files that cannot be used now, by the site that each is about."""
        return {
            named_site(path) if seen.settings is None else seen.settings.site.name: seen.refused
            for path, seen in sorted(self._seen.items()) if seen.refused is not None
        }  # fmt: skip

    @property
    def configured(self) -> Mapping[str, Settings]:
        """Each site's settings, by its name; the operators' are not a site's."""
        return {
            seen.settings.site.name: seen.settings
            for path, seen in sorted(self._seen.items()) if seen.settings is not None and path.name != OPERATORS_FILE
        }  # fmt: skip

    @property
    def operators(self) -> Settings:
        """The settings of those who run the network; without a file, pages about it are printed."""
        for path, seen in self._seen.items():
            if path.name == OPERATORS_FILE and seen.settings is not None:
                return seen.settings
        return Settings()


class Switchboard:
    """Who gets the pages of which site: `destinations` are all there are, each named ``site/name``; `recipients` picks."""

    def __init__(self, sites: Sites) -> None:
        self.destinations: list[Destination] = []
        self._to: dict[str, Recipients] = {}
        self._links: dict[str, str] = {}
        self.lines: list[AnswerLine] = []
        """The destinations by which somebody may answer."""
        for name, settings in ((OPERATORS, sites.operators), *sites.configured.items()):
            opened, schedulers = settings.opened()
            mine = [Destination(f"{name}/{each.name}", each.notifier) for each in opened]
            self.destinations += mine
            people = {person: _of(name, each.methods) for person, each in settings.people.items()}
            self._to[name] = everybody([each.name for each in mine], _of(name, schedulers), people)
            link = settings.pages.link
            if link is not None:
                self._links[name] = link
            self.lines += [AnswerLine(name, each, link, settings.pagerduty_people()) for each in mine]

    def recipients(self, page: Page) -> Sequence[Method]:
        """The ways of a page; those of the operators where the site has none, because a page to nobody is a page lost."""
        its_site = self._to.get(page.site)
        return (its_site(page) if its_site is not None else ()) or self._to[OPERATORS](page)

    def link_of(self, site: str) -> str | None:
        """Where a phone finds the site's board; None: nowhere. That of the operators for what is theirs."""
        return self._links.get(OPERATORS if site not in self._to else site)

    @property
    def linked(self) -> Sequence[str]:
        """The sites whose board a phone finds."""
        return list(self._links)


def place_of(destination: str) -> tuple[str, str]:
    """The site of a destination, and its name there."""
    site, _, name = destination.partition("/")
    return site, name


def _of(site: str, names: Iterable[str]) -> list[str]:
    return [f"{site}/{name}" for name in names]
