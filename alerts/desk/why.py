"""Why somebody was paged about an alert, or nobody was: its story as plain sentences, each with its instant.

An `AlertStoryOut` in (transitions, pages, deliveries, as they were written), sentences out. Nothing is decided here and nothing
guessed: each sentence is a decision that its transition has in its evidence, or what became of a page. What this version does not
know the words of is said as it was written. Pure.
Bad at: an alert of before decisions were written, of which it can say little.
Never here: reading the story (`alerts/store/story.py`), a clock, an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from alerts.desk.paging import GROUP_FOR, QUIET_AFTER
from alerts.rota.wall_clock import wall_of
from models.findings import IN_DIGEST
from models.instants import MINUTE, SECOND, from_iso, iso
from models.oncall import EVERYBODY
from models.wire.live import TransitionOut
from models.wire.on_call import AlertStoryOut, DeliveryOut, PageStoryOut, TryOut, WhyOut, WhySentenceOut

_NOWHERE: Final = ", to nobody: the site has no destination"

PAGE_REASONS: Final[Mapping[str, str]] = {
    "now": "A page was owed at once.",
    "with the patient's next": f"Its page waited, {GROUP_FOR // SECOND} s at the most, so that one event of the patient is one page.",
    "later: it was paged within 5 min": f"Its page waited until {QUIET_AFTER // MINUTE} min after the last one of its rule.",
    "later: unless somebody answers": "Its next page waits as long as the first rung does.",
    "none: board only": "Nobody is paged about it: of this priority it is on the board only.",
    "none: it is over": "No more pages are owed: it is over.",
}
"""What the desk writes of a page (`paging.py`, `desk.py`), as people read it. A test holds the two together."""

FATES: Final[Mapping[str, str]] = {
    "pending": "not tried yet",
    "reserve": "in reserve until an earlier method fails or takes too long",
    "sending": "being tried",
    "taken": "taken by its provider, which has not said yet whether it arrived",
    "handed on": "handed on to a network that tells no more",
    "sent": "arrived",
    "failed": "failed, and is tried again",
    "abandoned": "given up",
    "spared": "not needed: they were reached by another method, or it was answered or over before",
    "retired": "its destination is no longer configured",
    "superseded": "not needed, a later page to them says the same",
}
"""What becomes of a delivery (`alerts/store/outbox.py`), as people read it."""

OUTCOMES: Final[Mapping[str, str]] = {
    "arrived": "arrived",
    "taken": "taken by its provider",
    "failed": "failed",
    "reached": "its provider says that it arrived",
    "handed on": "its provider handed it on",
}
"""What becomes of a try, as people read it."""


def explain(story: AlertStoryOut, until_us: int | None = None) -> WhyOut:
    """The story of an alert as sentences, in order.

    Args:
        until_us: what was decided later is left out; what became of a page is always told as it is now.
    """
    steps = [step for step in story["transitions"] if until_us is None or from_iso(step["at"]) <= until_us]
    pages = [page for page in story["pages"] if until_us is None or from_iso(page["at"]) <= until_us]
    told = [
        *((from_iso(step["at"]), 0, sentence) for step in steps for sentence in _step(step, story["timezone"])),
        *((from_iso(page["at"]), 1, sentence) for page in pages for sentence in _page(page)),
        *(
            (from_iso(each["at"]), 2, f"Try {each['attempt']} of {_way(delivery)}: {_outcome(each)}.")
            for page in pages
            for delivery in page["deliveries"]
            for each in delivery["tries"]
            if until_us is None or from_iso(each["at"]) <= until_us
        ),
    ]
    sentences: list[WhySentenceOut] = [
        {"at": iso(at_us), "text": text} for at_us, _, text in sorted(told, key=lambda each: each[:2])
    ]
    return {
        "alert": story["alert"], "timezone": story["timezone"], "answer": _answer(steps, pages), "sentences": sentences,
    }  # fmt: skip


def _answer(steps: list[TransitionOut], pages: list[PageStoryOut]) -> str:
    """In one sentence: who was reached, or why nobody was."""
    if not steps:
        return "Nobody was paged: it was not raised yet."
    calls = [page for page in pages if page["kind"] == "page"]
    reached = dict.fromkeys(
        _way(each) for page in calls for each in page["deliveries"] if each["state"] == "sent"
    )  # fmt: skip
    if reached:
        return f"Reached: {', '.join(reached)}."
    if any(page["audience"] == "watch" for page in calls):
        return "Somebody was paged, and nobody was reached."
    if calls:
        return "Nobody was paged about it alone: the daily digest names it, and has reached nobody."
    reasons = [reason for step in steps for reason in _reason(step["evidence"])]
    return f"Nobody was paged. {reasons[-1]}" if reasons else "Nobody was paged."


# ---- transitions -----------------------------------------------------------------------------------------------------


def _step(step: TransitionOut, zone: str) -> Iterator[str]:
    evidence = step["evidence"]
    yield _happened(step, zone)
    yield from _reason(evidence)
    if evidence.get("page") == "none: board only" and step["rule"] in IN_DIGEST:
        yield "The daily digest names it, for as long as nobody has answered."
    route = evidence.get("route")
    if isinstance(route, str):
        none = route.startswith("none")
        yield f"No route takes it, so {EVERYBODY} is called." if none else f"The first route that takes it is {route}."
    if "called" in evidence:
        called = evidence["called"]
        whom = _people(called) if isinstance(called, list) else EVERYBODY
        yield f"Rung {evidence.get('rung')} of {evidence.get('of')} of policy {evidence.get('policy')} calls {whom}."
    for passed in evidence.get("nobody", ()):
        yield f"Passed over: {passed}."
    if "next_call_at" in evidence:
        yield f"Unless somebody answers, the next call is at {_clock(evidence['next_call_at'], zone)}."


def _happened(step: TransitionOut, zone: str) -> str:
    evidence, by = step["evidence"], step["evidence"].get("by")
    until = f" until {_clock(evidence['until'], zone)}" if "until" in evidence else ""
    match step["transition"]:
        case "raised":
            return f"Raised, {step['priority']}: {step['text']}"
        case "worsened":
            return f"Worse, {step['priority']}: {step['text']}"
        case "eased":
            return f"Eased to {step['priority']}."
        case "escalated":
            return f"{by} called for help." if by else f"Called on: {evidence.get('because', 'it was due')}."
        case "acknowledged":
            answers = f" {evidence['answers']} who must answer." if "answers" in evidence else ""
            return f"{by} acknowledged it{until}.{answers}"
        case "snoozed":
            return f"{by} snoozed it{until}."
        case "expired":
            return f"{by} ended the snooze." if by else "The answer ran out."
        case "latched":
            return "The condition is over; the alert stands until somebody has seen it."
        case "renamed":
            return f"{evidence['renamed_from']} goes by {step['patient']} since: two aliases were merged."
        case "closed":
            return f"{by} closed it." if by else "Closed: the condition is over."


def _reason(evidence: Mapping[str, Any]) -> Iterator[str]:
    """What was decided about a page."""
    page = evidence.get("page")
    if not isinstance(page, str):
        return
    reason = page.removesuffix(_NOWHERE)
    if reason in PAGE_REASONS:
        yield PAGE_REASONS[reason]
    elif reason.startswith("none: ") and reason.endswith(" says it"):
        worse = reason.removeprefix("none: ").removesuffix(" says it")
        yield f"Its page is held back: {worse} of the same patient is open and says it. If it outlasts that, it is paged."
    else:
        yield f"Its page: {reason}."
    if reason != page:
        yield "The site has no destination, so that no page can go anywhere."


# ---- pages -----------------------------------------------------------------------------------------------------------


def _page(page: PageStoryOut) -> Iterator[str]:
    to = _people(page["to"]) if page["to"] else EVERYBODY
    others = len(page["alerts"]) - 1
    beside = f", with {others} more of its patient" if others > 0 else ""
    if page["audience"] == "scheduler":
        yield "The daily digest names it."
    elif page["kind"] == "page":
        rung = f" (rung {page['rung']})" if page["rung"] else ""
        yield f"A page calls {to}{rung}{beside}."
    else:
        yield f"News to {to}: {'somebody has answered' if page['kind'] == 'answered' else 'it is over'}."
    if not page["deliveries"]:
        yield "It has been given to no destination yet."
    for each in page["deliveries"]:
        yield f"{_way(each)}: {_fate(each)}."


def _fate(delivery: DeliveryOut) -> str:
    fate = FATES.get(delivery["state"], delivery["state"])
    tries = delivery["attempts"]
    if tries:
        unknown = tries - len(delivery["tries"]) - (delivery["state"] == "sending")
        kept = f", {unknown} of them no longer known" if unknown > 0 else ""
        fate = f"{fate} ({tries} {'try' if tries == 1 else 'tries'}{kept})"
    return f"{fate}: {delivery['error']}" if delivery["error"] and delivery["state"] != "taken" else fate


def _outcome(each: TryOut) -> str:
    outcome = OUTCOMES.get(each["outcome"], each["outcome"])
    return f"{outcome}: {each['error']}" if each["error"] else outcome


def _way(delivery: DeliveryOut) -> str:
    person = delivery["person"]
    return delivery["destination"] if person is None else f"{person} by {delivery['destination']}"


def _people(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _clock(instant: Any, zone: str) -> str:
    """The time on the wall of a zone; what is no instant, as it is."""
    try:
        return f"{wall_of(from_iso(instant), zone):%H:%M:%S}"
    except (TypeError, ValueError):
        return str(instant)
