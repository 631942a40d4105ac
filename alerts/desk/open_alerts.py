"""The open alerts of a shard: found by id, by what they are about, by patient, and by when something of theirs is due.

Each of these is a look-up, so that an alert costs the same beside ten others and beside ten thousand. Iterates in the order in
which they were raised.
Pure. Cost: an entry of the heap for each acknowledgement, snooze and page that waits, until its instant. Never here: what
becomes of an alert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from heapq import heappop, heappush

from alerts.desk.alert import Alert, AlertKey
from models.instants import FAR


class OpenAlerts(Mapping[str, Alert]):
    """Id → open alert. The desk changes alerts in place, and says here what it has made due."""

    def __init__(self) -> None:
        self._by_id: dict[str, Alert] = {}
        #: The same alerts; at most one has a key.
        self._by_key: dict[AlertKey, Alert] = {}
        #: (site, patient) → id → alert, in the order of `_by_id`; never empty inside.
        self._by_patient: dict[tuple[str, str], dict[str, Alert]] = {}
        #: (instant, id), smallest first. Every instant that is due has an entry; an entry whose alert is closed or has another
        #: instant by now means nothing.
        self._due: list[tuple[int, str]] = []

    def __getitem__(self, alert_id: str) -> Alert:
        return self._by_id[alert_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def at(self, key: AlertKey) -> Alert | None:
        """The alert that is open for a patient, session and rule."""
        return self._by_key.get(key)

    def of_patient(self, site: str, patient: str) -> Collection[Alert]:
        """A patient's open alerts, in the order in which they were raised."""
        return self._by_patient.get((site, patient), {}).values()

    def add(self, alert: Alert) -> None:
        """Put in an alert that was raised, or that was open at a checkpoint."""
        self._by_id[alert.id] = self._by_key[alert.key] = alert
        self._by_patient.setdefault(_patient(alert), {})[alert.id] = alert
        self.note_due(alert)

    def remove(self, alert: Alert) -> None:
        """Take out an alert that is closed."""
        del self._by_id[alert.id]
        self._by_key.pop(alert.key, None)
        theirs = self._by_patient[_patient(alert)]
        del theirs[alert.id]
        if not theirs:
            del self._by_patient[_patient(alert)]

    def note_due(self, alert: Alert) -> None:
        """Remember when an open alert's answer runs out and its page is owed; call it after either was set."""
        for due_us in {alert.until_us, alert.page_due_us} - {FAR}:
            heappush(self._due, (due_us, alert.id))

    @property
    def next_due_us(self) -> int:
        """The next instant at which something is due; `FAR` if nothing is."""
        while self._due and not self._is_due(*self._due[0]):
            heappop(self._due)
        return self._due[0][0] if self._due else FAR

    def take_due(self, at_us: int) -> list[Alert]:
        """The alerts of which something is due at this instant, which is the next one; each once, and asked for once."""
        found: dict[str, Alert] = {}
        while self.next_due_us == at_us:
            _, alert_id = heappop(self._due)
            found[alert_id] = self._by_id[alert_id]
        return list(found.values())

    def _is_due(self, at_us: int, alert_id: str) -> bool:
        alert = self._by_id.get(alert_id)
        return alert is not None and at_us in {alert.until_us, alert.page_due_us}


def _patient(alert: Alert) -> tuple[str, str]:
    return alert.subject.site, alert.subject.patient
