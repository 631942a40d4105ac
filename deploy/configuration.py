"""A configuration file as it is followed: what it last said that could be used, and why it is refused now, if it is.

A file that cannot be used changes nothing: what it said before stays in force, and `refused` says since when and why, for the
board, `/healthz` and a metric, until the file is good again. An empty file, and one that stays away, are refused like any other:
neither is a wish for the defaults. The last good text is copied into the data directory, for its owner's eyes alone, because it
has what the journal must not have: addresses. A start with a bad file begins with that copy, so that pages go where they went.
Never here: putting it in force (`wiring.py`, `network/edge.py`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.settings import BadConfiguration, Settings, parse, text_of
from models.instants import iso
from models.wire.on_call import RefusedConfigurationOut

LAST_GOOD: Final = "configuration.last-good.toml"
AWAY_FOR_LOOKS: Final = 10
"""A file that is away for so many looks in a row is refused. Chosen by us: ten seconds are longer than any editor saves."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that cannot be used: its name, since when, and what is wrong, each with its field."""

    file: str
    since_us: int
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {'; '.join(self.problems)}"

    def document(self) -> RefusedConfigurationOut:
        """As routes and /healthz say it."""
        return {"file": self.file, "since": iso(self.since_us), "problems": list(self.problems)}


def refused(bad: BadConfiguration, before: Refused | None, now_us: int) -> Refused:
    """The refusal of a file; it goes on since `before` where that was one of the same file."""
    return Refused(bad.path.name, now_us if before is None else before.since_us, tuple(bad.problems))


class WatchedSettings:
    """One clinic's configuration file. `refused` is why it cannot be used now; None: it can.

    Args:
        data: where the last good text is kept. now_us: the wall clock.
    """

    def __init__(self, path: Path, data: Path, now_us: Callable[[], int]) -> None:
        self.path = path
        self.refused: Refused | None = None
        self._kept = data / LAST_GOOD
        self._now_us = now_us
        self._seen = self._stamp()
        self._looks_away = 0
        self._text = ""

    def first(self) -> Settings:
        """What to start with: what the file says, or where it is refused what it said last.

        Raises:
            BadConfiguration: it is refused, and never said anything that could be used.
        """
        try:
            return self._read()
        except BadConfiguration as bad:
            try:
                settings = parse(self._kept, text_of(self._kept))
            except BadConfiguration:
                raise bad from None
            self.refused = refused(bad, None, self._now_us())
            return settings

    def changed(self) -> Settings | None:
        """The new settings; None if the file is as it was, is refused, or is away for a moment, as when an editor replaces it."""
        stamp = self._stamp()
        self._looks_away = self._looks_away + 1 if stamp is None else 0
        if stamp == self._seen or 0 < self._looks_away < AWAY_FOR_LOOKS:
            return None
        self._seen = stamp
        try:
            settings = self._read()
        except BadConfiguration as bad:
            self.refused = refused(bad, self.refused, self._now_us())
            return None
        self.refused = None
        return settings

    def keep(self) -> None:
        """Copy the text that was good last, before it is put in force."""
        if self.refused is not None or not self._text:
            return
        made = self._kept.with_suffix(".new")
        made.touch(mode=0o600)
        with made.open("w", encoding="utf-8") as out:
            out.write(self._text)
            out.flush()
            os.fsync(out.fileno())
        made.replace(self._kept)

    def _read(self) -> Settings:
        text = text_of(self.path)
        settings = parse(self.path, text)
        self._text = text
        return settings

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def named_site(path: Path) -> str:
    """The site that a refused file is about, as far as it can be told: what it names, or the file's own name."""
    try:
        name = tomllib.loads(text_of(path))["site"]["name"]
    except (BadConfiguration, tomllib.TOMLDecodeError, LookupError, TypeError):
        return path.stem
    return name if isinstance(name, str) else path.stem
