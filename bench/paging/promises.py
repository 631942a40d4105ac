"""What must hold after every schedule, whatever went wrong: no lost high alert, no ladder that stops, no page too many or late.

Read from what is outside the desk: the journal, the store, and what phones took. The desk itself is asked once, by replaying
the journal without any fault: the store must hold just these effects.
Never here: a fault, a clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from alerts.effects import Page, Transition
from alerts.store.outbox import everybody
from alerts.store.repeats import says_again
from alerts.store.store import Store
from bench.paging.faults import END_S
from bench.paging.night import DESTINATIONS, LONGEST_WAIT_S, METHODS, World
from models.instants import SECOND, from_iso
from models.wire.live import AlertPhase
from streams.journal.appender_clock import SLEW
from streams.journal.journal import SqliteJournal
from streams.shard import Shard

IN_TIME_S: Final = 1.001
"""A rung is tried within a second of its instant: the shard's clock moves once a second. A thousandth is for rounding."""
SLEWED: Final = 1 + 1 / SLEW
"""A second of the shard's clock may be so much of one where the wall clock is apart."""


ARRIVES_WITHIN_S: Final = 15.0
"""What is owed so long before the end, when nothing is wrong any more, must have arrived: an idle line's look, and a send."""


@dataclass(slots=True)
class Verdict:
    """What one schedule showed. `broken`: promises that do not hold; none should."""

    seed: int
    broken: list[str] = field(default_factory=list)
    high_alerts: int = 0
    pages: int = 0
    receipts: int = 0
    duplicates: int = 0
    crashes: int = 0
    tries_failed: int = 0
    calls_timed: int = 0
    latest_s: float = 0.0


def judged(world: World) -> Verdict:
    """What became of a schedule that is over."""
    verdict = Verdict(world.seed, crashes=world.lives - 1, receipts=len(world.receipts))
    verdict.tries_failed = sum(each.how not in {"ok", "slow"} for each in world.tries)
    path = world.folder / "clinic.sqlite"
    store, journal = Store(f"sqlite:///{path}"), SqliteJournal(path, world.steady_us)
    try:
        verdict.broken += _judge(world, verdict, store, journal)
    finally:
        journal.close()
        store.close()
    return verdict


def _judge(world: World, verdict: Verdict, store: Store, journal: SqliteJournal) -> Iterator[str]:
    shard, stamps, effects, offered = Shard(), dict[str, int](), list[Page | Transition](), list[tuple[int, int, str]]()
    last_us, known_us = 0, list[int]()
    while entries := journal.read(shard.next_offset):
        for entry in entries:
            last_us = entry.received_us
            for n, effect in enumerate(shard.step(entry.offset, entry.received_us, entry.payload).effects):
                offered.append((entry.offset, n, type(effect).__name__))
                if isinstance(effect, Page):
                    stamps[effect.key] = entry.received_us
                if isinstance(effect, Page | Transition):
                    effects.append(effect)
                    known_us.append(entry.received_us)
    if shard.faults:
        yield f"the core failed: {list(shard.faults)}"
    if [(offset, n) for offset, n, _, _ in store.digests(0)] != [(offset, n) for offset, n, _ in offered]:
        yield "the store does not hold what a replay of the journal gives"
    if store.conflicts():
        yield "the store holds another effect than the journal gives"
    pages = [effect for effect in effects if isinstance(effect, Page)]
    verdict.pages = len(pages)
    yield from _nothing_is_lost(world, verdict, store, pages, effects)
    yield from _no_ladder_stops(effects, known_us, last_us)
    yield from _no_page_too_many(world, verdict)
    yield from _none_is_late(world, verdict, pages, stamps)


def _nothing_is_lost(
    world: World, verdict: Verdict, store: Store, pages: list[Page], effects: list[Page | Transition]
) -> Iterator[str]:
    """Of each high alert somebody whom its pages call has one; of each high page each of these has it, or was lied to, or has a
    later one for which it was given up, because that says the same.
    """
    reached: dict[str, set[str]] = defaultdict(set)
    took = {(each.page.key, each.person) for each in world.receipts}
    superseded = store.superseded_pages()
    for each in world.receipts:
        for alert in each.page.alerts:
            reached[alert].add(each.person or each.destination)
    high = {each.alert for each in effects if isinstance(each, Transition) and each.priority == "high"}
    paged = {alert for page in pages if page.priority == "high" and page.kind == "page" for alert in page.alerts}
    verdict.high_alerts = len(high & paged)
    for alert in sorted(high & paged):
        lied = any(
            (page.key, person) in world.lied for page in pages if alert in page.alerts for person in ("", *METHODS)
        )
        if not reached[alert] and not lied:
            yield f"lost: nobody has a page about the high alert {alert}"
    recipients = everybody(DESTINATIONS, people=METHODS)
    for page in pages:
        if page.priority != "high" or world.committed.get(page.key, 0) > END_S - ARRIVES_WITHIN_S:
            continue
        for person in {way.person for way in recipients(page)}:
            if (page.key, person) in took | world.lied:
                continue
            again = [other.key for other in pages if other.kind == "page" and says_again(other, page)]
            has_later = any(
                (key, person) in took | world.lied or world.committed.get(key, 0) > END_S - ARRIVES_WITHIN_S
                for key in again
            )
            if (page.key, person) not in superseded or not has_later:
                yield f"lost: {person or 'whoever is there'} never got the high page {page.key} of {page.at}"
    for key in store.unsent_pages():
        page = next(page for page in pages if page.key == key)
        if page.priority == "high" and world.committed.get(key, 0) <= END_S - ARRIVES_WITHIN_S:
            yield f"lost: the high page {key} of {page.at} is still owed to everybody"


def _no_ladder_stops(effects: list[Page | Transition], known_us: list[int], end_us: int) -> Iterator[str]:
    """While a high alert is unanswered, no two calls about it are further apart than the longest rung waits; nor does a ladder go
    down, but for one that begins anew.
    """
    last_us: dict[str, int] = {}
    rung: dict[str, int] = {}
    answers: dict[str, set[str]] = defaultdict(set)
    needed: dict[str, int] = {}
    without: set[str] = set()
    longest_us = round(LONGEST_WAIT_S * SECOND)
    for effect, came_us in zip(effects, known_us, strict=True):
        # What a late reading says is known only when it comes.
        at_us = from_iso(effect.at) if isinstance(effect, Page) else came_us
        if isinstance(effect, Page):
            for place, alert in enumerate(effect.alerts):
                if effect.kind != "page" or alert not in last_us:
                    continue
                if at_us - last_us[alert] > longest_us:
                    yield f"silent: no call about {alert} for {(at_us - last_us[alert]) / SECOND:.1f} s until {effect.at}"
                last_us[alert] = at_us
                if place == 0:
                    if effect.rung < rung.get(alert, 0):
                        yield f"a ladder goes down: {alert} at {effect.at} from {rung[alert]} to {effect.rung}"
                    rung[alert] = effect.rung
            continue
        alert = effect.alert
        if effect.transition in {"raised", "worsened"}:
            # Before the site's configuration is in force there is no policy: everybody is called, every five minutes.
            without.discard(alert)
            if "policy" not in effect.evidence:
                without.add(alert)
        if effect.rule in {"page-failing", "nobody-on-call"} or effect.priority != "high" or alert in without:
            last_us.pop(alert, None)
            continue
        if effect.transition in {"raised", "worsened", "expired"}:
            answers[alert].clear()
            rung.pop(alert, None)
        if effect.transition in {"acknowledged", "snoozed"}:
            answers[alert].add(str(effect.evidence["by"]))
            needed[alert] = int(str(effect.evidence.get("answers", "1 of 1")).split(" of ")[1])
        enough = len(answers[alert]) >= needed.get(alert, 1)
        quiet = effect.phase in {AlertPhase.LATCHED, AlertPhase.CLOSED} or (
            effect.phase in {AlertPhase.ACKNOWLEDGED, AlertPhase.SNOOZED} and enough
        )
        if quiet:
            last_us.pop(alert, None)
        elif effect.transition != "eased":
            last_us.setdefault(alert, at_us)
    for alert, at_us in last_us.items():
        if end_us - at_us > longest_us + 2 * SECOND:
            yield f"silent: no call about {alert} for {(end_us - at_us) / SECOND:.1f} s until the end"


def _no_page_too_many(world: World, verdict: Verdict) -> Iterator[str]:
    """What is known to have arrived is not sent again; a page comes twice only where an answer or the process was lost."""
    came: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for number, each in enumerate(world.receipts):
        came[each.page.key, each.person, each.destination].append(number)
    lost = {
        (each.key, each.person, each.destination) for each in world.tries if each.how in {"takes and hangs", "takes and says no"}
    }  # fmt: skip
    for way, times in came.items():
        verdict.duplicates += len(times) - 1
        if len(times) < 2 or way in lost:
            continue
        first, last = world.receipts[times[0]], world.receipts[times[-1]]
        troubled = any(since_s <= last.at_s and first.at_s <= until_s for since_s, until_s in world.disturbed)
        if first.life == last.life and not troubled:
            yield f"twice: {way} came {len(times)} times, and nothing was lost"
    for one in world.tries:
        marked_s = world.marked.get((one.key, one.person, one.destination))
        if marked_s is not None and one.began_s > marked_s:
            yield f"twice: {one.key} was sent to {one.destination} though it was known to have arrived"


def _none_is_late(world: World, verdict: Verdict, pages: list[Page], stamps: dict[str, int]) -> Iterator[str]:
    """From the instant at which a call is due to the first try of it, where the process lives and its disk is well."""
    began: dict[str, float] = {}
    for each in world.tries:
        began.setdefault(each.key, each.began_s)
    slewed = SLEWED if world.faults.jumps else 1.0
    for page in pages:
        committed_s = world.committed.get(page.key, END_S)
        if page.kind != "page" or committed_s > END_S - 3:
            continue
        again = [began.get(other.key, END_S) for other in pages if other.kind == "page" and says_again(other, page)]
        tried_s = min(began.get(page.key, END_S), *again, END_S)
        if any(since_s <= tried_s and committed_s - 2 <= until_s for since_s, until_s in world.disturbed):
            continue
        # Until it is written by the shard's clock, which is the one that it is due by; then until it is tried.
        late_s = (stamps[page.key] - from_iso(page.at)) / SECOND / slewed + tried_s - committed_s
        verdict.calls_timed += 1
        verdict.latest_s = max(verdict.latest_s, late_s)
        if late_s > IN_TIME_S:
            yield f"late: {page.key}, rung {page.rung}, due at {page.at}, tried {late_s:.3f} s later"
