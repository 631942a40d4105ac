"""Answer lines: the destinations by which somebody may answer us, each with its site, its address from outside, and who is who.

They are made of what is configured, and asked for each time: a configuration that changes is in force for answers too.
Never here: what an answer means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.notify.destination import Destination


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One destination of a site. Its name is the one that deliveries have.

    `base`: where the site is found from outside; None: nowhere, so that nobody answers by it. `pagerduty`: PagerDuty's id of
    somebody → their name in the configuration.
    """

    site: str
    destination: Destination
    base: str | None
    pagerduty: Mapping[str, str] = field(default_factory=dict)


AnswerLines = Callable[[], Sequence[AnswerLine]]


class RefusedRequest(Exception):
    """What came is not to be believed, or counts no more. `status` is HTTP's; the text goes to its sender and to the log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
