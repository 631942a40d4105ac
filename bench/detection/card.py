"""The scorecard: what was measured, as bars that hold or do not and as tables. It decides nothing but that.

A bar is a promise with a number. One that was not measured says so and does not count as held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bench.detection.breathing import PAUSE_COUNTS_S, TOLD_WITHIN_S, Breathing, by_rule
from bench.detection.burden import FATES, Burden, counted
from bench.detection.cuff_series import LASTING, NARROW_MMHG, SPACINGS, Crisis, CuffSeries, Lasting
from bench.detection.injected import ALLOWED_S, KINDS, Outcome
from bench.detection.matching import Match
from bench.detection.plain import PLAIN
from bench.detection.simulated import Scored
from bench.detection.told import PHYSIOLOGICAL
from models.tables.rules import RULE_NAMES, Priority

LATE_S: Final = 5.0
RETURN_S: Final = 30.0
LEAST_HOURS: Final = 200.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One promise: what was found, what was promised, and whether it holds."""

    what: str
    found: str
    aim: str
    holds: bool


@dataclass(slots=True)
class Card:
    """Everything measured in one run; what was not asked for is empty."""

    tuning: list[Scored] = field(default_factory=list)
    held_out: list[Scored] = field(default_factory=list)
    injected: list[Outcome] = field(default_factory=list)
    alone: list[Outcome] = field(default_factory=list)
    burdens: list[Burden] = field(default_factory=list)
    breathing: Breathing | None = None
    cuffs: CuffSeries | None = None

    def bars(self) -> list[Bar]:
        """Every promise that this run can speak of."""
        found: list[Bar] = []
        for name, families in (("", self.tuning), ("held out: ", self.held_out)):
            if families:
                found += simulated_bars(name, families)
        if self.injected:
            found += _injected_bars(self.injected)
        if self.burdens:
            found += _recorded_bars(self.burdens)
        if self.breathing is not None:
            found += breathing_bars(self.breathing)
        if self.cuffs is not None:
            found += cuff_bars(self.cuffs)
        return found

    def text(self) -> str:
        """All tables, as Markdown."""
        parts = [_bars(self.bars())]
        for name, families in (("families to tune on", self.tuning), ("held-out families", self.held_out)):
            if families:
                parts += [f"### Invented sessions: {name}", _families(families), _rules(families)]
        if self.injected:
            parts += ["### Invented events in recorded stretches", _injected(self.injected, self.alone)]
        if self.burdens:
            parts += ["### Recordings", _burdens(self.burdens), _by_rule(self.burdens), _fates(self.burdens)]
            parts.append(_runs(self.burdens))
        if self.breathing is not None:
            parts += ["### Breathing on a capnograph's invented numbers", _breathing(self.breathing)]
        if self.cuffs is not None:
            parts += ["### Cuffs at their own pace", _lasting(self.cuffs), _crises(self.cuffs)]
        return "\n\n".join(parts)


def grave(families: Iterable[Scored]) -> list[Match]:
    """The sustained high and medium events."""
    return [match for family in families for match in family.matches if match.event.priority >= Priority.MEDIUM]


def simulated_bars(name: str, families: Sequence[Scored]) -> list[Bar]:
    """The promises about invented sessions. Quiet families are the uneventful and the near-threshold ones."""
    matches, hours = grave(families), sum(family.hours for family in families)
    missed = [match for match in matches if match.told_us is None]
    late = [match for match in matches if match.late_s is not None and match.late_s > LATE_S]
    share = 1 - len(missed) / len(matches) if matches else 0.0
    calm = [family for family in families if family.quiet]
    calm_hours = sum(family.hours for family in calm)
    false = sum(len(family.false) for family in calm)
    hovering = [family for family in families if family.hovering]
    above = sum(1 for family in hovering for alert in family.alerts for _ in alert.burdens())
    alone = [cuff for family in families for cuff in family.alone]
    raised = sum(cuff.raised for cuff in alone)
    hidden = [wait_s for family in families for wait_s in family.hidden_s]
    slow = sum(wait_s is None or wait_s > RETURN_S for wait_s in hidden)
    return [
        Bar(f"{name}hours of invented sessions", f"{hours:.0f}", f"at least {LEAST_HOURS:.0f}", hours >= LEAST_HOURS),
        Bar(
            f"{name}sustained high and medium events found",
            f"{len(matches) - len(missed)} of {len(matches)} ({100 * share:.1f} %)",
            "at least 99 %",
            share >= 0.99,
        ),
        Bar(
            f"{name}found later than the rule's own time plus {LATE_S:.0f} s",
            f"{len(late)}; latest {max((match.late_s or 0.0 for match in late), default=0.0):.0f} s",
            "none",
            bool(matches) and not late,
        ),
        Bar(
            f"{name}false high or medium alerts, uneventful and near-threshold",
            f"{false} in {calm_hours:.0f} h ({false / calm_hours if calm_hours else 0:.3f}/h)",
            "at most 0.05/h",
            calm_hours > 0 and false / calm_hours <= 0.05,
        ),
        Bar(
            f"{name}alerts above low, of every category, in hovering sessions",
            f"{above}",
            "none",
            bool(hovering) and above == 0,
        ),
        Bar(
            f"{name}single cuffs that no recheck confirms, raised above low",
            f"{raised} of {len(alone)}",
            "none",
            bool(alone) and raised == 0,
        ),
        Bar(
            f"{name}desaturations behind a loose probe, told later than 30 s after the signal's return",
            f"{slow} of {len(hidden)}",
            "none",
            bool(hidden) and slow == 0,
        ),
    ]


def _injected_bars(outcomes: Sequence[Outcome]) -> list[Bar]:
    found = sum(outcome.found for outcome in outcomes)
    hidden = [outcome for outcome in outcomes if outcome.event.kind.hidden_s]
    # Lateness runs from the first low reading after the probe is back, and leaves out the rule's own time.
    slow = sum(each.late_s is None or each.late_s + each.event.own_s > RETURN_S for each in hidden)
    return [
        Bar(
            "invented events in recorded stretches found",
            f"{found} of {len(outcomes)} ({100 * found / len(outcomes):.1f} %)",
            "at least 95 %",
            found >= 0.95 * len(outcomes),
        ),
        Bar(
            "invented desaturations behind an invented loose probe, told later than 30 s after the signal's return",
            f"{slow} of {len(hidden)}",
            "none",
            bool(hidden) and slow == 0,
        ),
    ]


def _recorded_bars(burdens: Sequence[Burden]) -> list[Bar]:
    plain = sum(burden.plain.total() for burden in burdens)
    delayed = sum(burden.delayed.total() for burden in burdens)
    every = sum(counted(burden.alerts).total() for burden in burdens)
    body = sum(_of_bodies(burden) for burden in burdens)
    runs, missed = sum(len(burden.runs) for burden in burdens), sum(len(burden.missed) for burden in burdens)
    return [
        Bar(
            "recordings pooled: high and medium alerts to plain limit alarms",
            f"{every} to {plain} ({100 * every / plain:.1f} %); {body} of them about bodies; {delayed} alarms after a plain 15 s delay",
            "at most 20 %",
            every <= 0.2 * plain,
        ),
        Bar(
            "believable runs of SpO2 <90 of 30 s or more, raised",
            f"{runs - missed} of {runs}",
            "all",
            runs > 0 and missed == 0,
        ),
    ]


def breathing_bars(found: Breathing) -> list[Bar]:
    """The promises about breathing under a real monitor's numbers."""
    told, nothing = sum(pause.in_time for pause in found.pauses), len(found.nothing)
    alone = len(found.alone) / found.alone_hours if found.alone_hours else 0.0
    return [
        Bar(
            f"labelled pauses of {PAUSE_COUNTS_S} s or more raised within {TOLD_WITHIN_S} s of when numbers show them",
            f"{told} of {len(found.pauses)} ({_share(told, len(found.pauses))})",
            "at least 95 %",
            bool(found.pauses) and told >= 0.95 * len(found.pauses),
        ),
        Bar(
            "apnoea alerts raised while the label says breathing",
            f"{found.breathing} of {found.apnoea} ({_share(found.breathing, found.apnoea)})",
            "at most 10 %",
            found.apnoea > 0 and found.breathing <= 0.1 * found.apnoea,
        ),
        Bar(
            "loud alerts about no labelled pause of 20 s, no slow breathing of 30 s and no low oxygen within a minute",
            f"{nothing} in {found.hours:.0f} h ({nothing / found.hours:.2f}/h); {len(found.loud) / found.hours:.2f}/h in all",
            "at most 0.7/h",
            nothing <= 0.7 * found.hours,
        ),
        Bar(
            "loud alerts on the same recordings without RR and EtCO2",
            f"{len(found.alone)} in {found.alone_hours:.0f} h ({alone:.2f}/h)",
            "at most 0.52/h",
            alone <= 0.52,
        ),
    ]  # fmt: skip


def cuff_bars(found: CuffSeries) -> list[Bar]:
    """The promises about cuffs that come every 5 to 30 minutes."""
    bars = []
    for of in LASTING:
        told = {name: _told(found, of, name) for name, _ in SPACINGS}
        worst = min((right / every for right, every in told.values() if every), default=0.0)
        said = ", ".join(f"{name} min: {right} of {every}" for name, (right, every) in told.items())
        bars.append(
            Bar(f"lasting {of}, raised to medium or more, by spacing", said, "at least 98 % each", worst >= 0.98)
        )
    for of in LASTING:
        told = {name: _counted(lasting, of) for name, lasting in found.thinned.items()}
        worst = min((right / every for right, every in told.values() if every), default=0.0)
        said = ", ".join(f"{name} min: {right} of {every}" for name, (right, every) in told.items())
        bars.append(Bar(f"lasting {of}, with cuffs at least so far apart", said, "at least 98 % each", worst >= 0.98))
    believed = [crisis for crisis in found.crises if crisis.believed]
    refuted = sum(crisis.borne_out is False for crisis in believed)
    true = [crisis for crisis in found.crises if crisis.borne_out]
    high, called = sum(crisis.believed for crisis in true), sum(crisis.called for crisis in true)
    bars.append(
        Bar(
            "crises believed at once from one cuff, refuted by a neighbour within 30 min",
            f"{refuted} of {len(believed)} ({_share(refuted, len(believed))})",
            "at most 15 %",
            bool(believed) and refuted <= 0.15 * len(believed),
        )
    )
    bars.append(
        Bar(
            "crises that a neighbour within 30 min bears out, high at once",
            f"{high} of {len(true)} ({_share(high, len(true))}); somebody called at once: {called}",
            "at least 95 %",
            bool(true) and high >= 0.95 * len(true),
        )
    )
    return bars


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _told(found: CuffSeries, of: str, spacing_min: int) -> tuple[int, int]:
    return _counted([each for each in found.lasting if each.spacing_min == spacing_min], of)


def _counted(lasting: Sequence[Lasting], of: str) -> tuple[int, int]:
    mine = [each for each in lasting if each.of == of]
    return sum(each.told for each in mine), len(mine)


def _of_bodies(burden: Burden) -> int:
    return counted([alert for alert in burden.alerts if alert.category in PHYSIOLOGICAL]).total()


def markdown(heads: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """A table; the first `left` columns are words."""
    cells = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    laid = [
        [cell.ljust(width) if column < left else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in cells
    ]  # fmt: skip
    rule = ["-" * width if column < left else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (laid[0], rule, *laid[1:]))


def _bars(bars: Sequence[Bar]) -> str:
    rows = [(bar.what, bar.found, bar.aim, "yes" if bar.holds else "**no**") for bar in bars]
    return markdown(("must show", "found", "aim", "holds"), rows, left=4)


def _families(families: Sequence[Scored]) -> str:
    rows = []
    for family in families:
        matches = grave([family])
        found = sum(match.told_us is not None for match in matches)
        every = counted([alert for alert in family.alerts if alert.category in PHYSIOLOGICAL]).total()
        rows.append(
            (
                family.family, family.sessions, f"{family.hours:.0f}", len(matches), found, len(family.false),
                f"{len(family.false) / family.hours:.3f}", f"{every / family.hours:.2f}",
                f"{family.plain.total() / family.hours:.2f}", f"{family.delayed.total() / family.hours:.2f}",
            )
        )  # fmt: skip
    heads = (
        "family", "sessions", "hours", "events", "found", "false", "false/h", "alerts/h", "plain/h", "plain after 15 s/h",
    )  # fmt: skip
    return markdown(heads, rows)


def _rules(families: Sequence[Scored]) -> str:
    hours = sum(family.hours for family in families)
    false = Counter((each.alert.rule, each.step.priority) for family in families for each in family.false)
    by_rule: dict[tuple[str, Priority], list[Match]] = {}
    for family in families:
        for match in family.matches:
            by_rule.setdefault((match.event.rule, match.event.priority), []).append(match)
    rows = []
    for rule, priority in sorted(by_rule.keys() | false.keys(), key=lambda key: (RULE_NAMES.index(key[0]), -key[1])):
        matches = by_rule.get((rule, priority), [])
        late = [match.late_s for match in matches if match.late_s is not None]
        rows.append(
            (
                rule, priority.word, len(matches), f"{100 * len(late) / len(matches):.1f} %" if matches else "",
                *_delays(late), false[rule, priority], f"{false[rule, priority] / hours:.3f}",
            )
        )  # fmt: skip
    return markdown(
        ("rule", "priority", "events", "found", "median s", "95 % s", "latest s", "false", "false/h"), rows, left=2
    )


def _delays(late_s: Sequence[float]) -> tuple[str, str, str]:
    """Median, 95th percentile and largest, beyond the rule's own time; what was told early is 0."""
    if not late_s:
        return "", "", ""
    beyond = np.maximum(late_s, 0.0)
    return f"{np.median(beyond):.1f}", f"{np.quantile(beyond, 0.95):.1f}", f"{beyond.max():.1f}"


def _injected(outcomes: Sequence[Outcome], alone: Sequence[Outcome]) -> str:
    rows = []
    for kind in KINDS:
        for of in ("hfno_sedation", "bidmc"):
            mine = [each for each in outcomes if each.event.kind is kind and each.event.recording.of == of]
            if not mine:
                continue
            late = [each.late_s for each in mine if each.late_s is not None]
            without = sum(each.found for each in alone if each.event.kind is kind and each.event.recording.of == of)
            rough = sum(each.event.disturbed for each in mine)
            found = f"{100 * len(late) / len(mine):.0f} %"
            rows.append((kind.name, kind.expects.word, of, len(mine), rough, found, *_delays(late), without))
    heads = (
        "event", "priority", "recordings", "events", "in a disturbed stretch", "found", "median s", "95 % s", "latest s",
        "told without the event",
    )  # fmt: skip
    lost = [each for each in outcomes if not each.found]
    said = "; ".join(
        f"{each.event.recording.name} at {each.event.from_s:.0f} s, {each.event.kind.name}" for each in lost
    )
    return f"{markdown(heads, rows, left=3)}\n\nNot found (within {ALLOWED_S} s of the event's end): {said or 'none'}."


def _burdens(burdens: Sequence[Burden]) -> str:
    rows: list[tuple[object, ...]] = []
    for burden in burdens:
        steps = counted(burden.alerts)
        for limit in PLAIN:
            mine = sum(count for (rule, _), count in steps.items() if rule in limit.rules)
            plain = burden.plain[limit.name]
            if plain:
                rows.append(
                    (burden.of, limit.name, plain, burden.delayed[limit.name], mine, f"{100 * mine / plain:.0f} %")
                )
    plain, mine = sum(burden.plain.total() for burden in burdens), sum(_of_bodies(burden) for burden in burdens)
    delayed = sum(burden.delayed.total() for burden in burdens)
    rows.append(("both", "all", plain, delayed, mine, f"{100 * mine / plain:.0f} %"))
    heads = ("recordings", "limit", "plain alarms", "after a plain 15 s", "high and medium alerts", "share")
    return markdown(heads, rows, left=2)


def _by_rule(burdens: Sequence[Burden]) -> str:
    rows = []
    for burden in burdens:
        said: Counter[tuple[str, Priority]] = Counter()
        for alert in burden.alerts:
            said.update((alert.rule, step.priority) for step in alert.steps if step.what in {"raised", "worsened"})
        for (rule, priority), count in sorted(said.items(), key=lambda item: (-item[0][1], item[0][0])):
            rows.append((burden.of, rule, priority.word, count, f"{count / burden.hours:.2f}"))
    return markdown(("recordings", "rule", "priority", "raised or worsened", "per hour"), rows, left=3)


def _fates(burdens: Sequence[Burden]) -> str:
    fates = Counter((each.crossing.limit.name, each.fate) for burden in burdens for each in burden.fated)
    rows = [(limit.name, *(fates[limit.name, fate] for fate in FATES)) for limit in PLAIN]
    return "What became of every plain alarm:\n\n" + markdown(("limit", *FATES), rows)


def _runs(burdens: Sequence[Burden]) -> str:
    rows = [
        (run.patient, f"{run.from_s:.0f}", f"{run.to_s - run.from_s + 1:.0f}", f"{run.lowest:.0f}", "no" if alert is None else "yes")
        for burden in burdens
        for run, alert in burden.runs
    ]  # fmt: skip
    heads = ("patient", "from s", "lasts s", "lowest %", "raised")
    return "Believable runs of SpO2 below 90 %:\n\n" + markdown(heads, rows)


def _breathing(found: Breathing) -> str:
    rows = [
        (rule, priority.word, count, nothing, f"{count / found.hours:.2f}", f"{nothing / found.hours:.2f}")
        for rule, priority, count, nothing in by_rule(found.loud)
    ]
    heads = ("rule", "priority", "raised or worsened", "about nothing", "per hour", "about nothing per hour")
    late = [pause.late_s for pause in found.pauses if pause.late_s is not None]
    said = f"median {np.median(late):.0f} s, latest {max(late):.0f} s" if late else "none"
    words = (
        f"{found.people} people, {found.hours:.1f} h. *RR and EtCO2 are invented over the recordings' labels.* Pauses of "
        f"{PAUSE_COUNTS_S} s or more that were told, after the numbers showed them: {said}; never: {len(found.pauses) - len(late)}."
    )
    return f"{words}\n\n{markdown(heads, rows, left=2)}"


def _lasting(found: CuffSeries) -> str:
    rows = [
        (of, f"{name} min", every, told, _share(told, every))
        for of in LASTING
        for name, _ in SPACINGS
        for told, every in [_told(found, of, name)]
    ]
    words = (
        f"{found.stays:,} stays, {found.cuffs:,} cuffs, {found.days:,.0f} days; {found.loud / found.days:.2f} times a day somebody "
        "is called about a pressure. Pressures that lasted (three cuffs, 20 min), raised to medium or more:"
    )
    return f"{words}\n\n{markdown(('past', 'a cuff every', 'lasting', 'raised', 'share'), rows, left=2)}"


def _crises(found: CuffSeries) -> str:
    kinds: dict[str, list[Crisis]] = {
        "all": found.crises,
        "systolic 200 or more": [crisis for crisis in found.crises if not crisis.diastolic_alone],
        "diastolic alone": [crisis for crisis in found.crises if crisis.diastolic_alone],
        f"pulse pressure under {NARROW_MMHG:.0f}": [crisis for crisis in found.crises if crisis.narrow],
        "stays that the rule was chosen on": [crisis for crisis in found.crises if crisis.chosen_on],
        "the other stays": [crisis for crisis in found.crises if not crisis.chosen_on],
    }
    rows = []
    for kind, mine in kinds.items():
        for which, some in (
            ("all", mine),
            ("believed at once", [crisis for crisis in mine if crisis.believed]),
            ("news by it", [crisis for crisis in mine if crisis.news]),
        ):
            fates = Counter(crisis.borne_out for crisis in some)
            rows.append((kind, which, len(some), fates[True], fates[False], fates[None]))
    heads = ("crisis by one cuff", "of them", "cuffs", "borne out", "refuted", "no neighbour")
    return markdown(heads, rows, left=2)
