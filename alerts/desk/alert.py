"""An open alert, as the desk holds it: what it is about, how it stands, and what it waits for.

At most one is open for a patient, session and rule, which is its `AlertKey`. How it lives is `lifecycle.py`'s table; what boards
show of it is made of its transitions (`alert_document.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.findings import Subject
from models.instants import FAR
from models.tables.rules import Priority
from models.wire.live import AlertPhase

AlertKey = tuple[str, str, str | None, str]
"""Site, patient, session, rule."""


@dataclass(slots=True)
class Alert:
    """An open alert; the desk moves it on in place."""

    id: str
    subject: Subject
    rule: str
    priority: Priority
    worst: Priority
    phase: AlertPhase
    onset_us: int
    text: str
    evidence: dict[str, Any]
    source: str
    until_us: int = FAR
    page_due_us: int = FAR

    @property
    def key(self) -> AlertKey:
        return alert_key(self.subject, self.rule)

    def packed(self) -> dict[str, Any]:
        """The alert in a desk's state, msgpack-able."""
        fields = {name: getattr(self, name) for name in Alert.__dataclass_fields__}
        subject = self.subject
        return {
            **fields,
            "subject": [subject.site, subject.patient, subject.session, subject.chair],
            "phase": self.phase.value, "priority": int(self.priority), "worst": int(self.worst),
        }  # fmt: skip

    @classmethod
    def unpacked(cls, fields: Mapping[str, Any]) -> Alert:
        """The alert of `packed`; a field that this version no longer has is passed over."""
        return cls(
            **{
                **{name: value for name, value in fields.items() if name in cls.__dataclass_fields__},
                "subject": Subject(*fields["subject"]), "phase": AlertPhase(fields["phase"]),
                "priority": Priority(fields["priority"]), "worst": Priority(fields["worst"]),
            }
        )  # fmt: skip


def in_order(item: tuple[AlertKey, object]) -> tuple[str, ...]:
    """Sorts what is kept by `AlertKey`; a session that is None among others."""
    return tuple(map(str, item[0]))


def alert_key(subject: Subject, rule: str) -> AlertKey:
    """Where at most one alert is open."""
    return (subject.site, subject.patient, subject.session, rule)
