"""`python -m bench.detection.cuff_frontier [PICTURE]`: how far a crisis by one cuff can be told from a wrong cuff at its second.

The crises of `cuff_series.py` and their neighbours' verdicts. A score of a crisis is a forest or a logistic regression over all
that is known at its second: the cuff (pressures, pulse pressure, where its mean lies, what it says of the rest), the three
cuffs before it and how long ago they were, the person's own middle, highest and spread of one, two, six and twenty-four hours,
how many of those were raised, the person's earlier crises and what became of them, readings that no device can mean, and the
pace of the cuffs. Each stay is scored by what the others taught (ten folds of stays). A crisis whose cuff before is raised is
borne out already, and comes first. Sorted by its score the crises give the frontier: what is refuted of those believed, and
how many of those borne out are believed, counted as the card does, with those that have no neighbour among the believed.
Bad at: what another kind of model would find; a witness that the set lacks (a pulse, an artery, a waveform). Cost: a minute or
two. Never here: numbers that the ward uses; nothing is chosen by this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any, Final, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.detection.card import markdown
from bench.detection.charts import ACCENT
from bench.detection.cuff_series import NEAR_MIN, Crisis, CuffRow, crises_told, is_critical, is_raised, stays
from bench.detection.panels import GREY, PALE, save
from models.arrays import Floats

BAR_REFUTED, BAR_BORNE_OUT = 0.15, 0.95
REPEAT_MIN: Final = 2.0
FOLDS, SEEDS = 10, 2
_WINDOWS_MIN: Final = (60, 120, 360, 1440)
_CUFFS_BEFORE: Final = 3
_SURE: Final = 9.0

Model = Callable[[int], Any]
MODELS: Final[Mapping[str, Model]] = {
    "forest": lambda seed: RandomForestClassifier(300, min_samples_leaf=4, max_features=0.2, random_state=seed),
    "logistic regression": lambda _: make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)),
}


class Judged(NamedTuple):
    """The first cuff of a crisis: whose, what is known at its second, what the cuff before and the one after say (None: there is
    none within 30 min; `soon`: none within 2 min), and what the ward said.
    """

    stay: str
    known: tuple[float, ...]
    before: bool | None
    after: bool | None
    soon: bool | None
    believed: bool

    @property
    def borne_out(self) -> bool | None:
        """As the card judges it: by either neighbour."""
        near = [each for each in (self.before, self.after) if each is not None]
        return any(near) if near else None


def judged(found: Mapping[str, Sequence[CuffRow]], told: Sequence[Crisis]) -> list[Judged]:
    """Every crisis that the card counts, with what is known of it."""
    believed = {(each.stay, each.at_us): each.believed for each in told}
    crises = []
    for stay, rows in found.items():
        possible = [row for row in rows if row.possible]
        for n, row in enumerate(possible):
            if (stay, row.at_us) not in believed:
                continue
            before, after = (_verdict(row, each) for each in (possible[n - 1 : n], possible[n + 1 : n + 2]))
            soon = after if after is not None and possible[n + 1].minute - row.minute <= REPEAT_MIN else None
            known = _known(possible, n, [each for each in rows if each.minute < row.minute])
            crises.append(Judged(stay, known, before, after, soon, believed[stay, row.at_us]))
    return crises


def _verdict(row: CuffRow, neighbour: Sequence[CuffRow]) -> bool | None:
    """Whether the neighbour, if it is near, bears the crisis out."""
    near = [is_raised(each) for each in neighbour if abs(each.minute - row.minute) <= NEAR_MIN]
    return near[0] if near else None


def _known(possible: Sequence[CuffRow], n: int, sent: Sequence[CuffRow]) -> tuple[float, ...]:
    """What is known at the second of `possible[n]`; `sent`: all that was sent before, readings that no device can mean too."""
    row, past = possible[n], possible[:n]
    values = [row.sbp, row.dbp, *_shape(row)]
    for back in range(1, _CUFFS_BEFORE + 1):
        each = past[-back] if back <= len(past) else CuffRow(row.minute - 10_000, nan, nan, nan)
        values += [each.sbp, each.dbp, row.sbp - each.sbp, row.dbp - each.dbp, row.minute - each.minute, *_shape(each)]
    for window in _WINDOWS_MIN:
        some = [each for each in past if row.minute - each.minute <= window]
        sbp, dbp = (np.array([getattr(each, name) for each in some] or [nan]) for name in ("sbp", "dbp"))
        raised = [is_raised(each) for each in some]
        for own, own_values in ((row.sbp, sbp), (row.dbp, dbp), (row.sbp - row.dbp, sbp - dbp)):
            values += [own - float(np.median(own_values)), own - float(np.max(own_values)), float(np.std(own_values))]
        values += [len(some), sum(raised), sum(raised) / len(some) if some else nan]
    crises = [at for at, each in enumerate(past) if is_critical(each)]
    verdicts = [near for at in crises if (near := _known_verdict(possible, at, n)) is not None]
    values += [len(crises), sum(verdicts), len(verdicts) - sum(verdicts), float(verdicts[-1]) if verdicts else nan]
    values.append(row.minute - past[crises[-1]].minute if crises else nan)
    values += [sum(not each.possible for each in sent if row.minute - each.minute <= within) for within in (10, 120)]
    pace = np.diff([each.minute for each in past[-6:]])
    values += [float(np.median(pace)), float(np.std(pace))] if len(pace) else [nan, nan]
    return tuple(-999.0 if isnan(value) else float(value) for value in values)


def _shape(row: CuffRow) -> tuple[float, float, float]:
    """A cuff's pulse pressure, where its mean lies between its pressures, and how far that is from a third, mmHg."""
    pulse = row.sbp - row.dbp
    return pulse, (row.map - row.dbp) / pulse if pulse else nan, row.map - row.dbp - pulse / 3


def _known_verdict(possible: Sequence[CuffRow], at: int, now: int) -> bool | None:
    """What had become of an earlier crisis by the cuff `now`."""
    near = [_verdict(possible[at], possible[each : each + 1]) for each in (at - 1, at + 1) if 0 <= each < now]
    heard = [each for each in near if each is not None]
    return any(heard) if heard else None


def scores(crises: Sequence[Judged], verdicts: Sequence[bool | None], model: Model) -> Floats:
    """Each crisis's score (1: borne out), by what the other stays' crises with a verdict teach."""
    known = np.array([each.known for each in crises])
    verdict = np.array([nan if each is None else float(each) for each in verdicts])
    names = sorted({each.stay for each in crises})
    found: Floats = np.zeros(len(crises))
    for seed in range(SEEDS):
        fold_of = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % FOLDS, strict=True))
        folds = np.array([fold_of[each.stay] for each in crises])
        for fold in np.unique(folds):
            teaches, of = ~np.isnan(verdict) & (folds != fold), folds == fold
            taught = model(seed).fit(known[teaches], verdict[teaches])
            found[of] += taught.predict_proba(known[of])[:, 1] / SEEDS
    return found


def curve(score: Floats, verdicts: Sequence[bool | None]) -> tuple[Floats, Floats]:
    """The share refuted of those believed, and the share believed of those borne out, as ever more are believed."""
    order = np.argsort(-score, kind="stable")
    borne = np.array([each is True for each in verdicts])[order]
    wrong = np.array([each is False for each in verdicts])[order]
    return np.cumsum(wrong) / np.arange(1, len(order) + 1), np.cumsum(borne) / borne.sum()


def at_bars(refuted: Floats, kept: Floats, most: float = BAR_REFUTED) -> tuple[float, float]:
    """The share refuted where 95 % of those borne out are believed, and the share believed where at most `most` are refuted."""
    return float(refuted[np.argmax(kept >= BAR_BORNE_OUT)]), float(kept[refuted <= most].max(initial=0.0))


def curves(crises: Sequence[Judged]) -> dict[str, tuple[Floats, Floats]]:
    """The frontier of each model, by the card's verdict."""
    verdicts = [each.borne_out for each in crises]
    # What the cuff before bears out is known to be borne out: only the others have to be guessed.
    open_ones = [None if each.before else each.borne_out for each in crises]
    sure = np.array([bool(each.before) for each in crises])
    return {
        name: curve(np.where(sure, _SURE, scores(crises, open_ones, model)), verdicts) for name, model in MODELS.items()
    }


def rule_point(crises: Sequence[Judged]) -> tuple[float, float]:
    """The ward's own place among the curves."""
    believed = [each for each in crises if each.believed]
    refuted = sum(each.borne_out is False for each in believed) / len(believed)
    borne = [each.believed for each in crises if each.borne_out]
    return refuted, sum(borne) / len(borne)


def tables(crises: Sequence[Judged], found: Mapping[str, tuple[Floats, Floats]]) -> str:
    """Who bears out and when; each frontier and the rule at the bars; the same by other readings of *refuted*."""
    refuted, kept = rule_point(crises)
    sources = [
        ("the cuff before, known at once", [each for each in crises if each.before]),
        ("the cuff after alone", [each for each in crises if each.after and not each.before]),
        ("refuted", [each for each in crises if each.borne_out is False]),
        ("no neighbour within 30 min", [each for each in crises if each.borne_out is None]),
    ]
    who = [(name, len(some), sum(each.believed for each in some)) for name, some in sources]
    rows = [("the rule", "", f"{kept:.1%} at {refuted:.1%}", "")]
    for name, (wrong, right) in found.items():
        dear, at_bar = at_bars(wrong, right)
        rows.append((name, f"{dear:.1%}", f"{at_bar:.1%}", f"{at_bars(wrong, right, refuted)[1]:.1%}"))
    other = []
    for name, verdict_of in (("the cuff after, within 30 min", "after"), ("the cuff after, within 2 min", "soon")):
        some = [each for each in crises if getattr(each, verdict_of) is not None]
        verdicts = [getattr(each, verdict_of) for each in some]
        dear, at_bar = at_bars(*curve(scores(some, verdicts, MODELS["forest"]), verdicts))
        other.append((name, len(some), f"{1 - float(np.mean(verdicts)):.0%}", f"{dear:.0%}", f"{at_bar:.0%}"))
    heads = "refuted, where 95 % of those borne out are believed", "borne out believed, where 15 % are refuted"
    return "\n\n".join(
        (
            markdown(("borne out by", "crises", "high at once"), who),
            markdown(("believed by", *heads, "and where the rule's share is refuted"), rows),
            markdown(("judged by", "crises with such a cuff", "of all refuted", *heads), other),
        )
    )


def picture(found: Mapping[str, tuple[Floats, Floats]], rule: tuple[float, float], out: Path) -> None:
    """Draw the curves, the rule's place and the corner that both bars ask for."""
    mpl.use("Agg")
    figure = Figure(figsize=(6.5, 3.8), dpi=80, layout="constrained")
    axis = figure.subplots()
    for (name, (refuted, kept)), dashes in zip(found.items(), ("solid", (0, (4, 3))), strict=True):
        axis.plot(
            100 * refuted,
            100 * kept,
            color=GREY,
            linewidth=1.3,
            linestyle=dashes,
            label=f"{name}, cross-validated by stay",
        )
    corner = [0, 100 * BAR_REFUTED], [100 * BAR_BORNE_OUT] * 2
    axis.fill_between(*corner, 100, color=PALE, alpha=0.6, label="both bars hold")
    axis.plot(100 * rule[0], 100 * rule[1], "o", color=ACCENT, label="the rule")
    axis.set(xlim=(0, 45), ylim=(45, 100.5))
    axis.set_xlabel("% refuted, of the crises believed at once", fontsize=8, color=GREY)
    axis.set_ylabel("% believed, of those borne out", fontsize=8, color=GREY)
    axis.tick_params(labelsize=7, colors=GREY, length=2)
    axis.legend(fontsize=7, frameon=False, loc="lower right")
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    save(figure, out)


def main(arguments: Sequence[str]) -> None:
    """Print the tables; draw the picture where one is named."""
    found = stays()
    if not found:
        sys.exit("the recordings of cuffs are not here: CHAIRSIDE_DATA names their folder")
    crises = judged(found, crises_told(found))
    drawn = curves(crises)
    print(tables(crises, drawn))
    if arguments:
        picture(drawn, rule_point(crises), Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
