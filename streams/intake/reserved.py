"""Reserved sites: those whose name begins with `~` belong to whoever runs the network, and no sender writes to one.

Held at each way in (posts and `raw`), so that nobody can raise, answer or close an alert about a shard by naming its site.
Never here: which sites a sender may name at all.
"""

from __future__ import annotations

from typing import Final

from models.instants import EPOCH
from models.wire.observations import SetAside
from streams.intake.append import Records
from streams.journal.frame import Packable, Sample
from streams.journal.topics import OPERATORS

UNADDRESSED: Final = f"{OPERATORS}unaddressed"
"""The site under which a line is set aside that names no site, or one that is not its sender's to name."""
CANARY: Final = f"{OPERATORS}canary-"
"""How the sites begin whose only patient is synthetic (deploy/network/canary.py)."""
NOT_YOURS: Final = f"no site's name begins with {OPERATORS}"


def is_canary(site: str) -> bool:
    """Whether a site is a canary's, and so no clinic's."""
    return site.startswith(CANARY)


def set_reserved_aside(records: Records) -> Records:
    """The records, in order; one for a reserved site is a `SetAside` under `UNADDRESSED` that says so."""
    return [_set_aside(record) if record.site.startswith(OPERATORS) else record for record in records]


def _set_aside(record: Packable) -> SetAside:
    kind = "vitals" if isinstance(record, Sample) else record.kind
    return SetAside(
        at=EPOCH, site=UNADDRESSED, field="site", reason=NOT_YOURS, line=f"{kind} for the site {record.site}"
    )
