"""An open alert in the desk's state: its subject, phase and due times.

At most one is open for a patient, session and rule, which is its `AlertKey`. Its phases are `lifecycle.py`'s table; what boards
show of it is made of its transitions (`alert_document.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from alerts.desk.ladder import Ladder
from models.findings import Subject
from models.instants import FAR
from models.tables.rules import Priority
from models.wire.live import AlertPhase

AlertKey = tuple[str, str, str | None, str]
"""Site, patient, session, rule."""


@dataclass(slots=True)
class Alert:
    """An open alert; the desk changes it in place."""

    #: A hash of site, session or patient, rule and onset: the same on every replay.
    id: str
    subject: Subject
    #: A name of `models.tables.rules.RULES`.
    rule: str
    #: The condition's priority now; never above `worst`.
    priority: Priority
    #: The worst priority since it was raised; decides whether the alert latches.
    worst: Priority
    #: Never CLOSED: a closed alert leaves the desk.
    phase: AlertPhase
    #: When the condition began, by the sender's clock.
    onset_us: int
    #: Text, evidence and source of the finding that raised or last changed it.
    text: str
    evidence: dict[str, Any]
    source: str
    #: When an acknowledgement or a snooze runs out, by the shard's clock; `FAR` in every other phase.
    until_us: int = FAR
    #: When a page about it is owed, the first or the ladder's next; `FAR` if none is.
    page_due_us: int = FAR
    #: Whom its pages call; None until a page was decided on.
    ladder: Ladder | None = None
    #: The rule of the open alert for which its page is held back; empty: it is not.
    held_by: str = ""

    @property
    def key(self) -> AlertKey:
        return alert_key(self.subject, self.rule)

    def rename(self, patient: str) -> None:
        """Let it be of another alias of its patient; its sentence too, where that begins with the place."""
        before, self.subject = self.subject, replace(self.subject, patient=patient)
        place = f"{before.where}:"
        if self.text.startswith(place):
            self.text = f"{self.subject.where}:{self.text.removeprefix(place)}"

    def packed(self) -> dict[str, Any]:
        """The alert in a desk's state, msgpack-able."""
        fields = {name: getattr(self, name) for name in Alert.__dataclass_fields__}
        subject = self.subject
        return {
            **fields,
            "subject": [subject.site, subject.patient, subject.session, subject.chair],
            "phase": self.phase.value, "priority": int(self.priority), "worst": int(self.worst),
            "ladder": None if self.ladder is None else self.ladder.packed(),
        }  # fmt: skip

    @classmethod
    def unpacked(cls, fields: Mapping[str, Any]) -> Alert:
        """The alert of `packed`; a field that this version no longer has is passed over."""
        ladder = fields.get("ladder")
        return cls(
            **{
                **{name: value for name, value in fields.items() if name in cls.__dataclass_fields__},
                "subject": Subject(*fields["subject"]), "phase": AlertPhase(fields["phase"]),
                "priority": Priority(fields["priority"]), "worst": Priority(fields["worst"]),
                "ladder": None if ladder is None else Ladder.unpacked(ladder),
            }
        )  # fmt: skip


def standing(alert: Alert) -> tuple[bool, int, int]:
    """Which of two alerts about the same goes on, the larger: one whose condition goes on, the worse, the older."""
    return alert.phase is not AlertPhase.LATCHED, int(alert.priority), -alert.onset_us


SaidOfKey = TypeVar("SaidOfKey")


def renamed_keys(
    said: Mapping[AlertKey, SaidOfKey],
    site: str,
    gone: str,
    into: str,
    both: Callable[[SaidOfKey, SaidOfKey], SaidOfKey],
) -> dict[AlertKey, SaidOfKey]:
    """What is said by key, an alias that goes by the one that stays; `both`: where something was said of either."""
    found: dict[AlertKey, SaidOfKey] = {}
    for key, value in said.items():
        new = (site, into, key[2], key[3]) if key[:2] == (site, gone) else key
        found[new] = both(found[new], value) if new in found else value
    return found


def in_order(item: tuple[AlertKey, object]) -> tuple[str, ...]:
    """The sort key of an (`AlertKey`, value) pair: as text, since a session may be None."""
    return tuple(map(str, item[0]))


def alert_key(subject: Subject, rule: str) -> AlertKey:
    """The key under which at most one alert is open."""
    return (subject.site, subject.patient, subject.session, rule)
