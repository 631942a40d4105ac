"""One site's part of the desk's state: its policies, who is on call, overrides, and the number of its last transition.

All of it comes through the journal. Never here: who is on call at an instant (`alerts/rota/`), an alert.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from alerts.rota.watch import Hole
from models.instants import DAY, FAR, to_us
from models.oncall import NOBODY_CONFIGURED, OnCall, Override, on_call_of
from models.tables.rules import Priority
from models.wire.observations import RotaOverride, SiteConfigured

OVERRIDES_KEPT: Final = 35 * DAY
"""How long an override that is over can still be asked for: a month's rota. Chosen by us."""


@dataclass(slots=True)
class DeskSite:
    """One site of a desk."""

    #: The number of its last transition.
    seq: int = 0
    policies: dict[str, Any] = field(default_factory=dict)
    rota: dict[str, Any] = field(default_factory=dict)
    #: What `rota` says, read.
    on_call: OnCall = NOBODY_CONFIGURED
    #: Those of the journal, oldest first; what was over `OVERRIDES_KEPT` ago is dropped.
    overrides: list[Override] = field(default_factory=list)
    #: Schedule → the hole in it that somebody was told of (`alerts/rota/watch.py`).
    holes: dict[str, Hole] = field(default_factory=dict)
    #: When to look for holes again; `FAR`: once the rota changes.
    watch_us: int = FAR

    def configure(self, record: SiteConfigured) -> None:
        """Put policies and rota in force; overrides of what is no longer there are dropped."""
        self.policies, self.rota = dict(record.policies), dict(record.rota)
        self.on_call = on_call_of(self.rota)
        self.overrides = [each for each in self.overrides if self.on_call.why_not(each) is None]

    def override(self, record: RotaOverride, clock_us: int) -> str | None:
        """Put somebody in another's place on a schedule; else why not, as field and reason: no such schedule or person."""
        override = Override(
            schedule=record.schedule, who=record.who, covers=record.covers, since=record.since, until=record.until
        )
        why_not = self.on_call.why_not(override)
        if why_not is None:
            self.overrides = [each for each in self.overrides if to_us(each.until) > clock_us - OVERRIDES_KEPT]
            self.overrides.append(override)
        return why_not

    def packed(self) -> list[Any]:
        """Msgpack-able."""
        overrides = [each.model_dump_json() for each in self.overrides]
        holes = [[schedule, *hole.packed()] for schedule, hole in sorted(self.holes.items())]
        return [self.seq, json.dumps(self.policies), json.dumps(self.rota), overrides, holes, self.watch_us]

    @classmethod
    def unpacked(
        cls, seq: int, policies: str, rota: str = "{}", overrides: Sequence[str] = (),
        holes: Sequence[tuple[str, int, int, int]] = (), watch_us: int = FAR,
    ) -> DeskSite:  # fmt: skip
        """The site of `packed`; of an older format, which had no rota, or did not watch it."""
        read = json.loads(rota)
        return cls(
            seq,
            json.loads(policies),
            read,
            on_call_of(read),
            [Override.model_validate_json(each) for each in overrides],
            {
                schedule: Hole(since_us, until_us, Priority(priority))
                for schedule, since_us, until_us, priority in holes
            },
            watch_us,
        )
