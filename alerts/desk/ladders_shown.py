"""The ladders of open alerts as boards show them: the rung, whom pages have called, and whom the next one calls, when.

Read off a desk; nothing is changed. Never here: a decision (`ladder.py`).
"""

from __future__ import annotations

from alerts.desk.alert import Alert
from alerts.desk.desk import Desk
from alerts.desk.ladder import Ladder
from alerts.desk.site import DeskSite
from models.instants import FAR, iso
from models.wire.on_call import LadderOut


def ladders(desk: Desk, site: str) -> list[LadderOut]:
    """Of a site's open alerts, in the order in which they were raised."""
    mine = desk.of_site(site)
    return [
        _shown(alert, alert.ladder, mine)
        for alert in desk.open.values() if alert.subject.site == site and alert.ladder is not None
    ]  # fmt: skip


def _shown(alert: Alert, ladder: Ladder, site: DeskSite) -> LadderOut:
    found: LadderOut = {
        "alert": alert.id, "policy": ladder.policy, "rung": ladder.rung, "of": len(ladder.rungs),
        "called": None if ladder.everybody else list(ladder.called), "answered": list(ladder.answered),
        "answers": ladder.answers, "next": None,
    }  # fmt: skip
    if alert.page_due_us < FAR:
        call = ladder.next_call(site.on_call, site.overrides, alert.page_due_us)
        people = None if call.to is None else list(call.to)
        found["next"] = {"rung": call.rung, "people": people, "at": iso(alert.page_due_us)}
    return found
