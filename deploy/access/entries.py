"""What somebody who is signed in, or a device with a token, may enter: a record in, a refusal out, or the record in their name.

`by` is whoever is signed in, whatever the record says; of a device's record it is the token's name, and of its readings nobody:
`by` there would mean that a person took them.
Never here: what nobody may send (`streams/intake/admission.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from deploy.access.roles import CORRECTS, ENTERED_BY, LIMITS_SET_BY, VISITS_PLANNED_BY
from deploy.access.sessions import SignedPerson
from deploy.access.tokens import Device
from models.wire.observations import Event, Intervention, PatientRegistered
from streams.intake.admission import Admission
from streams.journal.frame import Packable, Sample
from streams.ward.home.rules import BOOKING


@dataclass(frozen=True, slots=True)
class SignedAdmission(Admission):
    """What one sender may enter. `sender`: the person or the token's holder. `refused`: what they were refused for their role."""

    sender: SignedPerson | Device | None = None
    refused: set[str] = field(default_factory=set)

    def refusal(self, record: Packable) -> tuple[str, str] | None:
        """The field and the reason for which a record may not come in; None: it may."""
        refused = Admission.refusal(self, record) or self._not_theirs(record)
        if refused is not None:
            self.refused.add(refused[1])
        return refused

    def _not_theirs(self, record: Packable) -> tuple[str, str] | None:
        kind = "vitals" if isinstance(record, Sample) else record.kind
        sets_limits = isinstance(record, PatientRegistered) and record.limits is not None
        match self.sender:
            case SignedPerson(role=role):
                may_enter = role in ENTERED_BY.get(kind, ()) or (role in VISITS_PLANNED_BY and _plans_a_visit(record))
                if not may_enter:
                    return "kind", f"the role {role} may not enter {kind}"
                return (
                    ("limits", f"the role {role} may not set a person's limits")
                    if sets_limits and role not in LIMITS_SET_BY
                    else None
                )
            case Device(sends=sends):
                if kind not in sends:
                    return "kind", f"this token may not send {kind}"
                if sets_limits:
                    return "limits", "a token may not set a person's limits"
                replaces = not isinstance(record, Sample) and record.replaces is not None
                if replaces and CORRECTS not in sends:
                    return (
                        "replaces",
                        f"this token may not replace what was entered: that takes `{CORRECTS}` in what it may send",
                    )
                return None
            case None:
                return "kind", "nobody has signed in"

    def status_of_nothing(self) -> int:
        """The HTTP status of a body of which nothing came in."""
        return 403 if self.refused else 422

    def placed(self, record: Sample | Event) -> Sample | Event:
        """A record at the site that is served, in the name of whoever sends it."""
        placed = Admission.placed(self, record)
        person = self.sender.name if isinstance(self.sender, SignedPerson) else None
        if isinstance(placed, Sample):
            site, session, patient, device, source = placed.origin
            if source is None and isinstance(self.sender, Device):
                # Whose flood it is, if it becomes one.
                source = self.sender.name
            return msgspec.structs.replace(placed, by=person, origin=(site, session, patient, device, source))
        if "by" not in type(placed).model_fields:
            return placed
        by = person or (None if self.sender is None else self.sender.name)
        return placed.model_copy(update={"by": by})


def _plans_a_visit(record: Packable) -> bool:
    """Whether a record plans, moves or calls off a visit, and does nothing else: it is of no session and corrects no entry."""
    return (
        isinstance(record, Intervention)
        and record.what == BOOKING
        and record.session is None
        and record.replaces is None
    )
