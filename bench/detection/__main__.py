"""`python -m bench.detection`: how good the detectors are, as one card.

Six parts: invented sessions against their truth, invented events in recorded stretches, the recordings against plain limit
alarms, breathing under a capnograph's invented numbers, cuffs at their own pace, and pictures of forty moments to be looked
at. Families held out of tuning are run only when asked for. Every draw is seeded; the same command gives the same card. The
exit status is 1 if a bar does not hold.
Takes some four minutes of one core, half as much again with the held-out families.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.detection import breathing, capnograph, cuff_series
from bench.detection.burden import all_burdens
from bench.detection.card import Card
from bench.detection.injected import found, invent
from bench.detection.recordings import SETS, data, files, load
from bench.detection.simulated import Scored, family
from bench.figures import heading, write_into
from streams.clinic.held_out import FAMILIES

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "detection.md"
IMAGES: Final = PAGE.parent / "images" / "detection"
SEED: Final = 1
HELD_OUT_SEED: Final = 1001
"""Another seed as well, so that not even a draw is shared with what was tuned on."""
SESSIONS: Final = {"quick": 3, "full": 24}
"""Sessions of each of the eight families, some 2.2 h each: 24 make 420 h, and some five hundred events to find."""
EVENTS: Final = {"quick": 4, "full": 20}
"""Invented events of each kind in each set of recordings."""
_EVERY: Final = {"quick": 10, "full": 1}
"""Which of the people with labelled breathing and of the stays with cuffs: every one, or every tenth."""
PARTS: Final = ("simulated", "injected", "recordings", "breathing", "cuffs")
Say = Callable[[str], None]


def live(names: list[str], sessions: int, seed: int, say: Say) -> list[Scored]:
    """These families, one after the other."""
    done = []
    for name in names:
        say(f"{name}: {sessions} sessions …")
        done.append(family(name, sessions, seed))
    return done


def measure(options: argparse.Namespace, folder: Path | None, say: Say) -> Card:
    """What the options ask for."""
    card = Card()
    wanted = options.only or PARTS
    sessions = options.sessions or SESSIONS[options.size]
    if "simulated" in wanted:
        card.tuning = live([n for n, row in FAMILIES.items() if not row.held_out], sessions, options.seed, say)
    if options.held_out:
        names = [name for name, row in FAMILIES.items() if row.held_out]
        card.held_out = live(names, sessions, HELD_OUT_SEED + options.seed - SEED, say)
    if folder is None:
        say("no recordings: CHAIRSIDE_DATA names their folder, or ../shared/data beside the repository")
        return card
    if "injected" in wanted:
        say("invented events in recorded stretches …")
        for of in SETS:
            events = invent([load(path) for path in files(folder, [of])], EVENTS[options.size], options.seed)
            card.injected += found(events)
            card.alone += found(events, as_recorded=True)
    if "recordings" in wanted:
        say("the recordings …")
        card.burdens = all_burdens(folder)
    if "breathing" in wanted and (labelled := capnograph.paths(folder)):
        say("breathing under a capnograph's numbers …")
        card.breathing = breathing.measure(labelled[:: _EVERY[options.size]], options.seed)
    if "cuffs" in wanted and (cuffs := cuff_series.stays(folder)):
        say("cuffs at their own pace …")
        card.cuffs = cuff_series.measure(dict(list(cuffs.items())[:: _EVERY[options.size]]))
    return card


def draw(card: Card, folder: Path | None, seed: int) -> None:
    """The pictures of the documentation, as far as the card has what they show."""
    from bench.detection import charts, panels

    if card.burdens and card.tuning:
        charts.burden(card.burdens, [*card.tuning, *card.held_out], IMAGES / "burden.png")
    if card.tuning and card.injected:
        charts.delays([*card.tuning, *card.held_out], card.injected, IMAGES / "delays.png")
    if card.burdens and folder is not None:
        shown = panels.alert_panels(card.burdens, folder, seed)
        panels.draw(shown, folder, "Twenty of the high and medium alerts on the recordings", IMAGES / "alerts.png")
        quiet = panels.suppressed_panels(card.burdens, seed)
        panels.draw(quiet, folder, "Twenty plain limit alarms that Chairside did not give", IMAGES / "suppressed.png")


def main() -> int:
    """Measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.detection",
        description="The detectors' scorecard: invented sessions, invented events in recordings, recordings.",
    )
    parser.add_argument(
        "--quick", dest="size", action="store_const", const="quick", default="full", help="a tenth of everything"
    )
    parser.add_argument(
        "--sessions", type=int, help=f"of each family (full: {SESSIONS['full']}, quick: {SESSIONS['quick']})"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of sessions, events and panels")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated; all parts if not given")
    parser.add_argument(
        "--held-out", action="store_true", help="run the families held out of tuning as well: for judging only"
    )
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name} and draw the pictures")
    options = parser.parse_args()
    folder = data()
    card = measure(options, folder, lambda text: print(text, file=sys.stderr, flush=True))
    command = " ".join(["python -m bench.detection", *sys.argv[1:]])
    text = f"{heading(command, options.seed)}\n\n{card.text()}"
    print(text)
    if options.write:
        write_into(PAGE, text)
        draw(card, folder, options.seed)
    return 0 if all(bar.holds for bar in card.bars()) else 1


if __name__ == "__main__":
    sys.exit(main())
