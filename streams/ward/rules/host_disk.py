"""`disk-full`: the disk that the journal is on is nearly full; over once there is room again.

Told while there is time to do something: with a full disk nothing is accepted any more, and nobody is watched.
Never here: how full is nearly full (deploy/disk_watch.py).
"""

from __future__ import annotations

from typing import Final

from models.findings import Finding, Subject
from models.tables.rules import RULES, Priority
from models.wire.observations import DiskLow
from streams.ward.sentences import rule_sentence
from streams.ward.state import Here, WardState

_RULE: Final = "disk-full"
_SOURCE: Final = "what cannot be written is not accepted, and nobody is watched"


def file_disk_low(state: WardState, record: DiskLow, here: Here) -> None:
    """Add a finding that the disk is nearly full, or no longer (`free_mb` is None)."""
    subject, at_us = Subject(record.site, "-", None), max(here[0], 0)
    if record.free_mb is None:
        detail, evidence = "There is room again.", dict[str, object]()
    else:
        detail = (
            f"{record.free_mb} MB of {record.of_mb} are free. Make room on the disk of the data directory, or keep the journal's "
            "seconds for fewer days (raw_days): once it is full nothing is accepted, and nobody is watched. Tell whoever runs Chairside."
        )
        evidence = {"free_mb": record.free_mb, "of_mb": record.of_mb}
    priority = Priority.HIGH if record.urgent else Priority.MEDIUM
    text = rule_sentence(record.site, RULES[_RULE].title, detail)
    finding = Finding(
        "ended" if record.free_mb is None else "began", subject, _RULE, priority, at_us, at_us, at_us, text, evidence, _SOURCE
    )  # fmt: skip
    state.emit(finding, here)
